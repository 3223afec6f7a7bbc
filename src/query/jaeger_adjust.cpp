// What Jaeger changes in a trace before it answers (its package model/adjuster, in the same order).
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>
#include <unordered_map>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "query/jaeger_trace.hpp"
#include "query/number.hpp"

namespace meshflow::query {
namespace {

// ---- order ----------------------------------------------------------------------------------------------------------

// Jaeger's order of tags: key, type, value. The variant's order of types is Jaeger's own.
bool is_before(const JaegerKeyValue& a, const JaegerKeyValue& b) {
  if (a.key != b.key) return a.key < b.key;
  if (a.value.index() != b.value.index()) return a.value.index() < b.value.index();
  return std::visit(
      [&](const auto& left) {
        const auto& right = std::get<std::decay_t<decltype(left)>>(b.value);
        if constexpr (std::is_same_v<std::decay_t<decltype(left)>, otlp::Bytes>) {
          return left.data < right.data;
        } else {
          return left < right;
        }
      },
      a.value);
}

bool is_equal(const JaegerKeyValue& a, const JaegerKeyValue& b) { return a.key == b.key && a.value == b.value; }

// `event` goes first, the others are sorted.
void sort_fields(JaegerLog& log) {
  auto first = log.fields.begin();
  const auto event = std::find_if(log.fields.begin(), log.fields.end(), [](const JaegerKeyValue& field) {
    return field.key == "event" && std::holds_alternative<std::string>(field.value);
  });
  if (event != log.fields.end()) {
    std::iter_swap(first, event);
    ++first;
  }
  std::stable_sort(first, log.fields.end(), is_before);
}

// Processes that are equal once their tags are sorted are one.
void merge_processes(JaegerTrace& trace) {
  std::vector<JaegerProcess> merged;
  std::vector<std::size_t> places;
  for (JaegerProcess& process : trace.processes) {
    std::stable_sort(process.tags.begin(), process.tags.end(), is_before);
    const auto same = std::find_if(merged.begin(), merged.end(), [&](const JaegerProcess& other) {
      return other.service == process.service &&
             std::equal(other.tags.begin(), other.tags.end(), process.tags.begin(), process.tags.end(), is_equal);
    });
    places.push_back(static_cast<std::size_t>(same - merged.begin()));
    if (same == merged.end()) merged.push_back(std::move(process));
  }
  trace.processes = std::move(merged);
  for (JaegerSpan& span : trace.spans) span.process = places[span.process];
}

// p1 is the process of the first span, and so on.
void number_processes(JaegerTrace& trace) {
  constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> places(trace.processes.size(), kUnknown);
  std::vector<JaegerProcess> ordered;
  for (JaegerSpan& span : trace.spans) {
    std::size_t& place = places[span.process];
    if (place == kUnknown) {
      place = ordered.size();
      ordered.push_back(std::move(trace.processes[span.process]));
    }
    span.process = place;
  }
  trace.processes = std::move(ordered);
}

// ---- addresses ------------------------------------------------------------------------------------------------------

std::string ipv4(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 0xFF, address >> 8 & 0xFF, address & 0xFF);
}

// Numbers under these keys are addresses.
void write_addresses_out(std::vector<JaegerKeyValue>& tags) {
  for (JaegerKeyValue& tag : tags) {
    if (tag.key != "ip" && tag.key != "peer.ipv4") continue;
    if (const auto* const number = std::get_if<std::int64_t>(&tag.value)) {
      tag.value = ipv4(static_cast<std::uint32_t>(*number));
    } else if (const double* const real = std::get_if<double>(&tag.value)) {
      // As Go converts on this machine: by way of a signed integer, whose low half it takes; 0 past its range.
      const bool fits = std::abs(*real) < 9.2e18;
      tag.value = ipv4(fits ? static_cast<std::uint32_t>(static_cast<std::int64_t>(*real)) : 0);
    }
  }
}

// ---- clocks ---------------------------------------------------------------------------------------------------------

using SpanKey = otlp::SpanId;
struct SpanKeyHash {
  std::size_t operator()(const SpanKey& id) const noexcept {
    std::size_t hash = 0;
    for (const std::uint8_t byte : id) hash = hash << 8 | byte;
    return hash;
  }
};

// The first CHILD_OF within the trace, else the first FOLLOWS_FROM within it.
otlp::SpanId parent_of(const JaegerSpan& span) {
  otlp::SpanId follows{};
  for (const JaegerReference& reference : span.references) {
    if (reference.trace_id != span.trace_id) continue;
    if (reference.is_child_of) return reference.span_id;
    if (!otlp::is_set(follows)) follows = reference.span_id;
  }
  return follows;
}

// Tells where spans lie outside of their parents, as Jaeger does while it does not move them (its default).
class ClockSkew {
 public:
  explicit ClockSkew(JaegerTrace& trace) : trace_(trace) {}

