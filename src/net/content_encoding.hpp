// Content-Encoding (RFC 9110, section 8.4): bodies uncompressed while they arrive, replies compressed.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"

namespace meshflow::net {

enum class ContentEncoding { identity, gzip, deflate, zstd };

// From the header's value ("" is identity; "x-gzip" is gzip); unsupported for any other, and for several at once.
[[nodiscard]] Result<ContentEncoding> parse_content_encoding(std::string_view value);

// Undoes one encoding, piece by piece. One thread at a time.
class ContentDecoder {
 public:
  // `expected_bytes`: how much will come out, as a guess. What passes `bytes_max` fails; never is more than that held.
  [[nodiscard]] static std::unique_ptr<ContentDecoder> make(ContentEncoding encoding, std::size_t expected_bytes,
                                                            std::size_t bytes_max);
  virtual ~ContentDecoder() = default;

  // Errors: invalid_input for bytes that are not so encoded, limit_exceeded past `bytes_max`. Nothing may follow one.
  [[nodiscard]] virtual Result<void> feed(std::string_view bytes) = 0;
  // All bytes have come. Fails with invalid_input where the end is missing. Leaves this object empty.
  [[nodiscard]] virtual Result<std::string> finish() = 0;
  // What it has allocated for its output.
  [[nodiscard]] virtual std::size_t allocated_bytes() const noexcept = 0;
};

// Fails only where memory does.
[[nodiscard]] Result<std::string> gzip_compress(std::string_view bytes);

// Whether a client that sent this Accept-Encoding takes gzip (RFC 9110, section 12.5.3).
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding) noexcept;

}  // namespace meshflow::net
