#include "query/trace_figures.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "otlp/model.hpp"
#include "query/names.hpp"

namespace meshflow::query {
namespace {

constexpr std::string_view kAgentSpanName = "meshflow.agent";

void add_to(std::optional<std::int64_t>& sum, const std::optional<std::int64_t>& more) {
  if (more) sum = sum.value_or(0) + *more;
}

}  // namespace

bool is_notable(std::string_view name, std::uint64_t parent_id) { return parent_id == 0 || name == kRunSpanName; }

void TraceFigures::Sums::add(const Sums& more) {
  add_to(amounts.cost_nano_usd, more.amounts.cost_nano_usd);
  add_to(amounts.tokens, more.amounts.tokens);
  add_to(amounts.carbon_nanograms, more.amounts.carbon_nanograms);
  add_to(input_tokens, more.input_tokens);
  add_to(output_tokens, more.output_tokens);
  add_to(cached_tokens, more.cached_tokens);
}

void TraceFigures::add(const SpanFacts& span) {
  const Place place{span.start, span.span_id};
  const Sums own{span.amounts, span.input_tokens, span.output_tokens, span.cached_tokens};
  row_.start_unix_nanos = row_.spans == 0 ? span.start : std::min(row_.start_unix_nanos, span.start);
  row_.end_unix_nanos = std::max(row_.end_unix_nanos, span.end);
  ++row_.spans;
  if (span.status == static_cast<std::int32_t>(otlp::StatusCode::error)) ++row_.error_spans;
  if (span.gate_result == "pending") ++row_.pending;
  if (span.verdict == "blocked") {
    ++row_.blocked;
    if (place < blocked_place_) {
      blocked_place_ = place;
      row_.blocked_rule = span.rule_id;
    }
  }
  if (!span.run_id.empty() && place < run_id_place_) {
    run_id_place_ = place;
    row_.run_id = span.run_id;
  }
  if (span.name == kRunSpanName) runs_.emplace(span.span_id, own);
  if (span.name == kAgentSpanName) agents_.add(own);
  if (place < earliest_) {
    earliest_ = place;
    earliest_resource_ = span.resource;
  }
  if (span.parent_id == 0 && (!root_ || place < root_->place)) {
    root_ = Root{.place = place,
                 .resource = span.resource,
                 .name = std::string(span.name),
                 .run_id = std::string(span.run_id),
                 .state = std::string(span.state),
                 .workflow = std::string(span.workflow),
                 .version = std::string(span.version),
                 .variant = std::string(span.variant),
                 .status = span.status,
                 .sums = own};
  }
}

std::optional<std::uint64_t> TraceFigures::resource() const {
  if (root_) return root_->resource;
  return row_.spans > 0 ? std::optional(earliest_resource_) : std::nullopt;
}

std::string TraceFigures::status() const {
  if (!root_) return row_.pending > 0 ? "paused" : "unfinished";
  if (!root_->state.empty()) return root_->state;
  switch (otlp::StatusCode{root_->status}) {
    case otlp::StatusCode::ok: return "ok";
    case otlp::StatusCode::error: return "error";
    default: return "unset";
  }
}

bool TraceFigures::needs_parents() const { return runs_.size() > 1 && !has_sums_of_root(); }

bool TraceFigures::is_within_a_run(std::uint64_t run, const Parents& parents) const {
  std::uint64_t span = run;
  for (std::size_t steps = 0; steps < parents.size(); ++steps) {
    const auto parent = parents.find(span);
    if (parent == parents.end() || parent->second == 0) return false;
    span = parent->second;
    if (runs_.contains(span)) return true;
  }
  return false;
}

TraceFigures::Sums TraceFigures::sums(const Parents& parents) const {
  if (has_sums_of_root()) return root_->sums;
  Sums of_runs;
  for (const auto& [span_id, own] : runs_) {
    if (!is_within_a_run(span_id, parents)) of_runs.add(own);
  }
  return of_runs.is_known() ? of_runs : agents_;
}

TraceRow TraceFigures::row(const Parents& parents) const {
  TraceRow row = row_;
  if (root_) {
    row.root_name = root_->name;
    row.root = root_->workflow.empty() ? root_->name : fmt::format("{} {}", root_->name, root_->workflow);
    row.workflow = root_->workflow;
    row.version = root_->version;
    row.variant = root_->variant;
    if (!root_->run_id.empty()) row.run_id = root_->run_id;
  }
  row.status = row_.spans > 0 ? status() : std::string();
  const Sums total = sums(parents);
  row.cost_nano_usd = total.amounts.cost_nano_usd;
  row.tokens = total.amounts.tokens;
  row.input_tokens = total.input_tokens;
  row.output_tokens = total.output_tokens;
  row.cached_tokens = total.cached_tokens;
  row.carbon_nanograms = total.amounts.carbon_nanograms;
  return row;
}

}  // namespace meshflow::query
