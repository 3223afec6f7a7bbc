#include "net/bearer_token.hpp"

#include <algorithm>
#include <cctype>

#include <openssl/crypto.h>

namespace meshflow::net {

bool is_authorized(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return false;
  const bool is_bearer = std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                                    [](char expected, unsigned char c) { return std::tolower(c) == expected; });
  const std::string_view given = authorization.substr(kScheme.size());
  return is_bearer && given.size() == token.size() && CRYPTO_memcmp(given.data(), token.data(), token.size()) == 0;
}

}  // namespace meshflow::net
