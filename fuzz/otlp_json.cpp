// OTLP/JSON from outside: never a crash, and what was decoded comes back the same, as JSON and as protobuf.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "otlp/decode.hpp"
#include "otlp/encode.hpp"
#include "otlp/json.hpp"

namespace meshflow::otlp {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view input) {
  if (const auto response = decode_response_json(input)) {
    require(decode_response_json(encode_json(response->value)).value().value == response->value);
  }
  const auto traces = decode_traces_json(input);
  if (!traces) return;
  const std::string bytes = encode(traces->value);
  const std::string json = encode_json(traces->value);
  require(json.find('\n') == std::string::npos);
  const auto from_json = decode_traces_json(json);
  require(from_json && encode(from_json->value) == bytes && from_json->stats == DecodeStats{});
  const auto from_bytes = decode_traces(bytes);
  require(from_bytes && encode_json(from_bytes->value) == json && from_bytes->stats == DecodeStats{});
}

}  // namespace
}  // namespace meshflow::otlp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::otlp::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
