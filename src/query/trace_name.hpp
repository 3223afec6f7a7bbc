// Which trace a person means: by id, by the beginning of one, by its run, or the newest.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "otlp/model.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// `last`: the trace whose newest span starts latest. `run_…`: the trace of that run id, or of the only one that begins
// so. Hex digits in either case: the trace id, a 64-bit one in 16 digits, or the only trace id that begins so. Errors:
// invalid_argument (no such form, or several traces fit, of which the Error names some), not_found, and the snapshot's.
[[nodiscard]] Result<otlp::TraceId> find_trace(store::Snapshot& snapshot, std::string_view name,
                                               const store::QueryLimits& limits = {});

// The ids of up to `count` traces that come after `after`, in the order of their ids; all where it is nothing.
[[nodiscard]] Result<std::vector<otlp::TraceId>> trace_ids_after(store::Snapshot& snapshot,
                                                                 const std::optional<otlp::TraceId>& after,
                                                                 std::size_t count,
                                                                 const store::QueryLimits& limits = {});

// Up to `count` of the traces whose id begins with these hex digits (1 to 32, either case), the least first.
[[nodiscard]] Result<std::vector<otlp::TraceId>> traces_beginning_with(store::Snapshot& snapshot,
                                                                       std::string_view digits, std::size_t count,
                                                                       const store::QueryLimits& limits = {});
// Up to `count` of the traces in which a span's meshflow.run_id begins with `prefix`, by their ids.
[[nodiscard]] Result<std::vector<otlp::TraceId>> traces_of_runs_beginning_with(store::Snapshot& snapshot,
                                                                               std::string_view prefix,
                                                                               std::size_t count,
                                                                               const store::QueryLimits& limits = {});
// True for 1 to 32 hex digits in either case.
[[nodiscard]] bool is_hex_id(std::string_view text) noexcept;

// What somebody wrote down of a trace, a span or a run.
struct ResolvedId {
  enum class Kind { trace, span, run };
  Kind kind = Kind::trace;
  otlp::TraceId trace_id{};
  std::optional<otlp::SpanId> span_id = {};
};
inline constexpr std::size_t kResolvedMax = 20;
inline constexpr std::size_t kPrefixDigitsMin = 8;

// All that `text` may mean, at most kResolvedMax, each once: a trace id of 1 to 32 hex digits with zeros before them,
// the beginning of one in kPrefixDigitsMin digits or more, a span id in 16 digits, a run_… or its beginning. Nothing
// for any other text.
[[nodiscard]] Result<std::vector<ResolvedId>> resolve_id(store::Snapshot& snapshot, std::string_view text,
                                                         const store::QueryLimits& limits = {});

}  // namespace meshflow::query
