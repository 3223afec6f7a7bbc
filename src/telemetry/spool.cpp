#include "telemetry/spool.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "spool/watch.hpp"
#include "telemetry/exporters/pieces.hpp"
#include "telemetry/start_events.hpp"

namespace meshflow::telemetry {
namespace {

class SpoolExporter final : public SpanExporter {
 public:
  explicit SpoolExporter(SpoolOptions options)
      : directory_(options.directory),
        files_(options.files != nullptr ? *options.files : system_files()),
        writer_(std::move(options)) {}

  std::string_view name() const noexcept override { return "spool"; }
  bool may_wait() const noexcept override { return false; }

  ExportOutcome export_batch(const SpanBatch& batch, std::chrono::steady_clock::time_point) override {
    auto outcome = export_in_pieces(batch, spool::kPayloadBytesMax, encode_request, [this](const std::string& request) {
      const std::array<std::string_view, 1> payloads{request};
      const auto written = writer_.append(spool::FrameType::traces, payloads);
      if (!written) return Attempt{.error = written.error().text()};
      (void)writer_.roll_over_when_full();
      return Attempt{.kind = Attempt::Kind::accepted};
    });
    if (outcome.error.empty()) outcome.error = writer_.take_notice();
    return outcome;
  }

  bool may_be_watched() const noexcept override { return true; }
  bool is_watched() override { return spool::is_watched(files_, directory_); }
  // For who looks now: what cannot be written is missing from a live view alone.
  void export_starts(const StartBatch& batch) override {
    const std::string events = encode_start_events(batch);
    if (events.empty() || events.size() > spool::kPayloadBytesMax) return;
    const std::array<std::string_view, 1> payloads{events};
    (void)writer_.append(spool::FrameType::starts, payloads);
  }

  // After a failed sync nobody knows which of the written bytes are lost; what comes next goes to a new file.
  void flush(std::chrono::steady_clock::time_point) override { (void)writer_.sync(); }

  // The parent goes on writing its file; the child's copy of the descriptor is only closed.
  void after_fork_in_child() noexcept override { writer_.forget(); }

 private:
  const std::string directory_;
  FileSystem& files_;
  spool::Writer writer_;
};

}  // namespace

std::unique_ptr<SpanExporter> make_spool_exporter(SpoolOptions options) {
  return std::make_unique<SpoolExporter>(std::move(options));
}

}  // namespace meshflow::telemetry
