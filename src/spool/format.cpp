#include "spool/format.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <zlib.h>

namespace meshflow::spool {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

constexpr std::size_t kCreatedDigits = 16;
constexpr std::size_t kCheckedHeaderBytes = 28;  // of the file header: all before the checksum

template <typename T>
void put(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

template <typename T>
T get(std::string_view bytes, std::size_t offset) {
  T number{};
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

std::uint32_t crc32_of(std::string_view bytes, std::uint32_t before = 0) {
  if (bytes.empty()) return before;  // zlib answers a null pointer with the initial value
  return static_cast<std::uint32_t>(::crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::uint32_t frame_checksum(std::uint32_t payload_bytes, std::uint32_t type, std::string_view payload) {
  const std::array<std::uint32_t, 2> head{payload_bytes, type};
  return crc32_of(payload, crc32_of({reinterpret_cast<const char*>(head.data()), sizeof head}));
}

}  // namespace

std::string encode(const FileHeader& header) {
  std::string out(kMagic);
  put(out, kVersion);
  put(out, header.created_unix_nanos);
  out.append(header.marker.data(), header.marker.size());
  put(out, crc32_of(out));
  return out;
}

std::optional<FileHeader> parse_file_header(std::string_view bytes) {
  if (bytes.size() < kFileHeaderBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  if (get<std::uint32_t>(bytes, 8) != kVersion) return std::nullopt;
  if (get<std::uint32_t>(bytes, kCheckedHeaderBytes) != crc32_of(bytes.substr(0, kCheckedHeaderBytes))) {
    return std::nullopt;
  }
  FileHeader header;
  header.created_unix_nanos = get<std::uint64_t>(bytes, 12);
  std::memcpy(header.marker.data(), bytes.data() + 20, header.marker.size());
  return header;
}

void append_frame(std::string& out, const Marker& marker, FrameType type, std::string_view payload) {
  const auto size = static_cast<std::uint32_t>(payload.size());
  out.reserve(out.size() + kFrameHeaderBytes + payload.size());
  out.append(marker.data(), marker.size());
  put(out, size);
  put(out, static_cast<std::uint32_t>(type));
  put(out, frame_checksum(size, static_cast<std::uint32_t>(type), payload));
  put(out, std::uint32_t{0});
  out.append(payload);
}

std::string encode_frame(const Marker& marker, FrameType type, std::string_view payload) {
  std::string out;
  append_frame(out, marker, type, payload);
  return out;
}

std::optional<FrameHeader> parse_frame_header(const Marker& marker, std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes || std::memcmp(bytes.data(), marker.data(), marker.size()) != 0) {
    return std::nullopt;
  }
  const FrameHeader header{get<std::uint32_t>(bytes, 8), get<std::uint32_t>(bytes, 12), get<std::uint32_t>(bytes, 16)};
  if (header.payload_bytes > kPayloadBytesMax) return std::nullopt;
  return header;
}

bool checksum_holds(const FrameHeader& header, std::string_view payload) {
  return payload.size() == header.payload_bytes &&
         frame_checksum(header.payload_bytes, header.type, payload) == header.checksum;
}

std::string file_name(std::uint64_t created_unix_nanos, int process_id, std::uint32_t random) {
  return fmt::format("{:0{}}-{}-{:08x}{}", created_unix_nanos / 1'000'000, kCreatedDigits, process_id, random,
                     kFileSuffix);
}

bool is_file_name(std::string_view name) noexcept { return created_of(name).has_value(); }

std::optional<std::uint64_t> created_of(std::string_view name) noexcept {
  if (name.size() < kCreatedDigits + kFileSuffix.size() || !name.ends_with(kFileSuffix)) return std::nullopt;
  std::uint64_t milliseconds = 0;
  const char* const end = name.data() + kCreatedDigits;
  const auto parsed = std::from_chars(name.data(), end, milliseconds);
  if (parsed.ec != std::errc{} || parsed.ptr != end || name[kCreatedDigits] != '-') return std::nullopt;
  return milliseconds * 1'000'000;
}

}  // namespace meshflow::spool
