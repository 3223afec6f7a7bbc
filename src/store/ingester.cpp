#include "store/ingester.hpp"

#include <algorithm>
#include <future>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "base/try.hpp"

namespace meshflow::store {
namespace {

// Keys of a filter of recent spans; at most twice as many are recent.
constexpr std::size_t kRecentFilterKeys = kRecentRowsMax + kAppendRows;
constexpr auto kMaintenanceInterval = std::chrono::seconds(5);

class OperationsTold final : public RecentSpans::Told {
 public:
  explicit OperationsTold(Operations& operations) : operations_(operations) {}
  void operation(std::string_view service, std::string_view name, std::int32_t kind) override {
    operations_.add(service, name, kind);
  }

 private:
  Operations& operations_;
};

}  // namespace

Ingester::Ingester(Tables& tables, RecentSpans& recent, Operations& operations, Options options)
    : tables_(tables),
      recent_(recent),
      operations_(operations),
      options_(std::move(options)),
      decoder_(tables.seed()),
      positions_(tables.positions()),
      newer_(std::make_unique<SpanFilter>(kRecentFilterKeys)),
      older_(std::make_unique<SpanFilter>(kRecentFilterKeys)),
      decoding_([this] { decode_loop(); }),
      appending_([this] { append_loop(); }) {}

Ingester::~Ingester() { (void)stop(); }

bool Ingester::reserve(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  // A request that is larger than the whole queue passes when it is alone.
  if (reserved_bytes_ > 0 && reserved_bytes_ + bytes > options_.queue_bytes_max) return false;
  reserved_bytes_ += bytes;
  return true;
}

void Ingester::release(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  reserved_bytes_ -= std::min(reserved_bytes_, bytes);
}

std::uint64_t Ingester::queued_bytes() const {
  const std::lock_guard lock(mutex_);
  return reserved_bytes_;
}

void Ingester::push(LoggedRequest request) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(request));
    ++pushed_;
  }
  changed_.notify_all();
}

bool Ingester::push_when_room(LoggedRequest request) {
  {
    std::unique_lock lock(mutex_);
    const std::uint64_t bytes = request.bytes.size();
    changed_.wait(lock, [&] {
      return stopping_ || !trouble_.empty() || reserved_bytes_ == 0 ||
             reserved_bytes_ + bytes <= options_.queue_bytes_max;
    });
    if (stopping_ || !trouble_.empty()) return false;
    reserved_bytes_ += bytes;
  }
  push(std::move(request));
  return true;
}

bool Ingester::wait_until_visible(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = pushed_;
  return changed_.wait_for(lock, limit, [&] { return visible_ >= wanted; });
}

std::string Ingester::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void Ingester::set_trouble(const Result<void>& result) {
  {
    const std::lock_guard lock(mutex_);
    trouble_ = result ? std::string() : result.error().message;
  }
  changed_.notify_all();
}

// ---- decoding ---------------------------------------------------------------------------------------------------

Result<void> Ingester::leave_out_duplicates(std::vector<otlp::SpanKey>& keys) {
  // Spans that a filter of recent ones knows, of this request too.
  std::vector<otlp::SpanKey> suspects;
  for (const auto& key : keys) {
    if (key.span == 0) continue;
    const std::uint64_t hash = SpanFilter::hash_of(key);
    if (newer_->may_contain(hash) || older_->may_contain(hash)) suspects.push_back(key);
    newer_->insert(hash);
    ++newer_count_;
  }
  struct Hash {
    std::size_t operator()(const otlp::SpanKey& key) const noexcept { return SpanFilter::hash_of(key); }
  };
  std::unordered_set<otlp::SpanKey, Hash> here;
  // In this order: a span goes from the recent ones into the tables, so that it is in the one or then in the other.
  if (!suspects.empty()) {
    for (const auto& key : recent_.find(suspects)) here.insert(key);
  }
  MESHFLOW_TRY(const auto stored, tables_.find(keys));
  for (const auto& key : stored) here.insert(key);
  if (!suspects.empty() || !here.empty()) {
    // Of equal ones in the request the first counts.
    std::uint64_t left_out = 0;
    for (auto& key : keys) {
      if (key.span == 0 || here.insert(key).second) continue;
      key = {};
      ++left_out;
    }
    duplicates_.fetch_add(left_out, std::memory_order_relaxed);
  }
  if (newer_count_ >= kRecentFilterKeys) {
    older_ = std::move(newer_);
    newer_ = std::make_unique<SpanFilter>(kRecentFilterKeys);
    newer_count_ = 0;
  }
  return {};
}

Result<void> Ingester::decode(LoggedRequest& request) {
  MESHFLOW_CHECK(leave_out_duplicates(request.inspected.keys));
  OperationsTold told(operations_);
  recent_.add(decoder_, request.bytes, request.inspected.keys, told);
  note(request.place);
  recent_.reached(positions_);
  return {};
}

// The source has come so far. A file that another follows has been read to its end.
void Ingester::note(const RequestPlace& place) {
  if (place.source == RequestPlace::Source::spool) {
    positions_.spool[place.file] = place.end;
    return;
  }
  const bool is_new = positions_.log.count(place.file) == 0;
  if (is_new) {
    for (auto& [file, passed] : positions_.log) passed = UINT64_MAX;
  }
  positions_.log[place.file] = place.end;
}

bool Ingester::has_room() const {
  const RecentSpans::Size size = recent_.size();
  return size.rows < kRecentRowsMax && size.bytes < options_.recent_bytes_max;
}

