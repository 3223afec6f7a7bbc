#include "meshflow/telemetry/tracer.hpp"

#include <utility>

#include "telemetry/provider_core.hpp"

namespace meshflow::telemetry {

Span Tracer::start_span(std::string_view name, const SpanOptions& options) const noexcept {
  if (core_ == nullptr) return {};
  return core_->provider.start_span(*core_, name, options);
}

TracerProvider::TracerProvider(std::shared_ptr<ProviderCore> core) noexcept : core_(std::move(core)) {}

TracerProvider::~TracerProvider() {
  (void)core_->shutdown(core_->shutdown_timeout());
  core_->close();
}

Tracer TracerProvider::tracer(Scope scope) const {
  const TracerCore& tracer = core_->tracer(std::move(scope));
  return Tracer(std::shared_ptr<const TracerCore>(core_, &tracer));  // keeps the provider's core, which owns it
}

bool TracerProvider::flush(std::chrono::milliseconds timeout) { return core_->flush(timeout, FlushScope::all); }
bool TracerProvider::flush_local(std::chrono::milliseconds timeout) { return core_->flush(timeout, FlushScope::local); }

bool TracerProvider::shutdown(std::chrono::milliseconds timeout) { return core_->shutdown(timeout); }

TelemetryStats TracerProvider::stats() const { return core_->stats(); }

std::unique_ptr<TracerProvider> make_provider(ProviderOptions options,
                                              std::vector<std::unique_ptr<SpanExporter>> exporters) {
  return std::make_unique<TracerProvider>(std::make_shared<ProviderCore>(std::move(options), std::move(exporters)));
}

}  // namespace meshflow::telemetry
