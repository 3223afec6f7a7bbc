#include "telemetry/provider_core.hpp"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "base/random.hpp"
#include "otlp/wire.hpp"
#include "telemetry/announce.hpp"
#include "telemetry/clean.hpp"
#include "telemetry/read_clock.hpp"
#include "telemetry/trace_scope.hpp"

namespace meshflow::telemetry {
namespace {

namespace wire = otlp::wire;
using otlp::ResourceField;
using otlp::ScopeField;

constexpr std::uint8_t kSampled = 1;
constexpr std::uint8_t kRandom = 2;
constexpr std::size_t kNoLimit = SpanLimits::kNoLimit;

// The lane last used by this thread. No destructor, so that it may be read at any time of the thread's life.
constinit thread_local Lane* t_lane = nullptr;
constinit thread_local bool t_is_gone = false;

// All lanes of a thread; closes them when it exits.
struct ThreadLanes {
  std::vector<Lane*> lanes;
  ~ThreadLanes() {
    t_lane = nullptr;
    t_is_gone = true;
    for (Lane* const lane : lanes) lane->close();
  }
};

ThreadLanes& thread_lanes() {
  thread_local ThreadLanes lanes;
  return lanes;
}

template <auto kField>
std::string encode_attributes(const Attributes& attributes) {
  Attributes storage;
  std::string bytes;
  for (const Attribute& attribute :
       clean_attributes(attributes, std::numeric_limits<std::uint32_t>::max(), kNoLimit, storage).view) {
    const std::size_t at = bytes.size();
    bytes.resize(at + wire::attribute_size<kField>(attribute.key, attribute.value));
    wire::write_attribute<kField>(bytes.data() + at, attribute.key, attribute.value);
  }
  return bytes;
}

template <auto kField>
std::string encode_text(std::string_view text) {
  if (text.empty()) return {};
  std::string storage;
  text = clean_text(text, kNoLimit, storage);
  std::string bytes(wire::length_field_size<kField>(text.size()), '\0');
  wire::write_length_field<kField>(bytes.data(), text);
  return bytes;
}

std::string encode_scope(const Scope& scope) {
  return encode_text<ScopeField::name>(scope.name) + encode_text<ScopeField::version>(scope.version) +
         encode_attributes<ScopeField::attributes>(scope.attributes);
}

ProviderOptions normalized(ProviderOptions options) {
  BatchOptions& batch = options.batch;
  batch.max_queue_size = std::max<std::size_t>(batch.max_queue_size, 1);
  batch.max_export_batch_size = std::clamp<std::size_t>(batch.max_export_batch_size, 1, batch.max_queue_size);
  batch.schedule_delay = std::max(batch.schedule_delay, std::chrono::milliseconds(1));
  batch.export_timeout = std::max(batch.export_timeout, std::chrono::milliseconds(1));
  return options;
}

Deadline deadline_in(std::chrono::milliseconds timeout) {
  // Half the range of the clock is forever, and adding to it does not overflow.
  constexpr auto kForever =
      std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::max().time_since_epoch()) / 4;
  return std::chrono::steady_clock::now() + std::clamp(timeout, std::chrono::milliseconds(0), kForever);
}

}  // namespace

ProviderCore::ProviderCore(ProviderOptions options, std::vector<std::unique_ptr<SpanExporter>> exporters)
    : options_(normalized(std::move(options))),
      clock_(options_.clock == &system_clock() ? nullptr : options_.clock),
      sampler_(options_.sampler),
      records_(!options_.disabled && !exporters.empty()),
      resource_(encode_attributes<ResourceField::attributes>(options_.resource)),
      pipeline_generation_(fork_generation()),
      restart_claim_(fork_generation()),
      pipeline_owner_(std::make_shared<Pipeline>(pipeline_options(), std::move(exporters))) {
  pipeline_.store(pipeline_owner_.get(), std::memory_order_release);
}

ProviderCore::~ProviderCore() {
  TracerCore* tracer = tracers_.load(std::memory_order_acquire);
  while (tracer != nullptr) delete std::exchange(tracer, tracer->next);
}