// False where the store stops before it is: the request is in the log, from which it is read back.
bool Ingester::decode_when_possible(LoggedRequest& request) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return has_room() || (stopping_ && !trouble_.empty()); });
    if (!has_room()) return false;
  }
  // What cannot be looked up now (a store that is short of memory, say) must not be lost: it is tried until it can.
  for (;;) {
    const auto decoded = decode(request);
    if (decoded) return true;
    set_trouble(decoded);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kAppendRetry, [this] { return stopping_; });
    if (stopping_) return false;
  }
}

void Ingester::decode_loop() {
  ::pthread_setname_np(::pthread_self(), "store-decode");
  for (;;) {
    LoggedRequest request;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) break;
      request = std::move(queue_.front());
      queue_.pop_front();
    }
    if (!decode_when_possible(request)) break;
    if (options_.visible) options_.visible(request.inspected.keys);
    {
      const std::lock_guard lock(mutex_);
      reserved_bytes_ -= std::min<std::uint64_t>(reserved_bytes_, request.bytes.size());
      ++visible_;
      if (!has_recent_) oldest_ = std::chrono::steady_clock::now();
      has_recent_ = true;
    }
    changed_.notify_all();
  }
  {
    const std::lock_guard lock(mutex_);
    decoding_done_ = true;
  }
  changed_.notify_all();
}

// ---- appending --------------------------------------------------------------------------------------------------

// Before decoding has to wait for it.
std::uint64_t Ingester::append_bytes() const noexcept { return options_.recent_bytes_max / 8 * 7; }

bool Ingester::is_batch() const {
  const RecentSpans::Size size = recent_.size();
  return size.rows >= kAppendRows || size.bytes >= append_bytes();
}

Result<void> Ingester::append_batch(std::uint64_t rows_min) {
  if (tables_.is_broken()) MESHFLOW_CHECK(tables_.recover());
  const RecentSpans::Batch batch = recent_.take_out(rows_min >> halvings_, append_bytes() >> halvings_);
  if (batch.chunks.empty()) return {};
  const auto appended = tables_.append(batch, [this](const RecentSpans::Batch& stored) { recent_.remove(stored); });
  if (!appended && appended.error().code == ErrorCode::limit_exceeded && batch.chunks.size() > 1) {
    // What was appended since the last checkpoint is in DuckDB's memory, too.
    if (tables_.checkpoint()) appends_ = 0;
    ++halvings_;
    return append_batch(rows_min);
  }
  MESHFLOW_CHECK(appended);
  halvings_ = std::max(halvings_ - 1, 0);
  if (batch.positions && options_.committed) options_.committed(*batch.positions);
  if (++appends_ >= kAppendsPerCheckpoint && tables_.checkpoint()) appends_ = 0;
  return {};
}

Result<void> Ingester::append_all() {
  while (recent_.size().rows > 0 || !recent_.take_out(1, 1).chunks.empty()) MESHFLOW_CHECK(append_batch(kAppendRows));
  return {};
}

Result<void> Ingester::on_writer(std::function<Result<void>()> work) {
  std::promise<Result<void>> promise;
  auto future = promise.get_future();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(ErrorCode::unavailable, "the store is closing");
    jobs_.push_back({std::move(work), [&promise](Result<void> result) { promise.set_value(std::move(result)); }});
  }
  changed_.notify_all();
  return future.get();
}

Result<void> Ingester::flush() {
  return on_writer([this] { return append_all(); });
}

void Ingester::append_loop() {
  ::pthread_setname_np(::pthread_self(), "store-append");
  auto next_maintenance = std::chrono::steady_clock::now() + kMaintenanceInterval;
  auto not_before = std::chrono::steady_clock::time_point::min();
  for (;;) {
    std::deque<Job> jobs;
    bool is_time = false;
    {
      std::unique_lock lock(mutex_);
      const auto wants = [&] {
        const auto now = std::chrono::steady_clock::now();
        is_time = now >= not_before && (is_batch() || (has_recent_ && now >= oldest_ + kAppendAge));
        return is_time || !jobs_.empty() || decoding_done_ || now >= next_maintenance;
      };
      while (!wants()) {
        auto until = next_maintenance;
        if (has_recent_) until = std::min(until, std::max(not_before, oldest_ + kAppendAge));
        if (is_batch() || tables_.is_broken()) until = std::min(until, not_before);
        changed_.wait_until(lock, until);
      }
      jobs = std::exchange(jobs_, {});
      if (jobs.empty() && !is_time && decoding_done_) return;
    }
    for (Job& job : jobs) job.done(job.work());
    if (is_time) {
      {
        const std::lock_guard lock(mutex_);
        has_recent_ = false;  // of what comes from now on
      }
      const auto appended = append_batch(kAppendRows);
      set_trouble(appended);
      const std::lock_guard lock(mutex_);
      const auto now = std::chrono::steady_clock::now();
      if (!appended) not_before = now + kAppendRetry;
      if (!has_recent_ && recent_.size().rows > 0) {
        has_recent_ = true;
        oldest_ = now;
      }
    }
    changed_.notify_all();
    if (std::chrono::steady_clock::now() >= next_maintenance) {
      next_maintenance = std::chrono::steady_clock::now() + kMaintenanceInterval;
      if (options_.maintain) options_.maintain();
    }
  }
}

Result<void> Ingester::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return {};
    stopping_ = true;
  }
  changed_.notify_all();
  if (decoding_.joinable()) decoding_.join();
  if (appending_.joinable()) appending_.join();
  // What cannot be appended now is in the log, and read back from there.
  MESHFLOW_CHECK(append_all());
  (void)tables_.checkpoint();
  return {};
}

}  // namespace meshflow::store
