// Our side of otlp_oracle.py: a filter from frames to frames. A frame is a length of 4 bytes, little-endian, and that
// many bytes.
//
//   otlp_oracle_tool generate COUNT   writes COUNT generated traces: a frame of protobuf, then one of JSON, for each
//   otlp_oracle_tool protobuf         reads frames of protobuf; writes each decoded and encoded again: protobuf, JSON
//   otlp_oracle_tool json             the same for frames of JSON
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "otlp/decode.hpp"
#include "otlp/encode.hpp"
#include "otlp/generate.hpp"
#include "otlp/json.hpp"

namespace {

namespace otlp = meshflow::otlp;

void write_frame(const std::string& bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::fwrite(&size, sizeof size, 1, stdout);
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
}

std::optional<std::string> read_frame() {
  std::uint32_t size = 0;
  if (std::fread(&size, sizeof size, 1, stdin) != 1) return std::nullopt;
  std::string bytes(size, '\0');
  if (std::fread(bytes.data(), 1, size, stdin) != size) return std::nullopt;
  return bytes;
}

void write_both(const otlp::TracesData& traces) {
  write_frame(otlp::encode(traces));
  write_frame(otlp::encode_json(traces));
}

template <typename Decode>
int filter(Decode decode) {
  while (const auto frame = read_frame()) {
    const auto traces = decode(*frame, otlp::DecodeLimits{});
    if (!traces) return meshflow::report(traces.error());
    if (traces->stats != otlp::DecodeStats{}) {
      std::fprintf(stderr, "not taken as it came: %s\n", traces->stats.rejection.c_str());
      return 1;
    }
    write_both(traces->value);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "generate" && argc == 3) {
    const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
    for (std::uint64_t seed = 0; seed < count; ++seed) write_both(otlp::test::Generator(seed).traces());
    return 0;
  }
  if (command == "protobuf") return filter(otlp::decode_traces);
  if (command == "json") return filter(otlp::decode_traces_json);
  std::fprintf(stderr, "usage: %s generate COUNT | protobuf | json\n", argv[0]);
  return 2;
}