  void warn() {
    build();
    // Not a recursion: a trace may be as deep as it has spans.
    std::vector<Visit> stack;
    for (const std::size_t root : roots_) stack.push_back({root, kNone, {0, host_of(root)}});
    while (!stack.empty()) {
      const Visit visit = stack.back();
      stack.pop_back();
      const Skew skew = skew_of(visit);
      if (skew.delta != 0) {
        trace_.spans[visit.span].warnings.push_back(fmt::format(
            "clock skew adjustment disabled; not applying calculated delta of {}", go_duration(skew.delta)));
      }
      for (const std::size_t child : children_[visit.span]) stack.push_back({child, visit.span, skew});
    }
  }

 private:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  struct Skew {
    std::int64_t delta = 0;
    std::string host;
  };
  struct Visit {
    std::size_t span;
    std::size_t parent;
    Skew skew;  // of the parent
  };

  void build() {
    std::unordered_map<SpanKey, std::size_t, SpanKeyHash> by_id;
    for (std::size_t i = 0; i < trace_.spans.size(); ++i) by_id.emplace(trace_.spans[i].span_id, i);
    children_.resize(trace_.spans.size());
    for (std::size_t i = 0; i < trace_.spans.size(); ++i) {
      const otlp::SpanId parent = parent_of(trace_.spans[i]);
      if (!otlp::is_set(parent)) {
        roots_.push_back(i);
        continue;
      }
      const auto found = by_id.find(parent);
      if (found != by_id.end()) {
        children_[found->second].push_back(i);
        continue;
      }
      trace_.spans[i].warnings.push_back(
          fmt::format("invalid parent span IDs={}; skipping clock skew adjustment",
                      to_hex({reinterpret_cast<const char*>(parent.data()), parent.size()})));
      roots_.push_back(i);
    }
  }

  // The process's tag "ip": spans of one host share a clock.
  [[nodiscard]] std::string host_of(std::size_t span) const {
    for (const JaegerKeyValue& tag : trace_.processes[trace_.spans[span].process].tags) {
      if (tag.key != "ip") continue;
      if (const auto* const text = std::get_if<std::string>(&tag.value)) return *text;
      if (const auto* const number = std::get_if<std::int64_t>(&tag.value)) {
        return ipv4(static_cast<std::uint32_t>(*number));
      }
      return {};
    }
    return {};
  }

  [[nodiscard]] Skew skew_of(const Visit& visit) const {
    std::string host = host_of(visit.span);
    if (visit.parent == kNone || (host == visit.skew.host && !host.empty())) return visit.skew;
    return {delta_of(trace_.spans[visit.span], trace_.spans[visit.parent]), std::move(host)};
  }

  // By how much the child would have to be moved to lie within its parent.
  static std::int64_t delta_of(const JaegerSpan& child, const JaegerSpan& parent) {
    const auto child_start = static_cast<std::int64_t>(child.start_unix_nano);
    const auto parent_start = static_cast<std::int64_t>(parent.start_unix_nano);
    if (child.duration_nanos > parent.duration_nanos) {
      return child_start < parent_start ? difference(parent_start, child_start) : 0;
    }
    const bool is_within = child_start >= parent_start && difference(child_start, parent_start) <=
                                                              difference(parent.duration_nanos, child.duration_nanos);
    if (is_within) return 0;
    const std::int64_t latency = difference(parent.duration_nanos, child.duration_nanos) / 2;
    return difference(parent_start, child_start - latency);
  }
  // Saturates: both come from outside.
  static std::int64_t difference(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if (!__builtin_sub_overflow(a, b, &result)) return result;
    return a > b ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
  }

  JaegerTrace& trace_;
  std::vector<std::size_t> roots_;
  std::vector<std::vector<std::size_t>> children_;
};

// ---- references -----------------------------------------------------------------------------------------------------

void drop_references_to_nowhere(JaegerSpan& span) {
  const auto is_nowhere = [](const JaegerReference& reference) { return !otlp::is_set(reference.trace_id); };
  for (const JaegerReference& reference : span.references) {
    if (!is_nowhere(reference)) continue;
    const std::string span_id = to_hex({reinterpret_cast<const char*>(reference.span_id.data()), 8});
    span.warnings.push_back(fmt::format("Invalid span reference removed {{TraceID:{} SpanID:{} RefType:{}}}",
                                        "0000000000000000", span_id,
                                        reference.is_child_of ? "CHILD_OF" : "FOLLOWS_FROM"));
  }
  std::erase_if(span.references, is_nowhere);
}

}  // namespace

void adjust_jaeger_trace(JaegerTrace& trace) {
  ClockSkew(trace).warn();
  for (JaegerProcess& process : trace.processes) write_addresses_out(process.tags);
  merge_processes(trace);
  number_processes(trace);
  for (JaegerSpan& span : trace.spans) {
    write_addresses_out(span.tags);
    for (JaegerLog& log : span.logs) sort_fields(log);
    drop_references_to_nowhere(span);
  }
}

}  // namespace meshflow::query
