// What a list says of a trace, gathered span by span: from spans as they were sent, or from rows of the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "otlp/model.hpp"
#include "query/trace_row.hpp"

namespace meshflow::query {

// Money and carbon in billionths. What a span does not say is nothing.
struct Amounts {
  std::optional<std::int64_t> cost_nano_usd = {};
  std::optional<std::int64_t> tokens = {};
  std::optional<std::int64_t> carbon_nanograms = {};
};

// What the figures need of a span. Views live as long as what they were taken from.
struct SpanFacts {
  std::uint64_t span_id = 0;
  std::uint64_t parent_id = 0;  // 0: none
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::string_view name;
  std::int32_t status = 0;      // otlp::StatusCode
  std::uint64_t resource = 0;   // whatever tells resources apart
  std::string_view run_id = {};
  std::string_view verdict = {};
  std::string_view gate_result = {};
  std::string_view rule_id = {};
  Amounts amounts = {};
  // Of runs and of spans without a parent; others need not say it.
  std::string_view state = {};  // meshflow.status
  std::string_view workflow = {};
  std::string_view version = {};
  std::string_view variant = {};
  std::optional<std::int64_t> input_tokens = {};
  std::optional<std::int64_t> output_tokens = {};
  std::optional<std::int64_t> cached_tokens = {};
};

// Whether a span is one of which SpanFacts has the lower half.
[[nodiscard]] bool is_notable(std::string_view name, std::uint64_t parent_id);
// Fills the lower half of a notable span's facts, from its attributes.
void add_notable_facts(const otlp::KeyValueList& attributes, SpanFacts& facts);

// One trace. One thread at a time.
class TraceFigures {
 public:
  // In any order: of several spans that could be the root, or name the run, the earliest counts, then the least id.
  void add(const SpanFacts& span);

  [[nodiscard]] std::uint64_t spans() const noexcept { return row_.spans; }
  // Of the root, else of the earliest span; nothing where there is no span.
  [[nodiscard]] std::optional<std::uint64_t> resource() const;

  [[nodiscard]] bool has_root() const noexcept { return root_.has_value(); }
  // The root says what the trace came to: other spans do not count for cost, tokens and carbon.
  [[nodiscard]] bool has_sums_of_root() const noexcept { return root_ && root_->sums.is_known(); }

  // The parent of each span, where row() has to know it: a run within a run is part of that one's sums.
  using Parents = std::unordered_map<std::uint64_t, std::uint64_t>;
  [[nodiscard]] bool needs_parents() const;
  // All but the trace's id and its service.
  [[nodiscard]] TraceRow row(const Parents& parents = {}) const;

 private:
  struct Sums {
    Amounts amounts;
    std::optional<std::int64_t> input_tokens;
    std::optional<std::int64_t> output_tokens;
    std::optional<std::int64_t> cached_tokens;

    void add(const Sums& more);
    [[nodiscard]] bool is_known() const { return amounts.cost_nano_usd || amounts.tokens; }
  };
  struct Place {  // of spans in time, for a choice that does not depend on the order in which they come
    std::uint64_t start = UINT64_MAX;
    std::uint64_t span_id = UINT64_MAX;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Root {
    Place place;
    std::uint64_t resource = 0;
    std::string name;
    std::string run_id;
    std::string state;
    std::string workflow;
    std::string version;
    std::string variant;
    std::int32_t status = 0;
    Sums sums;
  };
  [[nodiscard]] std::string status() const;
  [[nodiscard]] bool is_within_a_run(std::uint64_t run, const Parents& parents) const;
  [[nodiscard]] Sums sums(const Parents& parents) const;

  TraceRow row_;  // what adds up
  std::optional<Root> root_;
  Place earliest_;
  std::uint64_t earliest_resource_ = 0;
  Place run_id_place_;
  Place blocked_place_;
  std::unordered_map<std::uint64_t, Sums> runs_;  // by span id
  Sums agents_;
};

}  // namespace meshflow::query
