#include "telemetry/spool.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/random.hpp"
#include "base/try.hpp"
#include "telemetry/exporters/pieces.hpp"
#include "telemetry/spool_format.hpp"
#include "telemetry/spool_keeping.hpp"

namespace meshflow::telemetry {
namespace {

constexpr int kNameTriesMax = 8;

class SpoolExporter final : public SpanExporter {
 public:
  explicit SpoolExporter(SpoolOptions options)
      : options_(std::move(options)),
        clock_(options_.clock != nullptr ? *options_.clock : system_clock()),
        files_(options_.files != nullptr ? *options_.files : system_files()) {}

  ~SpoolExporter() override { close(); }
  SpoolExporter(const SpoolExporter&) = delete;
  SpoolExporter& operator=(const SpoolExporter&) = delete;

  std::string_view name() const noexcept override { return "spool"; }
  bool may_wait() const noexcept override { return false; }

  ExportOutcome export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) override {
    auto outcome = export_in_pieces(batch, spool::kPayloadBytesMax, encode_request, [this](const std::string& request) {
      const auto written = write(request);
      return written ? Attempt{.kind = Attempt::Kind::accepted} : Attempt{.error = written.error().text()};
    });
    if (outcome.error.empty()) outcome.error = std::exchange(notice_, {});
    return outcome;
  }

  void flush(std::chrono::steady_clock::time_point) override {
    // After a failed sync nobody knows which of the written bytes are lost; what comes next goes to a new file.
    if (file_ != nullptr && !file_->sync()) file_.reset();
  }

  // The parent goes on writing its file; the child's copy of the descriptor is only closed.
  void after_fork_in_child() noexcept override { file_.reset(); }

 private:
  Result<void> write(const std::string& request) {
    if (file_ == nullptr) MESHFLOW_CHECK(open());
    const std::string frame = spool::encode_frame(header_.marker, spool::FrameType::traces, request);
    if (auto appended = file_->append(frame); !appended) {
      // A reader would step over the torn frame, yet where it can be cut off again the file stays in use.
      if (!file_->truncate(file_bytes_)) file_.reset();
      return appended;
    }
    file_bytes_ += frame.size();
    if (file_bytes_ >= options_.file_bytes_max) {
      (void)file_->sync();
      close();
    }
    return {};
  }

  Result<void> open() {
    MESHFLOW_CHECK(files_.create_directories(options_.directory));
    const auto now = static_cast<std::uint64_t>(clock_.wall_nanos());
    MESHFLOW_CHECK(make_room(now));
    for (int tries = 0; tries < kNameTriesMax; ++tries) {
      const std::string path =
          options_.directory + "/" + spool::file_name(now, ::getpid(), static_cast<std::uint32_t>(random_u64()));
      if (files_.exists(path)) continue;
      MESHFLOW_TRY(auto file, files_.open_append(path));
      MESHFLOW_TRY(const bool is_locked, file->try_lock());
      // Somebody who cleans up may have taken the empty file for one left behind.
      if (!is_locked || !files_.exists(path)) continue;
      return begin(std::move(file), path, now);
    }
    return fail(ErrorCode::conflict, fmt::format("no free file name in {}", options_.directory));
  }

  Result<void> begin(std::unique_ptr<AppendFile> file, const std::string& path, std::uint64_t now) {
    header_.created_unix_nanos = now;
    secure_random_bytes(header_.marker.data(), header_.marker.size());
    if (auto appended = file->append(spool::encode(header_)); !appended) {
      (void)files_.remove(path);
      return appended;
    }
    file_ = std::move(file);
    file_bytes_ = spool::kFileHeaderBytes;
    return files_.sync_directory(options_.directory);
  }

  // Keeps the directory within its limits, this writer's next file included.
  Result<void> make_room(std::uint64_t now) {
    spool::KeepingLimits limits;
    limits.bytes_max = options_.directory_bytes_max - std::min(options_.directory_bytes_max, options_.file_bytes_max);
    limits.age_nanos_max =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(options_.age_max).count());
    limits.now_unix_nanos = now;
    MESHFLOW_TRY(const auto cleaned, spool::clean(files_, options_.directory, limits));
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

  void close() {
    if (file_ == nullptr) return;
    (void)file_->append(spool::encode_frame(header_.marker, spool::FrameType::end, {}));
    file_.reset();
  }

  const SpoolOptions options_;
  const Clock& clock_;
  FileSystem& files_;
  std::unique_ptr<AppendFile> file_;  // null: the next write opens one
  spool::FileHeader header_;
  std::uint64_t file_bytes_ = 0;  // whole frames and the header
  std::string notice_;            // for the next outcome
};

}  // namespace

std::unique_ptr<SpanExporter> make_spool_exporter(SpoolOptions options) {
  return std::make_unique<SpoolExporter>(std::move(options));
}

}  // namespace meshflow::telemetry
