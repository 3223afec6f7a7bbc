// Secrets that a client presents: tokens, codes, cookies.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace meshflow::net {

// How long it takes depends on the lengths alone. Pure.
[[nodiscard]] bool is_same_secret(std::string_view given, std::string_view expected) noexcept;

// 256 random bits (getrandom), as 43 characters of base64url: they need no escape in a URL, a cookie or JSON.
inline constexpr std::size_t kSecretCharacters = 43;
[[nodiscard]] std::string make_secret();

}  // namespace meshflow::net