Pipeline::Options ProviderCore::pipeline_options() const noexcept {
  return {options_.batch, clock_ != nullptr, resource_, options_.resource_schema_url};
}

const TracerCore& ProviderCore::tracer(Scope scope) {
  std::string encoded = encode_scope(scope);
  auto made = std::unique_ptr<TracerCore>(new TracerCore{*this, std::move(scope), std::move(encoded), nullptr});
  made->next = tracers_.load(std::memory_order_acquire);
  do {
    for (const TracerCore* known = made->next; known != nullptr; known = known->next) {
      if (known->encoded_scope == made->encoded_scope && known->scope.schema_url == made->scope.schema_url)
        return *known;
    }
  } while (
      !tracers_.compare_exchange_weak(made->next, made.get(), std::memory_order_acq_rel, std::memory_order_acquire));
  return *made.release();
}

Pipeline& ProviderCore::pipeline() const noexcept {
  const std::uint32_t generation = fork_generation();
  if (pipeline_generation_.load(std::memory_order_acquire) != generation) restart_after_fork(generation);
  return *pipeline_.load(std::memory_order_acquire);
}

// In a forked child the pipeline's threads are gone, what waits belongs to the parent, and a mutex may be locked by a
// thread that is no more. The child goes on with a new pipeline and leaves the old one, whose destruction could hang,
// where it is.
void ProviderCore::restart_after_fork(std::uint32_t generation) const noexcept {
  std::uint32_t claimed = restart_claim_.load(std::memory_order_acquire);
  if (claimed != generation && restart_claim_.compare_exchange_strong(claimed, generation)) {
    std::vector<std::unique_ptr<SpanExporter>> exporters = pipeline_owner_->take_exporters_after_fork();
    for (const auto& exporter : exporters) {
      if (exporter != nullptr) exporter->after_fork_in_child();
    }
    std::erase(exporters, nullptr);
    new std::shared_ptr<Pipeline>(std::move(pipeline_owner_));  // never freed, on purpose
    pipeline_owner_ = std::make_shared<Pipeline>(pipeline_options(), std::move(exporters));
    pipeline_.store(pipeline_owner_.get(), std::memory_order_release);
    pipeline_generation_.store(generation, std::memory_order_release);
    return;
  }
  while (pipeline_generation_.load(std::memory_order_acquire) != generation) std::this_thread::yield();
}

Lane* ProviderCore::lane() noexcept {
  if (is_closed()) [[unlikely]]
    return nullptr;
  Lane* const lane = t_lane;
  if (lane != nullptr && lane->provider() == this && lane->fork_generation() == fork_generation()) [[likely]]
    return lane;
  return find_lane();
}

Lane* ProviderCore::find_lane() noexcept {
  if (t_is_gone) return nullptr;
  std::vector<Lane*>& lanes = thread_lanes().lanes;
  const std::uint32_t generation = fork_generation();
  t_lane = nullptr;
  std::erase_if(lanes, [generation](Lane* lane) {
    const bool is_over = lane->provider()->is_closed() || lane->fork_generation() != generation;
    if (is_over) lane->close();
    return is_over;
  });
  const auto own = std::find_if(lanes.begin(), lanes.end(), [this](const Lane* l) { return l->provider() == this; });
  if (own != lanes.end()) return t_lane = *own;
  Lane* const lane = pipeline().open_lane(shared_from_this(), generation);
  if (lane == nullptr) return nullptr;
  lanes.push_back(lane);
  return t_lane = lane;
}

void ProviderCore::identify(Context& context, const SpanOptions& options) noexcept {
  if (options.parent.is_valid()) {
    context.trace_id = options.parent.trace_id;
    context.trace_flags = options.parent.trace_flags & kRandom;
  } else if (options.trace_id.is_valid()) {
    context.trace_id = options.trace_id;
  } else {
    context.trace_id = TraceId::generate();
    context.trace_flags = kRandom;
  }
  context.span_id = options.span_id.is_valid() ? options.span_id : SpanId::generate();
}

