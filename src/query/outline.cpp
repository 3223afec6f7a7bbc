#include "query/outline.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/trace_rows.hpp"
#include "store/rest.hpp"
#include "store/rest_overview.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query {
namespace {

// Columns after those of FactsReader.
enum Place : std::size_t {
  kKind = FactsReader::kColumns,
  kRole,
  kNodeId,
  kAgentId,
  kOperation,
  kInputTokens,
  kOutputTokens,
};
constexpr std::string_view kMore =
    ", kind, meshflow_role, meshflow_node_id, meshflow_agent_id, gen_ai_operation_name, gen_ai_usage_input_tokens, "
    "gen_ai_usage_output_tokens";

// Looked for in `rest`.
constexpr std::array<std::string_view, 8> kKeys{
    "gen_ai.agent.name",          "meshflow.cost_usd",          "gen_ai.input.messages",   "gen_ai.output.messages",
    "gen_ai.system_instructions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "meshflow.role"};
constexpr std::size_t kAgentName = 0;
constexpr std::size_t kCost = 1;
constexpr std::size_t kRoleText = 7;
constexpr std::uint64_t kContent = 0b0111'1100;

// Texts, each once, by the place where it was first seen.
class Texts {
 public:
  std::int32_t place_of(std::string_view text) {
    if (text.empty()) return -1;
    const auto known = places_.find(text);
    if (known != places_.end()) return known->second;
    const auto place = static_cast<std::int32_t>(places_.size());
    places_.emplace(text, place);
    return place;
  }
  [[nodiscard]] std::vector<std::string> all() const {
    std::vector<std::string> texts(places_.size());
    for (const auto& [text, place] : places_) texts[static_cast<std::size_t>(place)] = text;
    return texts;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> places_;
};

OutlineVerdict verdict_of(const SpanFacts& facts) {
  if (facts.verdict == "blocked") return OutlineVerdict::blocked;
  if (facts.verdict == "pending" || facts.gate_result == "pending") return OutlineVerdict::pending;
  if (facts.verdict == "allowed") return OutlineVerdict::allowed;
  return facts.verdict.empty() ? OutlineVerdict::none : OutlineVerdict::other;
}

std::string_view text_at(const store::Batch& batch, std::size_t column, std::size_t row) {
  return batch.is_null(column, row) ? std::string_view() : batch.text(column, row);
}

class Reading {
 public:
  Reading(store::Snapshot& snapshot, const otlp::TraceId& trace_id, const OutlineOptions& options)
      : snapshot_(snapshot), trace_id_(trace_id), options_(options), services_(snapshot) {}

  Result<Outline> outline();

 private:
  Result<bool> take(const store::Batch& batch);
  Result<void> take_rest(std::string_view rest, OutlineRow& row);
  Result<void> name_services();
  void order();
  void find_parents();
  void break_rings();
  void place_links_and_events();

  store::Snapshot& snapshot_;
  const otlp::TraceId& trace_id_;
  const OutlineOptions& options_;
  Outline outline_;
  TraceFigures figures_;
  FactsReader reader_;
  ServiceNames services_;
  Texts names_, roles_, nodes_, agents_;
  std::vector<std::uint64_t> resources_;  // of each row as it was read; the row's service is its place here until named
  std::unordered_map<std::uint64_t, std::int32_t> places_;  // of rows, by span id
  // By span id.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> events_;
  std::vector<std::pair<std::uint64_t, otlp::Link>> links_;
};

Result<bool> Reading::take(const store::Batch& batch) {
  if (outline_.rows.size() + batch.rows() > options_.limits.rows_max) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("the trace has more than {} spans (limit rows_max)", options_.limits.rows_max));
  }
  for (std::size_t i = 0; i < batch.rows(); ++i) {
    MESHFLOW_TRY(const SpanFacts facts, reader_.read(batch, i));
    services_.learn(facts.resource, FactsReader::service_of(batch, i));
    figures_.add(facts);
    OutlineRow row;
    row.span_id = facts.span_id;
    row.parent_id = facts.parent_id;
    row.start = facts.start;
    row.duration = static_cast<std::int64_t>(facts.end - facts.start);
    row.name = names_.place_of(facts.name);
    row.role = roles_.place_of(text_at(batch, kRole, i));
    row.node = nodes_.place_of(text_at(batch, kNodeId, i));
    row.agent = agents_.place_of(text_at(batch, kAgentId, i));
    row.kind = outline_kind_of(facts.name, text_at(batch, kOperation, i));
    row.otel_kind = static_cast<std::uint8_t>(std::clamp(batch.at<std::int32_t>(kKind, i), 0, 5));
    row.status = static_cast<std::uint8_t>(std::clamp(facts.status, 0, 2));
    row.verdict = verdict_of(facts);
    row.cost_nano_usd = facts.amounts.cost_nano_usd;
    row.tokens = facts.amounts.tokens;
    for (const std::size_t column : {std::size_t{kInputTokens}, std::size_t{kOutputTokens}}) {
      if (facts.amounts.tokens || batch.is_null(column, i)) continue;
      row.tokens = row.tokens.value_or(0) + batch.at<std::int64_t>(column, i);
    }
    if (!batch.is_null(FactsReader::kRestColumn, i)) {
      MESHFLOW_CHECK(take_rest(batch.text(FactsReader::kRestColumn, i), row));
    }
    resources_.push_back(facts.resource);
    row.service = static_cast<std::int32_t>(outline_.rows.size());
    outline_.rows.push_back(row);
  }
  return true;
}

Result<void> Reading::take_rest(std::string_view rest, OutlineRow& row) {
  MESHFLOW_TRY(const store::RestOverview overview, store::overview_of(rest, kKeys));
  if (!overview.event_times.empty()) row.flags |= kHasEvents;
  if (overview.links > 0) row.flags |= kHasLinks;
  if (overview.has_dropped) row.flags |= kHasDropped;
  if ((overview.keys & kContent) != 0) row.flags |= kHasContent;
  if (row.agent < 0) row.agent = agents_.place_of(overview.texts[kAgentName]);
  if (row.role < 0) row.role = roles_.place_of(overview.texts[kRoleText]);
  if (events_.size() <= kOutlineEventsMax) {
    for (const std::uint64_t time : overview.event_times) events_.emplace_back(row.span_id, time);
  }
  const bool has_whole_cost = !row.cost_nano_usd && (overview.keys >> kCost & 1) != 0;
  if (overview.links == 0 && !has_whole_cost) return {};
  MESHFLOW_TRY(auto span, store::read_rest(rest));
  if (has_whole_cost) row.cost_nano_usd = billionths_value(span.attributes, kKeys[kCost]);
  for (otlp::Link& link : span.links) {
    if (links_.size() < kOutlineLinksMax) links_.emplace_back(row.span_id, std::move(link));
  }
  return {};
}

Result<void> Reading::name_services() {
  Texts services;
  std::unordered_map<std::uint64_t, std::int32_t> places;
  for (OutlineRow& row : outline_.rows) {
    const std::uint64_t resource = resources_[static_cast<std::size_t>(row.service)];
    const auto [place, is_new] = places.try_emplace(resource, -1);
    if (is_new) {
      MESHFLOW_TRY(const std::string name, services_.name_of(resource));
      place->second = services.place_of(name);
    }
    row.service = place->second;
  }
  outline_.services = services.all();
  return {};
}

// By start and id, those that the asker has first.
void Reading::order() {
  auto& rows = outline_.rows;
  std::unordered_map<std::uint64_t, std::size_t> known;
  known.reserve(options_.known.size());
  for (std::size_t i = 0; i < options_.known.size(); ++i) known.emplace(options_.known[i], i);
  const auto present = static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const OutlineRow& row) { return known.contains(row.span_id); }));
  if (present < known.size() || rows.size() > options_.rows_max) known.clear();
  outline_.known = known.size();
  std::sort(rows.begin(), rows.end(), [&](const OutlineRow& a, const OutlineRow& b) {
    if (!known.empty()) {
      const auto place_a = known.find(a.span_id);
      const auto place_b = known.find(b.span_id);
      if (place_a != known.end() || place_b != known.end()) {
        if (place_a == known.end() || place_b == known.end()) return place_a != known.end();
        return place_a->second < place_b->second;
      }
    }
    return a.start != b.start ? a.start < b.start : a.span_id < b.span_id;
  });
}

