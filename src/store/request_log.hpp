// The write-ahead log: requests as they came, in files of the spool's format. Private to the room.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "meshflow/base/error.hpp"
#include "otlp/inspect.hpp"
#include "spool/writer.hpp"
#include "store/trace_store.hpp"

namespace meshflow::store {

// Where a request came from, and how far its source has come once it is kept.
struct RequestPlace {
  enum class Source { log, spool } source = Source::log;
  std::string file;
  std::uint64_t end = 0;
};

// A request on its way from the log to the tables.
struct LoggedRequest {
  std::string bytes;
  otlp::Inspected inspected;
  RequestPlace place;
};

// One thread of its own writes and syncs; whoever waits meanwhile shares the next sync. Thread-safe.
class RequestLog {
 public:
  struct Options {
    std::string directory;
    Durability durability = Durability::sync;
    std::uint64_t file_bytes_max = std::uint64_t{64} << 20;
  };
  // `written` gets each request once it is as durable as the options say, in the order of the log, on the log's thread,
  // just before its `done`. `clock` and `files` must outlive the log.
  RequestLog(Options options, const Clock& clock, FileSystem& files, std::function<void(LoggedRequest)> written);
  // close().
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  using Done = std::function<void(Result<void>)>;
  // The caller bounds what waits here.
  void append(std::string bytes, otlp::Inspected inspected, Done done);
  // Writes what waits, ends the file, and refuses what comes later.
  void close();

  [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_.load(std::memory_order_relaxed); }
  // Why the newest write failed; empty while all is well.
  [[nodiscard]] std::string trouble() const;

 private:
  struct Waiting {
    LoggedRequest request;
    Done done;
  };
  void run();
  void write(std::vector<Waiting>& batch);
  void finish(std::vector<Waiting>& batch, const Result<void>& result);

  const Options options_;
  const std::function<void(LoggedRequest)> written_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> waiting_;
  bool closing_ = false;
  std::string trouble_;
  std::atomic<std::uint64_t> syncs_{0};
  std::unique_ptr<spool::Writer> writer_;  // the thread's
  std::thread thread_;
};

}  // namespace meshflow::store
