// One timed operation, encoded as OTLP protobuf while it is recorded.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include "meshflow/telemetry/attribute.hpp"
#include "meshflow/telemetry/context.hpp"

namespace meshflow {
class Clock;  // private
}

namespace meshflow::telemetry {

class ProviderCore;  // private
class SpanRecord;    // private

enum class SpanKind : std::uint8_t { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };  // as in OTLP
enum class StatusCode : std::uint8_t { unset = 0, ok = 1, error = 2 };  // as in OTLP

// Points to a span of this or another trace.
struct Link {
  Context context{};
  Attributes attributes{};
};

// How to start a span. All views need to live during the call only.
struct SpanOptions {
  Context parent{};  // an invalid one starts a new trace
  SpanKind kind = SpanKind::internal;
  std::int64_t start_unix_nanos = 0;  // 0: now
  std::span<const Link> links{};
  // Identity given by the caller, to record a span that another process began (a run resumed after a pause).
  // Zero: generated. `trace_id` counts only without a parent.
  SpanId span_id{};
  TraceId trace_id{};
  // For the first span of a trace in this process, where the sampler says drop: hold the trace's spans until that
  // span ends, so that keep_trace() can still save them all.
  bool hold_unsampled = false;
};

// A span that is being recorded. Move-only; ends itself when destroyed. One thread at a time may touch it (handing it
// from thread to thread is fine); different spans are independent. After end() every setter is ignored. Setters never
// fail and never block: what passes a limit is cut or dropped, and counted in the span's dropped counts.
// Strings are copied during the call; invalid UTF-8 becomes U+FFFD.
class Span {
 public:
  Span() noexcept = default;  // records nothing
  Span(Span&& other) noexcept;
  Span& operator=(Span&& other) noexcept;
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  ~Span();

  // What children and links take. Valid also after end(), and for spans that are not recorded.
  [[nodiscard]] const Context& context() const noexcept { return context_; }
  // False for dropped spans and after end().
  [[nodiscard]] bool is_recording() const noexcept { return record_ != nullptr; }

  // The last write to a key wins and keeps the key's first position.
  Span& set_attribute(std::string_view key, std::string_view value) noexcept;
  Span& set_attribute(std::string_view key, const char* value) noexcept {
    return set_attribute(key, std::string_view(value));
  }
  Span& set_attribute(std::string_view key, const std::string& value) noexcept {
    return set_attribute(key, std::string_view(value));
  }
  Span& set_attribute(std::string_view key, bool value) noexcept;
  Span& set_attribute(std::string_view key, double value) noexcept;
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Span& set_attribute(std::string_view key, T value) noexcept {
    return set_int_attribute(key, static_cast<std::int64_t>(value));
  }
  // Any type, arrays, maps and bytes included.
  Span& set_attribute(std::string_view key, const AttributeValue& value) noexcept;

  // `unix_nanos` 0: now.
  Span& add_event(std::string_view name, std::span<const Attribute> attributes = {},
                  std::int64_t unix_nanos = 0) noexcept;
  Span& add_link(const Link& link) noexcept;
  // An event `exception` with exception.type, exception.message and exception.stacktrace (semantic conventions,
  // "Exceptions"); empty ones are left out. Does not change the status.
  Span& record_exception(std::string_view type, std::string_view message, std::string_view stacktrace = {}) noexcept;

  // OK beats ERROR beats UNSET: OK is final, UNSET is ignored, a later ERROR replaces an earlier one. The description
  // is kept for ERROR only (specification, "Set Status").
  Span& set_status(StatusCode code, std::string_view description = {}) noexcept;
  Span& update_name(std::string_view name) noexcept;

  // Asks that the whole trace be exported whatever the sampler said: spans held so far and those that follow, which
  // are sampled from then on. Has an effect only where SpanOptions::hold_unsampled began the trace in this process,
  // and for what is held only before that local root has ended.
  void keep_trace() noexcept;

  // Ends the span and hands it to the processor; only the first call counts. 0: now. An end before the start becomes
  // the start.
  void end(std::int64_t unix_nanos = 0) noexcept;
  // Ends the span unrecorded: nothing is exported, and it counts as discarded. For a span that somebody else records,
  // whole and under the same ids (a run that pauses and goes on in another process).
  void discard() noexcept;

  // Time since the start, by the monotonic clock; after end() the recorded duration. Also for spans that are not
  // recorded; 0 for those of no provider or of a disabled one.
  [[nodiscard]] std::int64_t duration_nanos() const noexcept;
  [[nodiscard]] std::int64_t start_unix_nanos() const noexcept { return start_unix_nanos_; }

 private:
  friend class ProviderCore;
  static constexpr std::int64_t kRunning = -1;

  Span& set_int_attribute(std::string_view key, std::int64_t value) noexcept;
  [[nodiscard]] std::int64_t now_unix_nanos() const noexcept;

  Context context_;
  std::int64_t start_unix_nanos_ = 0;
  std::int64_t duration_nanos_ = 0;  // kRunning until end()
  const Clock* clock_ = nullptr;  // the provider's; null: the operating system's
  SpanRecord* record_ = nullptr;  // owned; goes back to the processor at end()
};

}  // namespace meshflow::telemetry
