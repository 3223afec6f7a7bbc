#include "store/trace_store.hpp"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include "base/try.hpp"
#include "spool/reader.hpp"
#include "spool/watch.hpp"
#include "store/ingester.hpp"
#include "store/snapshot_implementation.hpp"

namespace meshflow::store {
namespace {

constexpr std::string_view kReaderName = "store";
// How long what a local run wrote waits to be seen.
constexpr auto kSpoolPoll = std::chrono::milliseconds(50);
// After so long without an end, a replay that cannot store fails.
constexpr auto kReplayPatience = std::chrono::seconds(5);
// Shares of memory_bytes_max: the queue of requests, recent spans, and DuckDB.
constexpr std::uint64_t kQueueShares = 2;
constexpr std::uint64_t kRecentShares = 11;
constexpr std::uint64_t kEngineShares = 11;
constexpr std::uint64_t kShares = kQueueShares + kRecentShares + kEngineShares;
// So many pieces make up the limit of the disk.
constexpr std::uint64_t kPiecesPerDisk = 8;

std::uint64_t bytes_of(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : bytes;
}

// Whether a disk has room, asked now and then. Thread-safe.
class DiskRoom {
 public:
  DiskRoom(std::string directory, std::uint64_t bytes_min) : directory_(std::move(directory)), bytes_min_(bytes_min) {}
  [[nodiscard]] bool is_there() {
    const std::int64_t now = system_clock().monotonic_nanos();
    std::int64_t next = next_look_.load(std::memory_order_relaxed);
    if (now >= next && next_look_.compare_exchange_strong(next, now + kLookNanos)) {
      std::error_code error;
      const auto space = std::filesystem::space(directory_, error);
      is_there_.store(static_cast<bool>(error) || space.available >= bytes_min_, std::memory_order_relaxed);
    }
    return is_there_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::int64_t kLookNanos = 200'000'000;
  const std::string directory_;
  const std::uint64_t bytes_min_;
  std::atomic<std::int64_t> next_look_{0};
  std::atomic<bool> is_there_{true};
};

// Held while a process has the store; names its pid.
Result<std::unique_ptr<AppendFile>> lock_store(const std::string& directory) {
  // The operating system's files, whatever the options say: a lock is between processes.
  FileSystem& files = system_files();
  const std::string path = directory + "/lock";
  MESHFLOW_TRY(auto lock, files.open_append(path));
  MESHFLOW_TRY(const bool is_locked, lock->try_lock());
  if (!is_locked) {
    const auto pid = files.read_all(path, 64);
    const std::string who =
        pid && !pid->empty() ? fmt::format("process {}", pid->substr(0, pid->find('\n'))) : "another process";
    return fail(ErrorCode::conflict, fmt::format("{} has the store in {}", who, directory), "ask it, or stop it first");
  }
  MESHFLOW_CHECK(lock->truncate(0));
  MESHFLOW_CHECK(lock->append(fmt::format("{}\n", ::getpid())));
  return lock;
}

}  // namespace

class TraceStore::Implementation {
 public:
  explicit Implementation(StoreOptions options)
      : options_(std::move(options)),
        clock_(options_.clock != nullptr ? *options_.clock : system_clock()),
        files_(options_.files != nullptr ? *options_.files : system_files()),
        log_directory_(options_.directory + "/log"),
        room_(options_.directory, options_.disk_reserve_bytes) {}
  ~Implementation() { (void)close(); }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  Result<void> open();
  void ingest(std::string request, Done done);
  Result<Snapshot> snapshot();
  Result<void> apply_retention();
  Result<void> close();
  StoreStats stats() const;

  Ingester& ingester() { return *ingester_; }
  std::string temporary_directory() const { return options_.directory + "/temporary"; }
  std::chrono::seconds retention() const noexcept { return options_.retention; }
  const Operations& operations() const { return operations_; }

 private:
  Result<void> replay_log();
  Result<void> wait_for_replay();
  Result<void> remove_log();
  Result<void> open_spool();
  void follow_spool();
  bool take_from_spool();
  bool push_from_spool(LoggedRequest request);
  void committed(const SourcePositions& positions);
  Result<void> drop_old();
  [[nodiscard]] std::uint64_t store_bytes() const {
    return bytes_of(database_path()) + bytes_of(database_path() + ".wal");
  }
  [[nodiscard]] std::string database_path() const { return options_.directory + "/store.duckdb"; }