void Reading::find_parents() {
  auto& rows = outline_.rows;
  places_.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) places_.emplace(rows[i].span_id, static_cast<std::int32_t>(i));
  std::map<std::uint64_t, std::size_t> missing;  // places in outline_.missing
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].parent_id == 0) continue;
    const auto parent = places_.find(rows[i].parent_id);
    if (parent != places_.end()) {
      rows[i].parent = parent->second;
      continue;
    }
    rows[i].parent = kParentMissing;
    const auto [place, is_new] = missing.try_emplace(rows[i].parent_id, outline_.missing.size());
    if (is_new) outline_.missing.push_back({rows[i].parent_id, {}});
    outline_.missing[place->second].children.push_back(i);
  }
}

// Of rows that are each other's ancestors the first becomes a root.
void Reading::break_rings() {
  auto& rows = outline_.rows;
  constexpr std::size_t kDone = SIZE_MAX;
  std::vector<std::size_t> walks(rows.size(), 0);  // which walk came by; kDone: it leads to a root
  for (std::size_t begin = 0; begin < rows.size(); ++begin) {
    const std::size_t walk = begin + 1;
    std::size_t at = begin;
    while (walks[at] == 0 && rows[at].parent >= 0) {
      walks[at] = walk;
      at = static_cast<std::size_t>(rows[at].parent);
    }
    if (walks[at] == walk) {
      std::size_t first = at;
      for (auto each = static_cast<std::size_t>(rows[at].parent); each != at;
           each = static_cast<std::size_t>(rows[each].parent)) {
        first = std::min(first, each);
      }
      rows[first].parent = kNoParent;
      rows[first].flags |= kInRing;
    }
    for (std::size_t each = begin; walks[each] != kDone;) {
      walks[each] = kDone;
      if (rows[each].parent < 0) break;
      each = static_cast<std::size_t>(rows[each].parent);
    }
  }
}

