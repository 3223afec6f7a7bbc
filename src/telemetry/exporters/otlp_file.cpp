#include "telemetry/exporters/otlp_file.hpp"

#include <utility>

#include "base/try.hpp"
#include "otlp/decode.hpp"
#include "otlp/json.hpp"

namespace meshflow::telemetry {
namespace {

class OtlpFileExporter final : public SpanExporter {
 public:
  explicit OtlpFileExporter(std::unique_ptr<AppendFile> file) : file_(std::move(file)) {}
  std::string_view name() const noexcept override { return "file"; }
  bool may_wait() const noexcept override { return false; }

  ExportOutcome export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) override {
    if (batch.span_count == 0) return {};
    const auto written = write(batch);
    if (!written) return {.exported = 0, .dropped = batch.span_count, .error = written.error().text()};
    return {.exported = batch.span_count, .dropped = 0, .error = {}};
  }

 private:
  Result<void> write(const SpanBatch& batch) {
    MESHFLOW_TRY(const auto decoded, otlp::decode_traces(encode_request(batch)));
    const std::string line = otlp::encode_json(decoded.value) + "\n";
    MESHFLOW_TRY(const std::uint64_t size_before, file_->size());
    auto appended = file_->append(line);
    if (!appended) (void)file_->truncate(size_before);
    return appended;
  }

  const std::unique_ptr<AppendFile> file_;
};

}  // namespace

Result<std::unique_ptr<SpanExporter>> make_otlp_file_exporter(std::string path, FileSystem& files) {
  MESHFLOW_TRY(auto file, files.open_append(path));
  return std::make_unique<OtlpFileExporter>(std::move(file));
}

}  // namespace meshflow::telemetry