  const StoreOptions options_;
  const Clock& clock_;
  FileSystem& files_;
  const std::string log_directory_;
  DiskRoom room_;
  std::unique_ptr<AppendFile> lock_;
  RecentViews views_;
  std::unique_ptr<Tables> tables_;
  RecentSpans recent_;
  Operations operations_;
  std::unique_ptr<Ingester> ingester_;
  std::unique_ptr<RequestLog> log_;

  std::optional<spool::Watch> spool_watch_;
  std::optional<spool::Reader> spool_;
  std::mutex spool_mutex_;
  std::condition_variable spool_wake_;
  bool spool_stopping_ = false;
  std::optional<spool::Positions> spool_committed_;  // to be recorded by the spool's thread
  std::thread spool_thread_;
  bool closed_ = false;

  struct {
    std::atomic<std::uint64_t> requests{0}, spans{0}, bytes{0}, rejected{0}, refused{0}, replaced_utf8{0},
        spool_requests{0}, spool_damage{0}, dropped{0};
  } counted_;
};

Result<void> TraceStore::Implementation::open() {
  MESHFLOW_CHECK(system_files().create_directories(options_.directory));
  MESHFLOW_CHECK(files_.create_directories(log_directory_));
  MESHFLOW_TRY(lock_, lock_store(options_.directory));
  const auto retention = static_cast<std::uint64_t>(options_.retention.count()) * 1'000'000'000;
  MESHFLOW_TRY(tables_,
               Tables::open({.path = database_path(),
                             .memory_bytes_max = options_.memory_bytes_max / kShares * kEngineShares,
                             .temporary_directory = options_.directory + "/temporary",
                             .piece_nanos_max = retention == 0 ? UINT64_MAX : retention / kPiecesPerRetention,
                             .piece_bytes_max =
                                 options_.disk_bytes_max == 0 ? UINT64_MAX : options_.disk_bytes_max / kPiecesPerDisk},
                            clock_, views_));
  MESHFLOW_TRY(auto operations, tables_->operations(Operations::kOperationsMax));
  operations_.replace(std::move(operations));
  ingester_ = std::make_unique<Ingester>(
      *tables_, recent_, operations_,
      Ingester::Options{.queue_bytes_max = options_.memory_bytes_max / kShares * kQueueShares,
                        .recent_bytes_max = options_.memory_bytes_max / kShares * kRecentShares,
                        .committed = [this](const SourcePositions& positions) { committed(positions); },
                        .visible = options_.visible,
                        .maintain = [this] { (void)drop_old(); }});
  MESHFLOW_CHECK(replay_log());
  MESHFLOW_CHECK(open_spool());
  log_ = std::make_unique<RequestLog>(
      RequestLog::Options{.directory = log_directory_, .durability = options_.durability}, clock_, files_,
      [this](LoggedRequest request) { ingester_->push(std::move(request)); });
  if (spool_) spool_thread_ = std::thread([this] { follow_spool(); });
  return {};
}

// What the log has and the tables do not.
Result<void> TraceStore::Implementation::replay_log() {
  MESHFLOW_TRY(auto reader, spool::Reader::open(log_directory_, std::string(kReaderName), files_));
  reader.start_at(tables_->positions().log);
  for (;;) {
    MESHFLOW_TRY(auto request, reader.next());
    if (!request) break;
    auto inspected = otlp::inspect_traces(request->payload);
    if (!inspected) continue;  // it was not acknowledged: only what passes this is written
    const RequestPlace place{RequestPlace::Source::log, std::move(request->file), request->end};
    if (!ingester_->push_when_room({std::move(request->payload), std::move(*inspected), place})) break;
  }
  return wait_for_replay();
}

// All that was pushed is visible when it returns.
Result<void> TraceStore::Implementation::wait_for_replay() {
  while (!ingester_->wait_until_visible(kReplayPatience)) {
    const std::string trouble = ingester_->trouble();
    if (!trouble.empty()) return fail(ErrorCode::io, fmt::format("the log cannot be read back: {}", trouble));
  }
  return {};
}

void TraceStore::Implementation::ingest(std::string request, Done done) {
  auto inspected = otlp::inspect_traces(request);
  if (!inspected) {
    counted_.refused.fetch_add(1, std::memory_order_relaxed);
    done(tl::unexpected(std::move(inspected).error()));
    return;
  }
  Received received{.spans = inspected->accepted_spans(),
                    .rejected_spans = inspected->stats.rejected_spans,
                    .rejection = inspected->stats.rejection};
  if (received.spans == 0) {  // nothing to keep
    counted_.rejected.fetch_add(received.rejected_spans, std::memory_order_relaxed);
    counted_.requests.fetch_add(1, std::memory_order_relaxed);
    done(std::move(received));
    return;
  }
  const std::uint64_t bytes = request.size();
  if (!room_.is_there()) {
    counted_.refused.fetch_add(1, std::memory_order_relaxed);
    done(fail(
        ErrorCode::unavailable,
        fmt::format("less than {} bytes are free on the disk of {}", options_.disk_reserve_bytes, options_.directory),
        "make room: what was sent is kept by who sent it"));
    return;
  }
  if (!ingester_->reserve(bytes)) {
    counted_.refused.fetch_add(1, std::memory_order_relaxed);
    const std::string trouble = ingester_->trouble();
    done(fail(ErrorCode::unavailable,
              trouble.empty() ? "more requests wait than the store takes"
                              : fmt::format("the store cannot write: {}", trouble),
              "try again later"));
    return;
  }
  const std::uint64_t replaced = inspected->stats.replaced_utf8;
  log_->append(
      std::move(request), std::move(*inspected),
      [this, bytes, replaced, received = std::move(received), done = std::move(done)](Result<void> kept) mutable {
        if (!kept) {
          ingester_->release(bytes);
          counted_.refused.fetch_add(1, std::memory_order_relaxed);
          done(fail(ErrorCode::unavailable, fmt::format("the log cannot be written: {}", kept.error().message),
                    "try again later"));
          return;
        }
        counted_.requests.fetch_add(1, std::memory_order_relaxed);
        counted_.spans.fetch_add(received.spans, std::memory_order_relaxed);
        counted_.bytes.fetch_add(bytes, std::memory_order_relaxed);
        counted_.rejected.fetch_add(received.rejected_spans, std::memory_order_relaxed);
        counted_.replaced_utf8.fetch_add(replaced, std::memory_order_relaxed);
        done(std::move(received));
      });
}

// On the appending thread: files that the tables have whole may go.
void TraceStore::Implementation::committed(const SourcePositions& positions) {
  // A failure leaves files that are cleaned up next time.
  if (spool::save_positions(files_, log_directory_, kReaderName, positions.log)) {
    (void)spool::clean(files_, log_directory_, {});
  }
  if (!options_.spool_directory.empty()) {
    const std::lock_guard lock(spool_mutex_);
    spool_committed_ = positions.spool;
  }
}

// Once the tables have all of it, ends of files included.
Result<void> TraceStore::Implementation::remove_log() {
  MESHFLOW_TRY(const auto names, files_.list(log_directory_));
  spool::Positions positions;
  for (const auto& name : names) {
    if (spool::is_file_name(name)) positions.emplace(name, UINT64_MAX);
  }
  MESHFLOW_CHECK(spool::save_positions(files_, log_directory_, kReaderName, positions));
  MESHFLOW_CHECK(spool::clean(files_, log_directory_, {}));
  return {};
}

// ---- the spool of local runs ------------------------------------------------------------------------------------

Result<void> TraceStore::Implementation::open_spool() {
  if (options_.spool_directory.empty()) return {};
  MESHFLOW_TRY(auto reader, spool::Reader::open(options_.spool_directory, std::string(kReaderName), files_));
  // The tables know better than the record: their positions moved with the spans.
  reader.start_at(tables_->positions().spool);
  if (options_.begun) {
    reader.take_starts();
    MESHFLOW_TRY(auto watch, spool::Watch::open(options_.spool_directory));
    spool_watch_.emplace(std::move(watch));
  }
  spool_.emplace(std::move(reader));
  // What is there now belongs to what is visible when the store is open.
  while (take_from_spool()) {
  }
  return wait_for_replay();
}

// Takes one request; false where none is there.
bool TraceStore::Implementation::take_from_spool() {
  if (!room_.is_there()) return false;  // the spool's files keep it
  auto request = spool_->next();
  counted_.spool_damage.store(spool_->damage().corrupt_bytes + spool_->damage().torn_bytes, std::memory_order_relaxed);
  if (!request || !*request) return false;
  auto& found = **request;
  if (found.type == spool::FrameType::starts) {
    options_.begun(found.payload);
    return true;
  }
  auto inspected = otlp::inspect_traces(found.payload);
  if (!inspected) {
    counted_.refused.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  counted_.spool_requests.fetch_add(1, std::memory_order_relaxed);
  counted_.requests.fetch_add(1, std::memory_order_relaxed);
  counted_.spans.fetch_add(inspected->accepted_spans(), std::memory_order_relaxed);
  counted_.bytes.fetch_add(found.payload.size(), std::memory_order_relaxed);
  counted_.rejected.fetch_add(inspected->stats.rejected_spans, std::memory_order_relaxed);
  counted_.replaced_utf8.fetch_add(inspected->stats.replaced_utf8, std::memory_order_relaxed);
  LoggedRequest logged{
      std::move(found.payload), std::move(*inspected), {RequestPlace::Source::spool, std::move(found.file), found.end}};
  return push_from_spool(std::move(logged));
}

// What is not taken now is read again after the next start. False where the store stops.
bool TraceStore::Implementation::push_from_spool(LoggedRequest request) {
  const std::uint64_t bytes = request.bytes.size();
  for (;;) {
    if (ingester_->reserve(bytes)) {
      ingester_->push(std::move(request));
      return true;
    }
    std::unique_lock lock(spool_mutex_);
    if (spool_wake_.wait_for(lock, kSpoolPoll, [this] { return spool_stopping_; })) return false;
  }
}

void TraceStore::Implementation::follow_spool() {
  ::pthread_setname_np(::pthread_self(), "store-spool");
  for (;;) {
    while (take_from_spool()) {
      const std::lock_guard lock(spool_mutex_);
      if (spool_stopping_) return;
    }
    std::optional<spool::Positions> passed;
    {
      std::unique_lock lock(spool_mutex_);
      if (spool_wake_.wait_for(lock, kSpoolPoll, [this] { return spool_stopping_; })) return;
      passed = std::exchange(spool_committed_, std::nullopt);
    }
    if (passed) (void)spool_->commit(*passed);  // a failure is repeated with the next positions
  }
}

// ---- the rest ---------------------------------------------------------------------------------------------------

Result<Snapshot> TraceStore::Implementation::snapshot() {
  auto recent = std::make_shared<RecentView>();
  MESHFLOW_TRY(auto view, tables_->view([&] { *recent = recent_.view(); }));
  return Snapshot(std::make_unique<Snapshot::Implementation>(*tables_, views_, std::move(view), std::move(recent)));
}

// On the appending thread.
Result<void> TraceStore::Implementation::drop_old() {
  const auto now = static_cast<std::uint64_t>(clock_.wall_nanos());
  const auto retention = static_cast<std::uint64_t>(options_.retention.count()) * 1'000'000'000;
  bool any = false;
  for (;;) {
    const auto pieces = tables_->pieces();
    if (pieces.empty()) break;
    const bool is_old = retention > 0 && now - std::min(now, pieces.front().arrived) > retention;
    bool is_too_much = false;
    // The newest piece stays: spans are being added to it.
    if (options_.disk_bytes_max > 0 && pieces.size() > 1) {
      MESHFLOW_TRY(const std::uint64_t used, tables_->used_bytes());
      is_too_much = used > options_.disk_bytes_max;
    }
    if (!is_old && !is_too_much) break;
    MESHFLOW_TRY(const PieceRecord dropped, tables_->drop_oldest());
    counted_.dropped.fetch_add(dropped.rows, std::memory_order_relaxed);
    any = true;
    // Its room is free for others from here on.
    MESHFLOW_CHECK(tables_->checkpoint());
  }
  if (!any) return {};
  MESHFLOW_TRY(auto left, tables_->operations(Operations::kOperationsMax));
  operations_.replace(std::move(left));
  const RecentView recent = recent_.view();
  for (const auto& part : recent.parts) {
    const std::lock_guard lock(part.chunk->mutex);
    for (std::size_t row = 0; row < part.rows; ++row) {
      operations_.add(part.chunk->text(static_cast<std::size_t>(Column::service), row),
                      part.chunk->text(static_cast<std::size_t>(Column::name), row),
                      part.chunk->values<std::int32_t>(Column::kind)[row]);
    }
  }
  return {};
}

Result<void> TraceStore::Implementation::apply_retention() {
  return ingester_->on_writer([this] { return drop_old(); });
}

StoreStats TraceStore::Implementation::stats() const {
  StoreStats stats;
  const auto get = [](const std::atomic<std::uint64_t>& count) { return count.load(std::memory_order_relaxed); };
  stats.received_requests = get(counted_.requests);
  stats.received_spans = get(counted_.spans);
  stats.received_bytes = get(counted_.bytes);
  stats.rejected_spans = get(counted_.rejected);
  stats.refused_requests = get(counted_.refused);
  stats.duplicate_spans = ingester_->duplicates();
  stats.replaced_utf8 = get(counted_.replaced_utf8);
  stats.spool_requests = get(counted_.spool_requests);
  stats.spool_damage_bytes = get(counted_.spool_damage);
  stats.log_syncs = log_->syncs();
  if (const auto names = files_.list(log_directory_)) {
    for (const auto& name : *names) {
      if (!spool::is_file_name(name)) continue;
      const auto file = files_.open_read(log_directory_ + "/" + name);
      if (!file) continue;
      if (const auto size = (*file)->size()) stats.log_bytes += *size;
    }
  }
  stats.queued_bytes = ingester_->queued_bytes();
  const RecentSpans::Size recent = recent_.size();
  stats.recent_spans = recent.rows;
  stats.recent_bytes = recent.bytes;
  for (const PieceRecord& piece : tables_->pieces()) stats.stored_spans += piece.rows;
  stats.store_bytes = store_bytes();
  stats.dropped_spans = get(counted_.dropped);
  stats.operations = operations_.count();
  stats.operations_dropped = operations_.dropped();
  stats.trouble = ingester_->trouble();
  if (stats.trouble.empty()) stats.trouble = log_->trouble();
  return stats;
}

Result<void> TraceStore::Implementation::close() {
  if (std::exchange(closed_, true)) return {};
  {
    const std::lock_guard lock(spool_mutex_);
    spool_stopping_ = true;
  }
  spool_wake_.notify_all();
  if (spool_thread_.joinable()) spool_thread_.join();
  spool_watch_.reset();
  if (log_) log_->close();
  if (ingester_) {
    MESHFLOW_CHECK(ingester_->stop());
    MESHFLOW_CHECK(remove_log());
  }
  if (spool_ && spool_committed_) (void)spool_->commit(*std::exchange(spool_committed_, std::nullopt));
  return {};
}

TraceStore::TraceStore(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
TraceStore::~TraceStore() = default;

Result<std::unique_ptr<TraceStore>> TraceStore::open(StoreOptions options) {
  auto implementation = std::make_unique<Implementation>(std::move(options));
  MESHFLOW_CHECK(implementation->open());
  return std::unique_ptr<TraceStore>(new TraceStore(std::move(implementation)));
}

void TraceStore::ingest(std::string request, Done done) {
  implementation_->ingest(std::move(request), std::move(done));
}
Result<Snapshot> TraceStore::snapshot() { return implementation_->snapshot(); }
std::string TraceStore::temporary_directory() const { return implementation_->temporary_directory(); }
std::chrono::seconds TraceStore::retention() const noexcept { return implementation_->retention(); }

std::vector<std::string> TraceStore::services() const { return implementation_->operations().services(); }
std::vector<Operation> TraceStore::operations(std::string_view service) const {
  return implementation_->operations().of(service);
}
StoreStats TraceStore::stats() const { return implementation_->stats(); }
bool TraceStore::wait_until_visible(std::chrono::milliseconds limit) {
  return implementation_->ingester().wait_until_visible(limit);
}
Result<void> TraceStore::flush() { return implementation_->ingester().flush(); }
Result<void> TraceStore::apply_retention() { return implementation_->apply_retention(); }
Result<void> TraceStore::close() { return implementation_->close(); }

}  // namespace meshflow::store
