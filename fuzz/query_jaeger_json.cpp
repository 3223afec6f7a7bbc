// Any bytes as Jaeger's JSON: an error, or traces that can be written again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "otlp/encode.hpp"
#include "query/jaeger_import.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = meshflow::query::from_jaeger_json({reinterpret_cast<const char*>(data), size});
  if (read) (void)meshflow::otlp::encode(read->value);
  return 0;
}
