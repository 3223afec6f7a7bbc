#include "spool/keeping.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <zlib.h>

#include "base/try.hpp"
#include "spool/format.hpp"

namespace meshflow::spool {
namespace {

constexpr std::string_view kRecordHeader = "meshflow-spool-reader 1\n";
constexpr std::string_view kChecksumKey = "crc32 ";
constexpr std::size_t kReaderNameBytesMax = 64;
constexpr std::uint64_t kRecordBytesMax = 16u << 20;

std::string checksum_line(std::string_view text) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  return fmt::format("{}{:08x}\n", kChecksumKey, crc);
}

tl::unexpected<Error> broken_record(const std::string& path) {
  return fail(ErrorCode::invalid_input, fmt::format("{} is not a reader's record", path),
              "remove it to read everything once more");
}

Result<std::vector<std::string>> list_or_nothing(FileSystem& files, const std::string& directory) {
  auto names = files.list(directory);
  if (!names && names.error().code == ErrorCode::not_found) return std::vector<std::string>{};
  return names;
}

// The positions of all readers on record. One whose record is broken has passed nothing.
Result<std::vector<Positions>> all_positions(FileSystem& files, const std::string& directory) {
  MESHFLOW_TRY(const auto names, list_or_nothing(files, directory + "/readers"));
  std::vector<Positions> readers;
  for (const auto& name : names) {
    if (is_reader_name(name)) readers.push_back(load_positions(files, directory, name).value_or(Positions{}));
  }
  return readers;
}

struct Candidate {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t unread_bytes = 0;  // by the slowest reader; all of it where none is on record
};

Result<std::vector<Candidate>> candidates_of(FileSystem& files, const std::string& directory) {
  MESHFLOW_TRY(const auto readers, all_positions(files, directory));
  MESHFLOW_TRY(const auto names, list_or_nothing(files, directory));
  std::vector<Candidate> candidates;
  for (const auto& name : names) {
    if (!is_file_name(name)) continue;
    const auto file = files.open_read(directory + "/" + name);
    if (!file) continue;  // another process removed it
    MESHFLOW_TRY(const std::uint64_t bytes, (*file)->size());
    std::uint64_t passed = readers.empty() ? 0 : bytes;
    for (const auto& positions : readers) {
      const auto found = positions.find(name);
      passed = std::min(passed, found == positions.end() ? 0 : found->second);
    }
    candidates.push_back({name, bytes, bytes - passed});
  }
  return candidates;
}

// Removes a file that nobody writes; false where somebody does, or wrote since it had `bytes`.
Result<bool> remove_closed(FileSystem& files, const std::string& path, std::uint64_t bytes) {
  if (!files.exists(path)) return true;  // another process removed it; opening it would create it
  MESHFLOW_TRY(const auto file, files.open_append(path));
  // Held until the file is gone, so that no writer takes it for its own meanwhile.
  MESHFLOW_TRY(const bool is_locked, file->try_lock());
  if (!is_locked) return false;
  MESHFLOW_TRY(const std::uint64_t bytes_now, file->size());
  if (bytes_now != bytes) return false;
  const auto removed = files.remove(path);
  if (!removed && removed.error().code != ErrorCode::not_found) return tl::unexpected(removed.error());
  return true;
}

Result<void> record_losses(FileSystem& files, const std::string& directory, const std::vector<Loss>& losses,
                           std::uint64_t now_unix_nanos) {
  if (losses.empty()) return {};
  std::string lines;
  for (const auto& loss : losses) {
    lines += fmt::format("{} {} {} {}\n", now_unix_nanos / 1'000'000'000, loss.file, loss.unread_bytes, loss.reason);
  }
  MESHFLOW_TRY(const auto log, files.open_append(directory + "/losses"));
  return log->append(lines);
}

}  // namespace

bool is_reader_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kReaderNameBytesMax && name.front() != '.' && !name.ends_with(".lock") &&
         !name.ends_with(".tmp") && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
         });
}

std::string reader_path(const std::string& directory, std::string_view name) {
  return fmt::format("{}/readers/{}", directory, name);
}

Result<Positions> load_positions(FileSystem& files, const std::string& directory, std::string_view name) {
  const std::string path = reader_path(directory, name);
  const auto text = files.read_all(path, kRecordBytesMax);
  if (!text && text.error().code == ErrorCode::not_found) return Positions{};
  if (!text) return tl::unexpected(text.error());
  const auto checksum = text->rfind(kChecksumKey);
  if (!text->starts_with(kRecordHeader) || checksum == std::string::npos ||
      text->substr(checksum) != checksum_line(std::string_view(*text).substr(0, checksum))) {
    return broken_record(path);
  }
  Positions positions;
  std::string_view lines = std::string_view(*text).substr(0, checksum);
  lines.remove_prefix(kRecordHeader.size());
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const auto space = line.find(' ');
    if (space == std::string_view::npos) return broken_record(path);
    std::uint64_t offset = 0;
    const auto parsed = std::from_chars(line.data() + space + 1, line.data() + line.size(), offset);
    if (parsed.ec != std::errc{} || parsed.ptr != line.data() + line.size()) return broken_record(path);
    positions.emplace(line.substr(0, space), offset);
  }
  return positions;
}

Result<void> save_positions(FileSystem& files, const std::string& directory, std::string_view name,
                            const Positions& positions) {
  std::string text(kRecordHeader);
  for (const auto& [file, offset] : positions) text += fmt::format("{} {}\n", file, offset);
  text += checksum_line(text);
  return files.write_atomically(reader_path(directory, name), text);
}

Result<bool> is_closed(FileSystem& files, const std::string& path) {
  if (!files.exists(path)) return true;  // opening it would create it
  MESHFLOW_TRY(const auto file, files.open_append(path));
  // A writer takes the lock before it writes the first byte: an empty file may be one that it has just created.
  MESHFLOW_TRY(const std::uint64_t bytes, file->size());
  if (bytes == 0) return false;
  return file->try_lock();
}

Result<Cleaned> clean(FileSystem& files, const std::string& directory, const KeepingLimits& limits) {
  MESHFLOW_TRY(const auto candidates, candidates_of(files, directory));
  Cleaned cleaned;
  for (const auto& candidate : candidates) cleaned.bytes_left += candidate.bytes;

  for (const auto& candidate : candidates) {  // oldest first
    const std::uint64_t age = limits.now_unix_nanos - std::min(limits.now_unix_nanos, *created_of(candidate.name));
    const bool is_passed = candidate.unread_bytes == 0;
    const bool is_old = age > limits.age_nanos_max;
    if (!is_passed && !is_old && cleaned.bytes_left <= limits.bytes_max) continue;
    MESHFLOW_TRY(const bool is_removed, remove_closed(files, directory + "/" + candidate.name, candidate.bytes));
    if (!is_removed) continue;
    cleaned.bytes_left -= candidate.bytes;
    if (!is_passed) cleaned.losses.push_back({candidate.name, candidate.unread_bytes, is_old ? "age" : "size"});
  }
  MESHFLOW_CHECK(record_losses(files, directory, cleaned.losses, limits.now_unix_nanos));
  return cleaned;
}

}  // namespace meshflow::spool
