// OTLP protobuf from outside: never a crash, and what was decoded comes back the same, as protobuf and as JSON.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "otlp/decode.hpp"
#include "otlp/encode.hpp"
#include "otlp/inspect.hpp"
#include "otlp/json.hpp"

namespace meshflow::otlp {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

template <typename Decode>
void round_trip(std::string_view input, Decode decode) {
  const auto decoded = decode(input, DecodeLimits{});
  if (!decoded) return;
  const std::string bytes = encode(decoded->value);
  const auto again = decode(bytes, DecodeLimits{});
  require(again && encode(again->value) == bytes && again->stats == DecodeStats{});
}

void check(std::string_view input) {
  round_trip(input, decode_traces);
  round_trip(input, decode_span);
  round_trip(input, decode_resource);
  round_trip(input, decode_scope);
  round_trip(input, decode_response);
  const auto traces = decode_traces(input);
  const auto inspected = inspect_traces(input);
  require(traces.has_value() == inspected.has_value());
  if (traces) {
    require(traces->stats == inspected->stats);
    // JSON has one NaN where protobuf has many: the text is compared, not the bytes.
    const std::string json = encode_json(traces->value);
    const auto again = decode_traces_json(json);
    require(again && encode_json(again->value) == json && again->stats == DecodeStats{});
  }
}

}  // namespace
}  // namespace meshflow::otlp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::otlp::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
