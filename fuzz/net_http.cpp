// Bytes that a client may send: never a crash, and the same outcome however they are cut into pieces. The first byte
// says what they are: a request, or a body in one of the encodings.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/content_encoding.hpp"
#include "net/http_core.hpp"
#include "net/http_parser.hpp"

namespace meshflow::net {
namespace {

constexpr std::size_t kHeaderBytesMax = 4096;
constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20;

void require(bool holds) {
  if (!holds) std::abort();
}

// What came of a request: its head and its chunked body, or "none". (When what is broken is seen depends on the pieces,
// so what is broken and what is not whole are the same here.)
std::string parsed(std::string_view input, std::size_t piece_bytes) {
  HttpRequestParser parser(kHeaderBytesMax);
  std::string body;
  parser.set_on_body([&](std::string_view bytes) -> Result<void> {
    body += bytes;
    return {};
  });
  std::string waiting;
  while (!input.empty() && !parser.is_done()) {
    waiting += input.substr(0, piece_bytes);
    input.remove_prefix(std::min(piece_bytes, input.size()));
    for (;;) {
      if (parser.is_done() || (parser.is_head_done() && !parser.is_chunked())) break;
      const auto taken = parser.put(waiting);
      if (!taken) return "none";
      require(*taken <= waiting.size());
      waiting.erase(0, *taken);
      if (*taken == 0 || waiting.empty()) break;
    }
    if (waiting.size() > 2 * kHeaderBytesMax) return "none";
    if (parser.is_head_done() && !parser.is_chunked()) break;
  }
  if (!parser.is_head_done()) return "none";
  HttpServerRequest& head = parser.head();
  std::string outcome = head.method + " " + head.target + "\n";
  for (const auto& [name, value] : head.headers) outcome += name + ":" + value + "\n";
  static HttpCore core({.name = "fuzz", .bearer_token = "t"}, {});
  (void)answer_from_head(core, head, parser.is_http_1_0());
  (void)accepts_gzip(head.header("accept-encoding"));
  (void)parse_content_encoding(head.header("content-encoding"));
  (void)head.content_type();
  if (parser.is_chunked() && !parser.is_done()) return "none";
  return outcome + body;
}

std::string decoded(ContentEncoding encoding, std::string_view input, std::size_t piece_bytes) {
  const auto decoder = ContentDecoder::make(encoding, 0, kBodyBytesMax);
  for (; !input.empty(); input.remove_prefix(std::min(piece_bytes, input.size()))) {
    const auto fed = decoder->feed(input.substr(0, piece_bytes));
    require(decoder->allocated_bytes() <= kBodyBytesMax);
    if (!fed) return "error";
  }
  auto whole = decoder->finish();
  require(!whole || whole->size() <= kBodyBytesMax);
  return whole ? "whole " + *whole : "error";
}

void check(std::string_view input) {
  if (input.empty()) return;
  const char kind = input.front();
  input.remove_prefix(1);
  switch (kind) {
    case 'g': require(decoded(ContentEncoding::gzip, input, 7) == decoded(ContentEncoding::gzip, input, 4096)); break;
    case 'd':
      require(decoded(ContentEncoding::deflate, input, 7) == decoded(ContentEncoding::deflate, input, 4096));
      break;
    case 'z': require(decoded(ContentEncoding::zstd, input, 7) == decoded(ContentEncoding::zstd, input, 4096)); break;
    default:
      // How much fits before the head's end is seen depends on the pieces; what is small enough does not.
      if (input.size() < kHeaderBytesMax) require(parsed(input, 1) == parsed(input, 4096));
  }
}

}  // namespace
}  // namespace meshflow::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::net::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
