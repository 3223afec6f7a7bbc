// Small helpers on bytes and text that several rooms need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meshflow {

// Lower-case hex, two digits a byte.
[[nodiscard]] std::string to_hex(std::string_view bytes);
// Writes 2·size digits to `out`, no terminator.
void write_hex(const void* bytes, std::size_t size, char* out) noexcept;
// The bytes of a hex string in either case; nothing for odd length or a digit that is none.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view digits);

[[nodiscard]] std::string to_base64(std::string_view bytes);
// Standard or URL alphabet, with or without padding; nothing for anything else.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;
// Each maximal invalid piece becomes U+FFFD (Unicode 15, section 3.9). `replaced`, where given, is increased by
// the number of pieces.
[[nodiscard]] std::string sanitize_utf8(std::string_view text, std::uint64_t* replaced = nullptr);
// The longest prefix of at most `bytes_max` bytes that does not cut a UTF-8 sequence.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) noexcept;

// SHA-256, 32 bytes (FIPS 180-4).
[[nodiscard]] std::string sha256(std::string_view bytes);
// The same in hex.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace meshflow