void ProviderCore::start_clock(Span& span, const SpanOptions& options) const noexcept {
  Context& context = span.context_;
  const std::int64_t monotonic = read_monotonic(clock_);
  context.clock_offset_nanos = options.parent.clock_offset_nanos;
  if (context.clock_offset_nanos == 0) {
    context.clock_offset_nanos = (clock_ != nullptr ? *clock_ : system_clock()).wall_nanos() - monotonic;
  }
  const std::int64_t now = monotonic + context.clock_offset_nanos;
  span.clock_ = clock_;
  span.start_unix_nanos_ = options.start_unix_nanos != 0 ? options.start_unix_nanos : now;
  span.duration_nanos_ = Span::kRunning;
  const std::int64_t root_start = options.parent.local_root_start_unix_nanos;
  context.local_root_start_unix_nanos = root_start != 0 ? root_start : span.start_unix_nanos_;
}

ProviderCore::Fate ProviderCore::decide(Context& context, const SpanOptions& options, bool is_local_root) {
  if (sampler_.should_sample(context.trace_id, options.parent)) return {true, nullptr};
  if (!records_) return {false, nullptr};
  if (is_local_root && options.hold_unsampled) {
    auto scope = context.scope ? std::make_shared<TraceScope>(*context.scope) : std::make_shared<TraceScope>();
    scope->retention = std::make_shared<Retention>(this);
    context.scope = std::move(scope);
    return {false, context.scope->retention};
  }
  if (context.scope == nullptr || context.scope->retention == nullptr) return {false, nullptr};
  const std::shared_ptr<Retention>& retention = context.scope->retention;
  if (retention->provider() != this) return {false, nullptr};
  if (retention->is_kept()) return {true, nullptr};
  return {false, retention};
}

Span ProviderCore::start_span(const TracerCore& tracer, std::string_view name, const SpanOptions& options) noexcept {
  Span span;
  const Context& parent = options.parent;
  Context& context = span.context_;
  if (options_.disabled) {
    context = parent;
    return span;
  }
  context.scope = parent.scope;
  identify(context, options);
  start_clock(span, options);
  const bool is_local_root = !parent.is_valid() || parent.is_remote;
  Fate fate = decide(context, options, is_local_root);
  if (fate.is_sampled) context.trace_flags |= kSampled;

  Lane* const lane = this->lane();
  if (lane == nullptr) {
    started_without_lane_.fetch_add(1, std::memory_order_relaxed);
    return span;
  }
  lane->started.add();
  const bool is_recorded = records_ && (fate.is_sampled || fate.retention != nullptr);
  SpanRecord* const record = is_recorded ? lane->take() : nullptr;
  if (record == nullptr) {
    lane->not_recorded.add();
    return span;
  }
  record->is_local_root = is_local_root;
  record->retention = std::move(fate.retention);
  record->start({tracer, options_.limits, context, parent, name, options.kind, span.start_unix_nanos_});
  span.record_ = record;
  for (const Link& link : options.links) record->add_link(link);
  return span;
}

void ProviderCore::end(SpanRecord* record, std::int64_t end_unix_nanos, std::int64_t monotonic_nanos) noexcept {
  record->finish(end_unix_nanos);
  ProviderCore& provider = record->tracer().provider;
  record->end_stamp = provider.pipeline_.load(std::memory_order_acquire)->stamp(monotonic_nanos);
  provider.submit(record);
}

void announce(const Span& span) noexcept { ProviderCore::announce(span); }

void ProviderCore::announce(const Span& span) noexcept {
  if (span.record_ == nullptr) return;
  const SpanRecord& record = *span.record_;
  Pipeline& pipeline = *record.tracer().provider.pipeline_.load(std::memory_order_acquire);
  if (!pipeline.is_watched()) return;
  // What is held may never be exported; and in a forked child the pipeline may be the parent's, whose thread is not
  // here.
  if (record.retention != nullptr || record.home.fork_generation() != fork_generation()) return;
  record.tracer().provider.pipeline().announce(record.bytes());
}

