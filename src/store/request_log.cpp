#include "store/request_log.hpp"

#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include <pthread.h>

#include "base/try.hpp"

namespace meshflow::store {
namespace {

// Of one write: what waits beyond that waits for the next.
constexpr std::size_t kWriteBytesMax = std::size_t{16} << 20;

}  // namespace

RequestLog::RequestLog(Options options, const Clock& clock, FileSystem& files,
                       std::function<void(LoggedRequest)> written)
    : options_(std::move(options)), written_(std::move(written)) {
  // Its files go when the tables have what is in them, never by age or size.
  spool::WriterOptions writer;
  writer.directory = options_.directory;
  writer.file_bytes_max = options_.file_bytes_max;
  writer.directory_bytes_max = UINT64_MAX;
  writer.age_max = std::chrono::hours(24 * 365 * 100);
  writer.clock = &clock;
  writer.files = &files;
  writer_ = std::make_unique<spool::Writer>(std::move(writer));
  thread_ = std::thread([this] { run(); });
}

RequestLog::~RequestLog() { close(); }

void RequestLog::append(std::string bytes, otlp::Inspected inspected, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_) {
      waiting_.push_back({{std::move(bytes), std::move(inspected), {}}, std::move(done)});
      wake_.notify_one();
      return;
    }
  }
  done(fail(ErrorCode::unavailable, "the store is closing"));
}

void RequestLog::close() {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return;
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
  writer_.reset();
}

std::string RequestLog::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void RequestLog::run() {
  ::pthread_setname_np(::pthread_self(), "store-log");
  for (;;) {
    std::vector<Waiting> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      std::size_t bytes = 0;
      std::size_t count = 0;
      while (count < waiting_.size() && (count == 0 || bytes < kWriteBytesMax)) {
        bytes += waiting_[count++].request.bytes.size();
      }
      const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
      batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
      waiting_.erase(waiting_.begin(), end);
    }
    write(batch);
  }
}

void RequestLog::write(std::vector<Waiting>& batch) {
  std::vector<std::string_view> payloads;
  payloads.reserve(batch.size());
  for (const Waiting& one : batch) payloads.emplace_back(one.request.bytes);
  auto place = writer_->append(spool::FrameType::traces, payloads);
  if (!place) {
    finish(batch, tl::unexpected(std::move(place).error()));
    return;
  }
  if (options_.durability == Durability::sync) {
    auto synced = writer_->sync();
    syncs_.fetch_add(1, std::memory_order_relaxed);
    if (!synced) {
      finish(batch, synced);
      return;
    }
  }
  std::uint64_t end = place->begin;
  for (Waiting& one : batch) {
    end += spool::kFrameHeaderBytes + one.request.bytes.size();
    one.request.place = {RequestPlace::Source::log, place->file, end};
  }
  finish(batch, {});
  // A failure shows with the next append, which begins another file.
  (void)writer_->roll_over_when_full();
}

void RequestLog::finish(std::vector<Waiting>& batch, const Result<void>& result) {
  {
    const std::lock_guard lock(mutex_);
    trouble_ = result ? std::string() : result.error().message;
  }
  for (Waiting& one : batch) {
    if (result) written_(std::move(one.request));
    one.done(result);
  }
}

}  // namespace meshflow::store
