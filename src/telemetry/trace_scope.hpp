// What all spans of one trace share in this process.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "meshflow/telemetry/context.hpp"

namespace meshflow::telemetry {

class ProviderCore;
class SpanRecord;

// Spans of one trace held back because the sampler said drop, until the trace's local root ends. Thread-safe.
class Retention {
 public:
  // Past this many held spans the trace is exported: one so large is worth keeping, and memory stays bounded.
  static constexpr std::size_t kHeldSpansMax = 1024;

  explicit Retention(const ProviderCore* provider) noexcept : provider_(provider) {}
  ~Retention();
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  // Whose spans it holds; only to be compared, since a trace may go through several providers.
  [[nodiscard]] const ProviderCore* provider() const noexcept { return provider_; }
  [[nodiscard]] bool is_kept() const noexcept { return verdict_.load(std::memory_order_acquire) == Verdict::keep; }

  // What to do with an ended span. `release`: the caller exports `records`, the given one among them.
  struct Decision {
    enum class What : std::uint8_t { held, discard, release } what = What::held;
    std::vector<SpanRecord*> records;
  };
  [[nodiscard]] Decision on_end(SpanRecord* record, bool is_local_root);
  // From now on everything is exported; returns what was held, for the caller to export.
  [[nodiscard]] std::vector<SpanRecord*> keep();
  // The local root ended or was discarded: unless kept, returns what was held, for the caller to discard.
  [[nodiscard]] std::vector<SpanRecord*> drop();

 private:
  enum class Verdict : std::uint8_t { open, keep, drop };

  const ProviderCore* const provider_;
  std::atomic<Verdict> verdict_{Verdict::open};  // written under mutex_
  std::mutex mutex_;
  std::vector<SpanRecord*> held_;
};

// Immutable once a Context carries it, so that it is read without a lock.
class TraceScope {
 public:
  std::string trace_state;  // of the remote parent, W3C tracestate header value
  bool is_b3_debug = false;  // came with B3's debug flag, which goes on to whoever is called
  Baggage baggage;
  std::shared_ptr<Retention> retention;  // shared by scopes that differ in baggage; null: nothing is held
};

}  // namespace meshflow::telemetry