void ProviderCore::submit(SpanRecord* record) noexcept {
  if (record->home.fork_generation() != fork_generation()) return return_records({&record, 1});  // the parent's
  Lane* const lane = this->lane();
  if (lane != nullptr) {
    lane->ended.add();
  } else {
    ended_without_lane_.fetch_add(1, std::memory_order_relaxed);
  }
  if (record->retention != nullptr) [[unlikely]] {
    const std::shared_ptr<Retention> retention = std::move(record->retention);
    Retention::Decision decision = retention->on_end(record, record->is_local_root);
    if (decision.what == Retention::Decision::What::release) submit_past_lanes(std::move(decision.records));
    if (decision.what == Retention::Decision::What::discard) discard_held(decision.records);
    return;
  }
  if (lane == nullptr) return submit_past_lanes({record});
  if (lane->push(record)) [[likely]]
    return;
  lane->dropped_queue_full.add();
  put_back(record, lane);
}

void ProviderCore::submit_past_lanes(std::vector<SpanRecord*> records) noexcept {
  if (records.empty()) return;
  if (pipeline().submit(records)) return;
  dropped_after_shutdown_.fetch_add(records.size(), std::memory_order_relaxed);
  return_records(records);
}

void ProviderCore::discard_held(const std::vector<SpanRecord*>& records) noexcept {
  held_and_let_go_.fetch_add(records.size(), std::memory_order_relaxed);
  return_records(records);
}

void ProviderCore::put_back(SpanRecord* record, Lane* lane) noexcept {
  if (&record->home == lane) {
    lane->put_back(record);
  } else {
    return_records({&record, 1});
  }
}

void ProviderCore::discard(SpanRecord* record) noexcept {
  ProviderCore& provider = record->tracer().provider;
  if (record->home.fork_generation() != fork_generation()) return return_records({&record, 1});
  const std::shared_ptr<Retention> retention = std::move(record->retention);
  if (retention != nullptr && record->is_local_root) provider.discard_held(retention->drop());
  Lane* const lane = provider.lane();
  if (lane != nullptr) {
    lane->discarded.add();
  } else {
    provider.discarded_without_lane_.fetch_add(1, std::memory_order_relaxed);
  }
  put_back(record, lane);
}

void ProviderCore::release(std::vector<SpanRecord*> records) noexcept {
  if (records.empty()) return;
  records.front()->tracer().provider.submit_past_lanes(std::move(records));
}

bool ProviderCore::flush(std::chrono::milliseconds timeout, FlushScope scope) {
  return pipeline().flush(deadline_in(timeout), scope);
}

bool ProviderCore::shutdown(std::chrono::milliseconds timeout) {
  is_closed_.store(true, std::memory_order_release);
  return pipeline().shutdown(deadline_in(timeout));
}

void ProviderCore::close() noexcept { pipeline().forget_lanes(); }

TelemetryStats ProviderCore::stats() const {
  const Pipeline::Stats inner = pipeline().stats();
  TelemetryStats stats;
  const auto started_alone = started_without_lane_.load(std::memory_order_relaxed);
  stats.span_started = inner.spans.started + started_alone;
  stats.not_recorded = inner.spans.not_recorded + started_alone + held_and_let_go_.load(std::memory_order_relaxed);
  stats.discarded = inner.spans.discarded + discarded_without_lane_.load(std::memory_order_relaxed);
  stats.span_live = static_cast<std::int64_t>(inner.spans.started - inner.spans.not_recorded - inner.spans.ended -
                                              ended_without_lane_.load(std::memory_order_relaxed) - stats.discarded);
  stats.processed = inner.processed;
  stats.dropped_queue_full = inner.spans.dropped_queue_full;
  stats.dropped_after_shutdown = dropped_after_shutdown_.load(std::memory_order_relaxed);
  (inner.has_ended ? stats.dropped_after_shutdown : stats.queue_size) += inner.waiting;
  stats.exporters = inner.exporters;
  return stats;
}

}  // namespace meshflow::telemetry