void Reading::place_links_and_events() {
  if (events_.size() <= kOutlineEventsMax) {
    outline_.events.emplace();
    for (const auto& [span_id, time] : events_) {
      outline_.events->emplace_back(static_cast<std::size_t>(places_.at(span_id)), time);
    }
    std::sort(outline_.events->begin(), outline_.events->end());
  }
  for (auto& [span_id, link] : links_) {
    OutlineLink& placed = outline_.links.emplace_back();
    placed.from = static_cast<std::size_t>(places_.at(span_id));
    placed.trace_id = link.trace_id;
    placed.span_id = link.span_id;
    placed.type = text_value(link.attributes, "meshflow.link");
    const auto target = places_.find(store::number_of(link.span_id));
    if (link.trace_id == trace_id_ && target != places_.end()) placed.to = target->second;
  }
  std::stable_sort(outline_.links.begin(), outline_.links.end(),
                   [](const OutlineLink& a, const OutlineLink& b) { return a.from < b.from; });
}

Result<Outline> Reading::outline() {
  const std::string columns = FactsReader::select_list(FactsReader::Rest::of_all) + std::string(kMore);
  MESHFLOW_CHECK(snapshot_.read_spans(std::span(&trace_id_, 1), columns, options_.limits,
                                      [this](const store::Batch& batch) { return take(batch); }));
  if (outline_.rows.empty()) return fail(ErrorCode::not_found, "trace not found");
  MESHFLOW_TRY(outline_.run, row_of(snapshot_, trace_id_, figures_, services_, options_.limits));
  MESHFLOW_CHECK(name_services());
  outline_.names = names_.all();
  outline_.roles = roles_.all();
  outline_.nodes = nodes_.all();
  outline_.agents = agents_.all();
  order();
  find_parents();
  break_rings();
  place_links_and_events();
  outline_.is_complete = outline_.missing.empty() && !outline_.run.root_name.empty();
  if (outline_.rows.size() > options_.rows_max) fold(outline_, options_.rows_max);
  return std::move(outline_);
}

}  // namespace

OutlineKind outline_kind_of(std::string_view name, std::string_view operation) {
  constexpr std::array<std::pair<std::string_view, OutlineKind>, 7> kNames{
      {{"meshflow.run", OutlineKind::run},
       {"meshflow.node", OutlineKind::node},
       {"meshflow.agent", OutlineKind::agent},
       {"meshflow.tool", OutlineKind::tool},
       {"meshflow.gate", OutlineKind::gate},
       {"meshflow.policy_check", OutlineKind::policy_check},
       {"meshflow.ledger_write", OutlineKind::ledger_write}}};
  for (const auto& [each, kind] : kNames) {
    if (each == name) return kind;
  }
  constexpr std::array<std::pair<std::string_view, OutlineKind>, 8> kOperations{
      {{"chat", OutlineKind::model_call},
       {"text_completion", OutlineKind::model_call},
       {"generate_content", OutlineKind::model_call},
       {"embeddings", OutlineKind::model_call},
       {"execute_tool", OutlineKind::tool},
       {"invoke_agent", OutlineKind::agent},
       {"create_agent", OutlineKind::agent},
       {"invoke_workflow", OutlineKind::run}}};
  for (const auto& [each, kind] : kOperations) {
    if (each == operation) return kind;
  }
  return OutlineKind::other;
}

std::string Outline::revision() const {
  // SplitMix64's mixing (Steele, Lea, Flood 2014) over the ids in their order.
  std::uint64_t hash = rows.size();
  for (const OutlineRow& row : rows) {
    hash = (hash ^ row.span_id) * 0x9E3779B97F4A7C15;
    hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
    hash ^= hash >> 27;
  }
  return fmt::format("{}-{:016x}", rows.size() + hidden.size(), hash);
}

Result<Outline> read_outline(store::Snapshot& snapshot, const otlp::TraceId& trace_id, const OutlineOptions& options) {
  return Reading(snapshot, trace_id, options).outline();
}

}  // namespace meshflow::query
