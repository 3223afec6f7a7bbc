#include "query/trace_rows.hpp"

#include <algorithm>
#include <utility>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/resources.hpp"
#include "store/columns.hpp"
#include "store/rest.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query {
namespace {

// The places of FactsReader::select_list.
enum Place : std::size_t {
  kTraceId,
  kSpanId,
  kParentId,
  kStart,
  kDuration,
  kName,
  kStatus,
  kResource,
  kService,
  kRunId,
  kVerdict,
  kGateResult,
  kRuleId,
  kCost,
  kTokens,
  kCarbon,
  kWorkflow,
  kVersion,
  kRest,
  kPlaces,
};
static_assert(kPlaces == FactsReader::kColumns && kRest == FactsReader::kRestColumn);

constexpr std::string_view kCostKey = "meshflow.cost_usd";
constexpr std::string_view kCarbonKey = "meshflow.carbon_g";
constexpr std::string_view kAgentSpanName = "meshflow.agent";

std::string_view text_at(const store::Batch& batch, std::size_t column, std::size_t row) {
  return batch.is_null(column, row) ? std::string_view() : batch.text(column, row);
}
std::optional<std::int64_t> billionths_at(const store::Batch& batch, std::size_t column, std::size_t row) {
  return batch.is_null(column, row) ? std::nullopt : billionths_of(batch.at<double>(column, row));
}

std::uint64_t bit_of(std::string_view key) {
  const auto column = store::find_attribute_column(key);
  return column ? std::uint64_t{1} << *column : 0;
}

}  // namespace

std::string FactsReader::select_list(Rest rest) {
  return std::string(
             "trace_id, span_id, parent_id, start, duration, name, status, resource, service, meshflow_run_id, "
             "meshflow_verdict, meshflow_gate_result, meshflow_rule_id, meshflow_cost_usd, meshflow_tokens, "
             "meshflow_carbon_g, meshflow_workflow_name, meshflow_workflow_version, ") +
         (rest == Rest::of_all ? "rest" : "CASE WHEN parent_id = 0 OR name = 'meshflow.run' THEN rest END");
}

Result<FactsReader::Rest> FactsReader::needed_rest(store::Snapshot& snapshot, const store::QueryLimits& limits) {
  std::uint64_t columns = 0;
  for (const store::Piece& piece : snapshot.pieces()) {
    MESHFLOW_TRY(const std::uint64_t of_piece, snapshot.columns_in_rest(piece, limits));
    columns |= of_piece;
  }
  return (columns & (bit_of(kCostKey) | bit_of(kCarbonKey))) != 0 ? Rest::of_all : Rest::of_notable;
}

std::string_view FactsReader::service_of(const store::Batch& batch, std::size_t row) {
  return text_at(batch, kService, row);
}

Result<SpanFacts> FactsReader::read(const store::Batch& batch, std::size_t row) {
  SpanFacts facts;
  facts.span_id = batch.at<std::uint64_t>(kSpanId, row);
  facts.parent_id = batch.at<std::uint64_t>(kParentId, row);
  facts.start = batch.at<std::uint64_t>(kStart, row);
  facts.end = facts.start + static_cast<std::uint64_t>(batch.at<std::int64_t>(kDuration, row));
  facts.name = batch.text(kName, row);
  facts.status = batch.at<std::int32_t>(kStatus, row);
  facts.resource = batch.at<std::uint64_t>(kResource, row);
  facts.run_id = text_at(batch, kRunId, row);
  facts.verdict = text_at(batch, kVerdict, row);
  facts.gate_result = text_at(batch, kGateResult, row);
  facts.rule_id = text_at(batch, kRuleId, row);
  facts.amounts.cost_nano_usd = billionths_at(batch, kCost, row);
  facts.amounts.carbon_nanograms = billionths_at(batch, kCarbon, row);
  if (!batch.is_null(kTokens, row)) facts.amounts.tokens = batch.at<std::int64_t>(kTokens, row);
  const bool is_of_note = is_notable(facts.name, facts.parent_id);
  if (batch.is_null(kRest, row) || (!is_of_note && facts.name != kAgentSpanName)) {
    rest_.clear();
  } else {
    MESHFLOW_TRY(auto rest, store::read_rest(batch.text(kRest, row)));
    rest_ = std::move(rest.attributes);
    if (!facts.amounts.cost_nano_usd) facts.amounts.cost_nano_usd = billionths_value(rest_, kCostKey);
    if (!facts.amounts.carbon_nanograms) facts.amounts.carbon_nanograms = billionths_value(rest_, kCarbonKey);
  }
  add_notable_facts(rest_, facts);
  if (is_of_note) {
    facts.workflow = text_at(batch, kWorkflow, row);
    facts.version = text_at(batch, kVersion, row);
  }
  return facts;
}

void ServiceNames::learn(std::uint64_t resource, std::string_view service) {
  if (!service.empty() && !names_.contains(resource)) names_.emplace(resource, service);
}

Result<std::string> ServiceNames::name_of(std::uint64_t resource) {
  if (const auto known = names_.find(resource); known != names_.end()) return known->second;
  if (!has_read_all_) {
    MESHFLOW_TRY(const auto all, snapshot_.resources());
    for (const store::StoredResource& each : all) names_.try_emplace(each.key, service_name_of(each.resource));
    has_read_all_ = true;
  }
  const auto known = names_.find(resource);
  return known == names_.end() ? std::string() : known->second;
}

Result<TraceRow> row_of(store::Snapshot& snapshot, const otlp::TraceId& trace_id, const TraceFigures& figures,
                        ServiceNames& services, const store::QueryLimits& limits) {
  TraceFigures::Parents parents;
  if (figures.needs_parents()) {
    MESHFLOW_CHECK(snapshot.read_spans(
        std::span(&trace_id, 1), "span_id, parent_id", limits, [&parents](const store::Batch& batch) -> Result<bool> {
          for (std::size_t row = 0; row < batch.rows(); ++row) {
            parents.emplace(batch.at<std::uint64_t>(0, row), batch.at<std::uint64_t>(1, row));
          }
          return true;
        }));
  }
  TraceRow row = figures.row(parents);
  row.trace_id = trace_id;
  if (const auto resource = figures.resource()) {
    MESHFLOW_TRY(row.service, services.name_of(*resource));
  }
  return row;
}

Result<std::vector<TraceRow>> read_trace_rows(store::Snapshot& snapshot, std::span<const otlp::TraceId> trace_ids,
                                              const store::QueryLimits& limits) {
  std::vector<TraceRow> rows;
  if (trace_ids.empty()) return rows;
  MESHFLOW_TRY(const auto rest, FactsReader::needed_rest(snapshot, limits));
  std::unordered_map<store::U128, TraceFigures, store::HashU128> figures;
  figures.reserve(trace_ids.size());
  FactsReader reader;
  ServiceNames services(snapshot);
  const auto take = [&](const store::Batch& batch) -> Result<bool> {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      MESHFLOW_TRY(const SpanFacts facts, reader.read(batch, row));
      services.learn(facts.resource, FactsReader::service_of(batch, row));
      figures[FactsReader::trace_of(batch, row)].add(facts);
    }
    return true;
  };
  MESHFLOW_CHECK(snapshot.read_spans(trace_ids, FactsReader::select_list(rest), limits, take));
  rows.reserve(trace_ids.size());
  for (const otlp::TraceId& trace_id : trace_ids) {
    const auto found = figures.find(store::number_of(trace_id));
    if (found == figures.end()) continue;
    MESHFLOW_TRY(TraceRow row, row_of(snapshot, trace_id, found->second, services, limits));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace meshflow::query
