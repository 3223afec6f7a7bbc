#include "server/forwarder.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>

#include "base/try.hpp"
#include "spool/keeping.hpp"
#include "spool/reader.hpp"
#include "telemetry/exporters/otlp_http_sender.hpp"

namespace meshflow::server {
namespace {

constexpr const char* kReaderName = "forward";
// Requests are sent together up to this size: fewer round trips, and fewer records of how far it is.
constexpr std::size_t kRequestBytesWanted = std::size_t{4} << 20;
constexpr std::chrono::milliseconds kPoll{100};
// One deliver(); then the next, until the endpoint is back.
constexpr std::chrono::minutes kDeliverLimit{5};

}  // namespace

class Forwarder::Implementation {
 public:
  explicit Implementation(Options options)
      : options_(std::move(options)), files_(options_.files != nullptr ? *options_.files : system_files()) {}
  ~Implementation() { stop(std::chrono::milliseconds(0)); }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  Result<void> start() {
    MESHFLOW_TRY(sender_,
                 telemetry::OtlpHttpSender::make(options_.endpoint, std::make_unique<telemetry::SystemRetryClock>()));
    for (const std::string& directory : options_.directories) {
      MESHFLOW_CHECK(files_.create_directories(directory));
      MESHFLOW_TRY(auto reader, spool::Reader::open(directory, kReaderName, files_));
      readers_.push_back(std::move(reader));
    }
    thread_ = std::thread([this] { run(); });
    return {};
  }

  Stats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

  void stop(std::chrono::milliseconds limit) {
    if (!thread_.joinable()) return;
    {
      std::unique_lock lock(mutex_);
      is_stopping_ = true;
      changed_.notify_all();
      changed_.wait_for(lock, limit, [this] { return has_ended_; });
    }
    sender_->cancel();
    thread_.join();
  }

 private:
  void run() {
    ::pthread_setname_np(::pthread_self(), "forward");
    for (;;) {
      bool is_all_sent = true;
      for (spool::Reader& reader : readers_) is_all_sent = forward_some(reader) && is_all_sent;
      std::unique_lock lock(mutex_);
      if (is_stopping_ && (is_all_sent || is_cancelled_)) break;
      if (is_all_sent) changed_.wait_for(lock, kPoll, [this] { return is_stopping_; });
    }
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    changed_.notify_all();
  }

  // Sends what fits one request; true where nothing was there.
  bool forward_some(spool::Reader& reader) {
    std::string request;  // messages of one type, one after the other, are their sum
    std::uint64_t count = 0;
    while (request.size() < kRequestBytesWanted) {
      auto next = reader.next();
      if (!next || !*next) break;
      request += (*next)->payload;
      ++count;
    }
    if (count == 0) return true;
    const std::uint64_t bytes = request.size();
    const telemetry::Attempt attempt = deliver(std::move(request));
    if (attempt.kind == telemetry::Attempt::Kind::transient)
      return false;  // cancelled: read again after the next start
    auto committed = reader.commit();
    const std::lock_guard lock(mutex_);
    stats_.trouble = committed ? attempt.error : committed.error().message;
    if (attempt.kind == telemetry::Attempt::Kind::accepted) {
      stats_.requests += count;
      stats_.bytes += bytes;
      stats_.rejected_spans += attempt.rejected;
    } else {
      stats_.refused_requests += count;
    }
    return false;
  }

  // Until the endpoint has decided, or this object is to stop.
  telemetry::Attempt deliver(const std::string& request) {
    for (;;) {
      telemetry::Attempt attempt = sender_->deliver(request, sender_->now() + kDeliverLimit);
      const std::lock_guard lock(mutex_);
      if (attempt.kind != telemetry::Attempt::Kind::transient) return attempt;
      stats_.trouble = attempt.error;
      if (is_stopping_) {
        is_cancelled_ = true;
        return attempt;
      }
    }
  }

  const Options options_;
  FileSystem& files_;
  std::unique_ptr<telemetry::OtlpHttpSender> sender_;
  std::vector<spool::Reader> readers_;  // the thread's
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;
  bool is_cancelled_ = false;  // a delivery was given up
  bool has_ended_ = false;
  Stats stats_;
  std::thread thread_;
};

Result<std::unique_ptr<Forwarder>> Forwarder::start(Options options) {
  auto implementation = std::make_unique<Implementation>(std::move(options));
  MESHFLOW_CHECK(implementation->start());
  return std::unique_ptr<Forwarder>(new Forwarder(std::move(implementation)));
}

Result<void> Forwarder::forget(const std::vector<std::string>& directories, FileSystem& files) {
  for (const std::string& directory : directories) {
    const std::string record = spool::reader_path(directory, kReaderName);
    if (files.exists(record)) MESHFLOW_CHECK(files.remove(record));
  }
  return {};
}

void write_metrics(MetricsText& text, const Forwarder::Stats& stats) {
  text.counter("meshflow_forward_requests_total", "Requests that the endpoint took.", {}, stats.requests);
  text.counter("meshflow_forward_bytes_total", "Bytes of these, before compression.", {}, stats.bytes);
  text.counter("meshflow_forward_refused_requests_total", "Requests given up because the endpoint refused them.", {},
               stats.refused_requests);
  text.counter("meshflow_forward_rejected_spans_total", "Spans that the endpoint rejected.", {}, stats.rejected_spans);
  text.gauge("meshflow_forward_in_trouble", "1 while the endpoint does not take what is sent.", {},
             stats.trouble.empty() ? 0 : 1);
}

Forwarder::Forwarder(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Forwarder::~Forwarder() = default;
Forwarder::Stats Forwarder::stats() const { return implementation_->stats(); }
void Forwarder::stop(std::chrono::milliseconds limit) { implementation_->stop(limit); }

}  // namespace meshflow::server
