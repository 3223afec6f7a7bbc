// Whole OTLP requests over HTTP, with retries: what the exporter and whoever forwards requests have in common.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "meshflow/base/error.hpp"
#include "net/http_client.hpp"
#include "telemetry/exporters/otlp_http.hpp"
#include "telemetry/exporters/retry.hpp"

namespace meshflow::telemetry {

// One thread at a time calls deliver(); cancel() comes from any thread.
class OtlpHttpSender {
 public:
  // The Error is for a URL that is none.
  [[nodiscard]] static Result<std::unique_ptr<OtlpHttpSender>> make(OtlpHttpOptions options,
                                                                    std::unique_ptr<RetryClock> clock);
  OtlpHttpSender(const OtlpHttpSender&) = delete;
  OtlpHttpSender& operator=(const OtlpHttpSender&) = delete;

  [[nodiscard]] const OtlpHttpOptions& options() const noexcept { return options_; }
  [[nodiscard]] SteadyTime now() const { return clock_->now(); }

  // Sends a request in the encoding of the options, compressed as they say, until the peer has taken or refused it,
  // `deadline` has come, or cancel() was called. The last attempt is returned.
  [[nodiscard]] Attempt deliver(std::string request, SteadyTime deadline);

  // Makes a running deliver() and every later one return soon.
  void cancel() noexcept;
  // In a forked child, before anything else there.
  void after_fork_in_child() noexcept;

 private:
  OtlpHttpSender(OtlpHttpOptions options, std::string display_url, std::unique_ptr<RetryClock> clock);
  [[nodiscard]] Attempt post(const std::string& body, SteadyTime deadline);
  [[nodiscard]] Attempt judge(const net::HttpResponse& response) const;
  [[nodiscard]] Attempt accepted(const net::HttpResponse& response) const;

  const OtlpHttpOptions options_;
  const std::string display_url_;
  const std::unique_ptr<RetryClock> clock_;
  net::HttpClient client_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace meshflow::telemetry
