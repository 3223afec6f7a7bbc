// Hands what the server receives on to another OTLP endpoint, and loses none of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "meshflow/base/error.hpp"
#include "server/self_metrics.hpp"
#include "telemetry/exporters/otlp_http.hpp"

namespace meshflow::server {

// Reads the store's log and the spool of local runs beside the store, as a reader of its own ("forward"): their files
// stay until the endpoint has taken what is in them, across restarts. What was taken in the moment of a crash is sent
// again (at least once). While the endpoint is away the files grow; the disk is the limit.
//
// Each method may be called by any thread.
class Forwarder {
 public:
  struct Options {
    telemetry::OtlpHttpOptions endpoint;
    std::vector<std::string> directories;  // of the spool's format
    FileSystem* files = nullptr;           // null: the operating system's
  };
  struct Stats {
    std::uint64_t requests = 0;  // taken by the endpoint
    std::uint64_t bytes = 0;     // of these
    std::uint64_t refused_requests = 0;  // which no later try would bring through: given up
    std::uint64_t rejected_spans = 0;    // by the endpoint, of requests that it took
    std::string trouble = {};            // why the newest try failed; empty while all is well
  };

  // Puts its readers on record, so call it before the store is opened: from then on no file goes unread. Errors: an
  // address that is no URL, files.
  [[nodiscard]] static Result<std::unique_ptr<Forwarder>> start(Options options);
  // stop() with no time to finish.
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  [[nodiscard]] Stats stats() const;
  // Sends what is there for up to `limit`; the rest is sent after the next start. Idempotent.
  void stop(std::chrono::milliseconds limit);

  // Takes the readers off the record, where nothing is forwarded any more: files would wait for them for ever.
  [[nodiscard]] static Result<void> forget(const std::vector<std::string>& directories,
                                           FileSystem& files = system_files());

 private:
  class Implementation;
  explicit Forwarder(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

// meshflow_forward_….
void write_metrics(MetricsText& text, const Forwarder::Stats& stats);

}  // namespace meshflow::server
