// The bytes of a spool file; docs/spool-format.md is their specification. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meshflow::spool {

inline constexpr std::string_view kMagic = "MFSPOOL\n";
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kFileHeaderBytes = 32;
inline constexpr std::size_t kFrameHeaderBytes = 24;
inline constexpr std::uint32_t kPayloadBytesMax = 64u << 20;
inline constexpr std::string_view kFileSuffix = ".spool";

// Random for each file, at the head of every frame: where reading goes on after damage. Nobody who only puts values
// into spans can guess it, so no payload can pass for a frame.
using Marker = std::array<char, 8>;

enum class FrameType : std::uint32_t {
  traces = 1,  // an ExportTraceServiceRequest
  end = 2,     // the writer closed the file; nothing follows
  starts = 3,  // an ExportLogsServiceRequest: spans that have begun, for who watches live; nobody needs it later
};

struct FileHeader {
  std::uint64_t created_unix_nanos = 0;
  Marker marker{};
};

struct FrameHeader {
  std::uint32_t payload_bytes = 0;
  std::uint32_t type = 0;  // a FrameType, or one of a later version
  std::uint32_t checksum = 0;
};

[[nodiscard]] std::string encode(const FileHeader& header);
// Nothing for another magic, another version or a wrong checksum.
[[nodiscard]] std::optional<FileHeader> parse_file_header(std::string_view bytes);

// Header and payload; append_frame adds them to `out`.
void append_frame(std::string& out, const Marker& marker, FrameType type, std::string_view payload);
[[nodiscard]] std::string encode_frame(const Marker& marker, FrameType type, std::string_view payload);
// From kFrameHeaderBytes bytes; nothing without the marker or with a length past kPayloadBytesMax.
[[nodiscard]] std::optional<FrameHeader> parse_frame_header(const Marker& marker, std::string_view bytes);
[[nodiscard]] bool checksum_holds(const FrameHeader& header, std::string_view payload);

// "0001764000000000-12345-9f86d081.spool": milliseconds since the Unix epoch in 16 digits, so that names sort by time;
// the writer's process id; a random number.
[[nodiscard]] std::string file_name(std::uint64_t created_unix_nanos, int process_id, std::uint32_t random);
[[nodiscard]] bool is_file_name(std::string_view name) noexcept;
// The first part of a file's name, in nanoseconds; nothing for a name that is none.
[[nodiscard]] std::optional<std::uint64_t> created_of(std::string_view name) noexcept;

}  // namespace meshflow::spool
