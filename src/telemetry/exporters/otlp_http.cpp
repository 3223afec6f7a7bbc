#include "telemetry/exporters/otlp_http.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "otlp/decode.hpp"
#include "otlp/json.hpp"
#include "telemetry/exporters/otlp_http_sender.hpp"
#include "telemetry/exporters/pieces.hpp"

namespace meshflow::telemetry {
namespace {

class OtlpHttpExporter final : public SpanExporter {
 public:
  explicit OtlpHttpExporter(std::unique_ptr<OtlpHttpSender> sender) : sender_(std::move(sender)) {}

  std::string_view name() const noexcept override { return "otlp_http"; }
  bool may_wait() const noexcept override { return true; }

  ExportOutcome export_batch(const SpanBatch& batch, SteadyTime deadline) override {
    const OtlpHttpOptions& options = sender_->options();
    deadline = std::min(deadline, sender_->now() + options.timeout);
    return export_in_pieces(
        batch, options.request_bytes_max, [&options](const SpanBatch& piece) { return encode(piece, options); },
        [&](std::string request) { return sender_->deliver(std::move(request), deadline); });
  }

  void cancel() noexcept override { sender_->cancel(); }
  void after_fork_in_child() noexcept override { sender_->after_fork_in_child(); }

 private:
  [[nodiscard]] static std::string encode(const SpanBatch& piece, const OtlpHttpOptions& options) {
    std::string request = encode_request(piece);
    if (options.encoding == OtlpEncoding::protobuf) return request;
    const auto decoded = otlp::decode_traces(request);
    // Our own bytes decode, except where a span passes a limit of the decoder; such a request then is too large.
    return decoded ? otlp::encode_json(decoded->value) : std::string(options.request_bytes_max + 1, ' ');
  }

  const std::unique_ptr<OtlpHttpSender> sender_;
};

}  // namespace

Result<std::unique_ptr<SpanExporter>> make_otlp_http_exporter(OtlpHttpOptions options,
                                                              std::unique_ptr<RetryClock> clock) {
  MESHFLOW_TRY(auto sender, OtlpHttpSender::make(std::move(options), std::move(clock)));
  return std::make_unique<OtlpHttpExporter>(std::move(sender));
}

}  // namespace meshflow::telemetry
