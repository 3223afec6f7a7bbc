#include "telemetry/exporters/otlp_http_sender.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "net/retry_after.hpp"
#include "net/url.hpp"
#include "otlp/decode.hpp"
#include "otlp/json.hpp"
#include "telemetry/exporters/gzip.hpp"
#include "telemetry/exporters/rpc_status.hpp"

namespace meshflow::telemetry {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::size_t kReasonBytesMax = 300;
constexpr std::string_view kProtobufType = "application/x-protobuf";
constexpr std::string_view kJsonType = "application/json";

std::string_view media_type(const net::HttpResponse& response) {
  const std::string_view value = response.header("content-type");
  return value.substr(0, value.find_first_of("; "));
}

// Why the peer refused, as far as it says so in words.
std::string reason_of(const net::HttpResponse& response) {
  std::string text =
      media_type(response) == kProtobufType ? parse_rpc_status(response.body).message : sanitize_utf8(response.body);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return std::string(utf8_prefix(text, kReasonBytesMax));
}

bool is_transient(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

bool is_transient(net::HttpFailurePhase phase) {
  using enum net::HttpFailurePhase;
  return phase == resolve || phase == connect || phase == timeout || phase == reset || phase == cancelled;
}

}  // namespace

Result<std::unique_ptr<OtlpHttpSender>> OtlpHttpSender::make(OtlpHttpOptions options,
                                                             std::unique_ptr<RetryClock> clock) {
  MESHFLOW_TRY(const net::Url url, net::parse_endpoint_url("the OTLP endpoint", options.url));
  return std::unique_ptr<OtlpHttpSender>(new OtlpHttpSender(std::move(options), url.display(), std::move(clock)));
}

OtlpHttpSender::OtlpHttpSender(OtlpHttpOptions options, std::string display_url, std::unique_ptr<RetryClock> clock)
    : options_(std::move(options)),
      display_url_(std::move(display_url)),
      clock_(std::move(clock)),
      client_(options_.tls) {}

void OtlpHttpSender::cancel() noexcept {
  cancelled_ = true;
  clock_->wake();
  client_.cancel();
}

void OtlpHttpSender::after_fork_in_child() noexcept {
  clock_->after_fork_in_child();
  client_.after_fork_in_child();
}

Attempt OtlpHttpSender::deliver(std::string request, SteadyTime deadline) {
  if (options_.gzip) {
    auto compressed = compress_gzip(request);
    if (!compressed) return {.error = compressed.error().text()};
    request = std::move(*compressed);
  }
  return try_until(deadline, *clock_, [this] { return cancelled_.load(); }, [&] { return post(request, deadline); });
}

Attempt OtlpHttpSender::post(const std::string& body, SteadyTime deadline) {
  net::HttpRequest request;
  request.url = options_.url;
  request.headers = options_.headers;
  request.headers.emplace_back("Content-Type", options_.encoding == OtlpEncoding::json ? kJsonType : kProtobufType);
  request.headers.emplace_back("User-Agent", user_agent());
  if (options_.gzip) request.headers.emplace_back("Content-Encoding", "gzip");
  request.body = body;
  request.response_bytes_max = kResponseBytesMax;
  request.total_timeout = std::max(milliseconds(1), duration_cast<milliseconds>(deadline - clock_->now()));
  request.connect_timeout = request.total_timeout;
  const net::HttpResult response = client_.send(request);
  if (!response) {
    return {.kind = is_transient(response.error().phase) ? Attempt::Kind::transient : Attempt::Kind::refused,
            .error = response.error().message};
  }
  return judge(*response);
}

Attempt OtlpHttpSender::judge(const net::HttpResponse& response) const {
  if (response.status >= 200 && response.status < 300) return accepted(response);
  Attempt result;
  const std::string reason = reason_of(response);
  result.error = fmt::format("{} answered {}{}{}", display_url_, response.status, reason.empty() ? "" : ": ", reason);
  if (is_transient(response.status)) {
    result.kind = Attempt::Kind::transient;
    result.retry_after = net::parse_retry_after(response.header("retry-after"), clock_->unix_seconds());
  }
  return result;
}

Attempt OtlpHttpSender::accepted(const net::HttpResponse& response) const {
  Attempt result{.kind = Attempt::Kind::accepted};
  const auto answer = media_type(response) == kJsonType ? otlp::decode_response_json(response.body)
                                                        : otlp::decode_response(response.body);
  if (!answer) return result;  // taken, whatever the words were
  result.rejected = static_cast<std::uint64_t>(std::max<std::int64_t>(0, answer->value.rejected_spans));
  if (result.rejected > 0 || !answer->value.error_message.empty()) {
    result.error = fmt::format("{} rejected {} spans: {}", display_url_, result.rejected,
                               utf8_prefix(answer->value.error_message, kReasonBytesMax));
  }
  return result;
}

}  // namespace meshflow::telemetry
