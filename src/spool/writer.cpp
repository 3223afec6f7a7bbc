#include "spool/writer.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/random.hpp"
#include "base/try.hpp"
#include "spool/keeping.hpp"

namespace meshflow::spool {
namespace {

constexpr int kNameTriesMax = 8;
// A larger buffer is given back after its append.
constexpr std::size_t kBufferBytesKept = std::size_t{8} << 20;

}  // namespace

Result<Writer::Place> Writer::append(FrameType type, std::span<const std::string_view> payloads) {
  if (file_ == nullptr) MESHFLOW_CHECK(open());
  frames_.clear();
  for (const std::string_view payload : payloads) append_frame(frames_, header_.marker, type, payload);
  auto appended = file_->append(frames_);
  const std::uint64_t begin = file_bytes_;
  const std::size_t written = frames_.size();
  if (frames_.capacity() > kBufferBytesKept) frames_ = {};
  if (!appended) {
    // A reader would step over the torn frame, yet where it can be cut off again the file stays in use.
    if (!file_->truncate(file_bytes_)) file_.reset();
    return tl::unexpected(std::move(appended).error());
  }
  file_bytes_ += written;
  has_unsynced_ = true;
  return Place{file_name_, begin};
}

Result<void> Writer::sync() {
  if (file_ == nullptr || !std::exchange(has_unsynced_, false)) return {};
  auto synced = file_->sync();
  if (!synced) file_.reset();
  return synced;
}

Result<void> Writer::roll_over_when_full() {
  if (file_ == nullptr || file_bytes_ < options_.file_bytes_max) return {};
  auto synced = sync();
  close();
  return synced;
}

void Writer::close() {
  if (file_ == nullptr) return;
  (void)file_->append(encode_frame(header_.marker, FrameType::end, {}));
  file_.reset();
}

Result<void> Writer::open() {
  MESHFLOW_CHECK(files_.create_directories(options_.directory));
  const auto now = static_cast<std::uint64_t>(clock_.wall_nanos());
  MESHFLOW_CHECK(make_room(now));
  for (int tries = 0; tries < kNameTriesMax; ++tries) {
    std::string name = file_name(now, ::getpid(), static_cast<std::uint32_t>(random_u64()));
    const std::string path = options_.directory + "/" + name;
    if (files_.exists(path)) continue;
    MESHFLOW_TRY(auto file, files_.open_append(path));
    MESHFLOW_TRY(const bool is_locked, file->try_lock());
    // Somebody who cleans up may have taken the empty file for one left behind.
    if (!is_locked || !files_.exists(path)) continue;
    return begin(std::move(file), std::move(name), now);
  }
  return fail(ErrorCode::conflict, fmt::format("no free file name in {}", options_.directory));
}

Result<void> Writer::begin(std::unique_ptr<AppendFile> file, std::string name, std::uint64_t now) {
  header_.created_unix_nanos = now;
  secure_random_bytes(header_.marker.data(), header_.marker.size());
  if (auto appended = file->append(encode(header_)); !appended) {
    (void)files_.remove(options_.directory + "/" + name);
    return appended;
  }
  file_ = std::move(file);
  file_name_ = std::move(name);
  file_bytes_ = kFileHeaderBytes;
  return files_.sync_directory(options_.directory);
}

// Keeps the directory within its limits, this writer's next file included.
Result<void> Writer::make_room(std::uint64_t now) {
  KeepingLimits limits;
  limits.bytes_max = options_.directory_bytes_max - std::min(options_.directory_bytes_max, options_.file_bytes_max);
  limits.age_nanos_max =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(options_.age_max).count());
  limits.now_unix_nanos = now;
  MESHFLOW_TRY(const auto cleaned, clean(files_, options_.directory, limits));
  if (!cleaned.losses.empty()) {
    std::uint64_t unread_bytes = 0;
    for (const auto& loss : cleaned.losses) unread_bytes += loss.unread_bytes;
    notice_ = fmt::format("{} older files went by the limits of {} with {} bytes that nobody had read",
                          cleaned.losses.size(), options_.directory, unread_bytes);
  }
  if (cleaned.bytes_left > limits.bytes_max) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("{} holds {} bytes in files that are being written, its limit is {}", options_.directory,
                            cleaned.bytes_left, options_.directory_bytes_max));
  }
  return {};
}

}  // namespace meshflow::spool
