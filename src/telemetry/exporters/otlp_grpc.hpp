// OTLP over gRPC (OTLP specification 1.x, "OTLP/gRPC"), on raw bytes: no generated code.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "telemetry/exporter.hpp"
#include "telemetry/exporters/retry.hpp"

namespace meshflow::telemetry {

// Where and how to connect.
struct GrpcTarget {
  std::string address;  // HOST:PORT
  bool uses_tls = false;

  // From http://HOST:PORT or https://HOST:PORT, where the scheme decides on TLS and a path is ignored, or HOST:PORT,
  // where `insecure` does. The Error names `setting` (where the text came from) and the text.
  [[nodiscard]] static Result<GrpcTarget> parse(std::string_view setting, std::string_view text, bool insecure);
};

struct OtlpGrpcOptions {
  GrpcTarget target = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // metadata; keys are sent in lower case
  bool gzip = false;
  std::chrono::milliseconds timeout{10'000};  // for one batch, retries included
  std::string ca_file = {};                   // PEM; empty: the system's authorities
  std::string client_certificate_file = {};   // PEM; empty: none
  std::string client_key_file = {};           // PEM
  std::size_t request_bytes_max = kRequestBytesMax;  // before compression
};

// Named "otlp_grpc". Retries CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE and DATA_LOSS, and
// RESOURCE_EXHAUSTED only where the peer sent a RetryInfo, whose delay is honoured; all else counts as dropped at once.
// The channel opens with the first batch; in a process forked after that, batches are dropped (gRPC's threads do not
// survive a fork). Errors: a header that gRPC cannot carry, a certificate file that cannot be read.
[[nodiscard]] Result<std::unique_ptr<SpanExporter>> make_otlp_grpc_exporter(
    OtlpGrpcOptions options, std::unique_ptr<RetryClock> clock = std::make_unique<SystemRetryClock>());

}  // namespace meshflow::telemetry
