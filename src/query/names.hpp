// The lesson's vocabulary in queries: short names, and the attributes that are counted in billionths.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "otlp/model.hpp"

namespace meshflow::query {

inline constexpr std::string_view kRunIdKey = "meshflow.run_id";
inline constexpr std::string_view kRunSpanName = "meshflow.run";

// What a short name stands for where a span has no attribute really of that name.
struct LongName {
  std::string key;                 // "meshflow.verdict"
  bool is_of_run_spans = false;  // only on spans named meshflow.run
  friend bool operator==(const LongName&, const LongName&) = default;
};

// "verdict" → meshflow.verdict, for every attribute of the lesson; "run_cost_usd" and "meshflow.run_cost_usd" →
// meshflow.cost_usd of run spans. Nothing for all else. Pure.
[[nodiscard]] std::optional<LongName> long_name_of(std::string_view key);

// "internal", "server", …, as Jaeger's span.kind; empty for unspecified and unknown kinds. Pure.
[[nodiscard]] std::string_view name_of_kind(otlp::SpanKind kind) noexcept;

// True for money and carbon, short or long: on the wire the double nearest to billionths / 10⁹, so two of them are
// equal where the rounded billionths are. Pure.
[[nodiscard]] bool is_counted_in_billionths(std::string_view key);

}  // namespace meshflow::query
