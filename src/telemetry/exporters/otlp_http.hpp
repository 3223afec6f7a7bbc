// OTLP over HTTP: http/protobuf and http/json (OTLP specification 1.x, "OTLP/HTTP").
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "meshflow/base/error.hpp"
#include "net/http_client.hpp"
#include "telemetry/exporter.hpp"
#include "telemetry/exporters/retry.hpp"

namespace meshflow::telemetry {

enum class OtlpEncoding { protobuf, json };

struct OtlpHttpOptions {
  std::string url = {};  // whole, "/v1/traces" included
  OtlpEncoding encoding = OtlpEncoding::protobuf;
  net::HttpHeaders headers = {};
  bool gzip = false;
  std::chrono::milliseconds timeout{10'000};  // for one batch, retries included
  net::TlsSettings tls = {};
  std::size_t request_bytes_max = kRequestBytesMax;  // before compression
};

// Named "otlp_http". A batch is retried (429, 502, 503, 504, no or a broken connection, a time limit) until `timeout`
// or the deadline of export_batch; a Retry-After past that is not waited for. What is refused, rejected in a
// partial_success or still undelivered then counts as dropped. The Error is for a URL that is none.
[[nodiscard]] Result<std::unique_ptr<SpanExporter>> make_otlp_http_exporter(
    OtlpHttpOptions options, std::unique_ptr<RetryClock> clock = std::make_unique<SystemRetryClock>());

}  // namespace meshflow::telemetry
