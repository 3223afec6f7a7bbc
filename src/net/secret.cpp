#include "net/secret.hpp"

#include <array>

#include <openssl/crypto.h>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace meshflow::net {

bool is_same_secret(std::string_view given, std::string_view expected) noexcept {
  return given.size() == expected.size() && CRYPTO_memcmp(given.data(), expected.data(), expected.size()) == 0;
}

std::string make_secret() {
  std::array<char, 32> bytes{};
  secure_random_bytes(bytes.data(), bytes.size());
  std::string text = to_base64({bytes.data(), bytes.size()});
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  text.resize(kSecretCharacters);  // without the padding
  return text;
}

}  // namespace meshflow::net
