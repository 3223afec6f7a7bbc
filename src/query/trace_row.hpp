// A trace as one row of a list: what a run came to, whoever recorded it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "otlp/model.hpp"
#include "query/json_writer.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// Cost, tokens and carbon are the root's own where it has them; else the sums over the runs that are in the trace, else
// over its agents; nothing where no span says anything.
struct TraceRow {
  otlp::TraceId trace_id{};
  std::string root = {};  // the root span's name, and the workflow's; empty where there is no root
  std::string service = {};  // of the root, else of the earliest span
  std::string run_id = {};  // of the root, else of any span; empty: not a run
  // The run's state ("completed", "aborted", …) where the root says it, else the root span's ("ok", "error",
  // "unset"). Without a root: "paused" where a person is asked, else "unfinished".
  std::string status = {};
  std::uint64_t start_unix_nanos = 0;  // the earliest start
  std::uint64_t end_unix_nanos = 0;  // the latest end
  std::uint64_t spans = 0;
  std::uint64_t error_spans = 0;
  std::uint64_t blocked = 0;  // spans whose meshflow.verdict is blocked
  std::optional<std::int64_t> cost_nano_usd = {};
  std::optional<std::int64_t> tokens = {};

  // What the lists of the web UI have besides. Texts are empty where the root says nothing.
  std::string root_name = {};
  std::string workflow = {};
  std::string version = {};
  std::string variant = {};
  std::string blocked_rule = {};  // meshflow.rule_id of the earliest blocked span
  std::uint64_t pending = 0;  // gates that wait for a person
  std::optional<std::int64_t> input_tokens = {};  // of the root or of runs, cached ones included
  std::optional<std::int64_t> output_tokens = {};
  std::optional<std::int64_t> cached_tokens = {};
  std::optional<std::int64_t> carbon_nanograms = {};
  friend bool operator==(const TraceRow&, const TraceRow&) = default;
};

// Pure.
[[nodiscard]] TraceRow row_of(const store::StoredTrace& trace);

// An object: trace_id, root, service, run_id, status, start_unix_nanos and end_unix_nanos (texts: past 2^53), start
// (RFC 3339), duration_ms, spans, error_spans, blocked, cost_usd and cost_nano_usd, tokens. What is not known is null.
void write_json(JsonWriter& out, const TraceRow& row);
// Its members alone, for an object with more. (The web UI's form: run_row_json.hpp.)
void write_json_members(JsonWriter& out, const TraceRow& row);

// A trace or span id in lower-case hex.
[[nodiscard]] std::string hex_of(const otlp::TraceId& id);
[[nodiscard]] std::string hex_of(const otlp::SpanId& id);

// The value of a key, or null; the last of equal keys. Lives as long as `attributes`.
[[nodiscard]] const otlp::AnyValue* find_value(const otlp::KeyValueList& attributes, std::string_view key) noexcept;
// The value where it is text, else empty.
[[nodiscard]] std::string_view text_value(const otlp::KeyValueList& attributes, std::string_view key) noexcept;
// Money or carbon as the billionths that were counted; nothing where it is no number.
[[nodiscard]] std::optional<std::int64_t> billionths_value(const otlp::KeyValueList& attributes, std::string_view key);
[[nodiscard]] std::optional<std::int64_t> billionths_of(double amount);
[[nodiscard]] std::optional<std::int64_t> integer_value(const otlp::KeyValueList& attributes, std::string_view key);

}  // namespace meshflow::query
