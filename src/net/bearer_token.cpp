#include "net/bearer_token.hpp"

#include <algorithm>
#include <cctype>

#include "net/secret.hpp"

namespace meshflow::net {

bool is_authorized(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return false;
  const bool is_bearer = std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                                    [](char expected, unsigned char c) { return std::tolower(c) == expected; });
  return is_bearer && is_same_secret(authorization.substr(kScheme.size()), token);
}

}  // namespace meshflow::net
