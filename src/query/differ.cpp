#include "query/differ.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/resources.hpp"
#include "query/trace_index.hpp"
#include "query/trace_row.hpp"
#include "query/traceql/matches.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/source.hpp"
#include "query/traceql/vocabulary.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query {
namespace {

using traceql::Scope;

constexpr std::size_t kTracesAtOnce = 64;
// Longer texts count by their beginning.
constexpr std::size_t kValueBytesMax = 256;
// With fewer distinct numbers each is a value of its own.
constexpr std::size_t kNumbersAsTextMax = 8;

struct Name {
  std::string scope;
  std::string key;
  friend auto operator<=>(const Name&, const Name&) = default;
};

// A value: its text, how TraceQL writes it, and its number where it is one.
struct Seen {
  std::string text;
  std::string literal;
  std::optional<double> number = {};
};

std::optional<Seen> seen_in(const otlp::AnyValue& value) {
  if (const auto* const text = std::get_if<std::string>(&value.value)) {
    const std::string part = text->substr(0, kValueBytesMax);
    return Seen{part, part.size() == text->size() ? traceql::quoted(part) : std::string()};
  }
  if (const auto* const flag = std::get_if<bool>(&value.value)) {
    return Seen{*flag ? "true" : "false", *flag ? "true" : "false"};
  }
  if (const auto* const number = std::get_if<std::int64_t>(&value.value)) {
    return Seen{fmt::format("{}", *number), traceql::print(traceql::Value(*number)), static_cast<double>(*number)};
  }
  const auto* const number = std::get_if<double>(&value.value);
  if (number == nullptr || !std::isfinite(*number)) return std::nullopt;
  return Seen{json_double(*number), traceql::print(traceql::Value(*number)), *number};
}

// One attribute on both sides.
class Tally {
 public:
  void add(const Seen& seen, bool is_selected) {
    if (is_over_) return;
    Value& value = values_[seen.text];
    value.literal = seen.literal;
    ++(is_selected ? value.share.selection : value.share.baseline);
    are_numbers_ = are_numbers_ && seen.number.has_value();
    if (seen.number) (is_selected ? selected_ : others_).push_back(*seen.number);
    is_over_ = values_.size() > kDifferDistinctMax && !are_numbers_;
  }

  [[nodiscard]] DifferAttribute attribute(const Name& name, std::uint64_t selection, std::uint64_t baseline) const {
    DifferAttribute made{name.scope, name.key, are_numbers_ && values_.size() > kNumbersAsTextMax, 0, {}};
    if (is_over_) return made;
    const std::string field = field_of(name);
    if (made.is_number) {
      const std::vector<Bin> bins = bins_of(selected_, others_);
      for (const Bin& bin : bins) {
        DifferValue value{.text = {}, .bin = bin, .share = bin.share, .query = {}};
        if (!field.empty()) value.query = range_query(field, bin, &bin == &bins.back());
        made.values.push_back(std::move(value));
      }
    } else {
      for (const auto& [text, value] : values_) {
        const bool has_query = !field.empty() && !value.literal.empty();
        made.values.push_back(
            {text, {}, value.share, has_query ? fmt::format("{} = {}", field, value.literal) : std::string()});
      }
    }
    Share present;
    for (const DifferValue& each : made.values) {
      present.selection += each.share.selection;
      present.baseline += each.share.baseline;
    }
    // Of a run several spans may have one: then nobody is counted as without.
    const Share absent{selection - std::min(selection, present.selection),
                       baseline - std::min(baseline, present.baseline)};
    if (absent != Share{}) {
      made.values.push_back(
          {.text = {}, .bin = {}, .share = absent, .query = field.empty() ? std::string() : field + " = nil"});
    }
    std::vector<Share> shares;
    for (const DifferValue& each : made.values) shares.push_back(each.share);
    made.score = divergence(shares);
    cut(made, selection, baseline);
    return made;
  }

 private:
  struct Value {
    std::string literal;
    Share share;
  };

  // As TraceQL names it; empty where it does not.
  static std::string field_of(const Name& name) {
    if (name.scope == "run") return {};
    if (name.scope == "intrinsic") return name.key;
    const auto scope = traceql::scope_of(name.scope);
    return scope ? traceql::print(traceql::Field{traceql::Attribute{*scope, name.key, false}}) : std::string();
  }
  static std::string range_query(const std::string& field, const Bin& bin, bool is_last) {
    const auto number = [](double value) { return traceql::print(traceql::Value(value)); };
    if (bin.from == bin.to) return fmt::format("{} = {}", field, number(bin.from));
    return fmt::format("{0} >= {1} && {0} {3} {2}", field, number(bin.from), number(bin.to), is_last ? "<=" : "<");
  }
  static double difference(const DifferValue& value, std::uint64_t selection, std::uint64_t baseline) {
    const auto share = [](std::uint64_t part, std::uint64_t whole) {
      return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
    };
    return std::abs(share(value.share.selection, selection) - share(value.share.baseline, baseline));
  }
  static void cut(DifferAttribute& made, std::uint64_t selection, std::uint64_t baseline) {
    if (made.is_number) return;
    std::stable_sort(made.values.begin(), made.values.end(), [&](const DifferValue& a, const DifferValue& b) {
      return difference(a, selection, baseline) > difference(b, selection, baseline);
    });
    if (made.values.size() > kDifferValuesMax) made.values.resize(kDifferValuesMax);
  }

  std::map<std::string, Value> values_;
  std::vector<double> selected_, others_;
  bool are_numbers_ = true;
  bool is_over_ = false;
};

class Comparing {
 public:
  Comparing(store::Snapshot& snapshot, const DifferQuestion& question) : snapshot_(snapshot), question_(question) {}

  Result<Differences> run();

 private:
  using Ids = std::unordered_set<std::uint64_t>;
  // Which spans of a trace are on which side.
  struct Sides {
    Ids selection;
    Ids baseline;
  };

  Result<std::vector<IndexedTrace>> traces();
  Result<void> look_at(traceql::Source& source, const std::vector<IndexedTrace>& traces);
  Result<Ids> found_in(const traceql::Trace& trace, const traceql::Pipelines& pipelines) const;
  Result<std::optional<Sides>> sides_of(const traceql::Trace& trace) const;
  void add_spans(const store::StoredTrace& trace, const Sides& sides);
  void add_run(const store::StoredTrace& trace, bool is_selected);
  void count(bool is_selected) { ++(is_selected ? result_.selection : result_.baseline); }
  void add(const Name& name, const Seen& seen, bool is_selected) { tallies_[name].add(seen, is_selected); }

  store::Snapshot& snapshot_;
  const DifferQuestion& question_;
  std::unique_ptr<const traceql::Pipelines> selection_;
  std::unique_ptr<const traceql::Pipelines> baseline_;  // null: all else
  std::map<Name, Tally> tallies_;
  Differences result_;
};

// The newest of either side, each once.
Result<std::vector<IndexedTrace>> Comparing::traces() {
  std::vector<IndexedTrace> all;
  std::unordered_set<store::U128, store::HashU128> seen;
  const auto add_newest = [&](std::vector<IndexedTrace> some) {
    std::sort(some.begin(), some.end(), [](const IndexedTrace& a, const IndexedTrace& b) { return a.first > b.first; });
    if (some.size() > kDifferTracesMax) {
      some.resize(kDifferTracesMax);
      result_.is_sampled = true;
    }
    for (const IndexedTrace& each : some) {
      if (seen.insert(each.trace_id).second) all.push_back(each);
    }
  };
  MESHFLOW_TRY(auto selected, traceql::all_matches(snapshot_, question_.selection, question_.range, question_.limits));
  result_.is_sampled = result_.is_sampled || selected.cut_by.has_value();
  add_newest(std::move(selected.traces));
  if (question_.baseline) {
    MESHFLOW_TRY(auto others, traceql::all_matches(snapshot_, *question_.baseline, question_.range, question_.limits));
    result_.is_sampled = result_.is_sampled || others.cut_by.has_value();
    add_newest(std::move(others.traces));
  } else {
    MESHFLOW_TRY(auto others, all_traces(snapshot_, question_.range, question_.limits));
    add_newest(std::move(others));
  }
  return all;
}

Result<Comparing::Ids> Comparing::found_in(const traceql::Trace& trace, const traceql::Pipelines& pipelines) const {
  Ids ids;
  MESHFLOW_TRY(const auto sets, pipelines.evaluate(trace));
  for (const traceql::SpanSet& set : sets) {
    for (const std::size_t span : set.spans) {
      const traceql::Row& row = trace.rows[span];
      if (row.start >= question_.range.from && row.start <= question_.range.to) ids.insert(row.span_id);
    }
  }
  return ids;
}

Result<std::optional<Comparing::Sides>> Comparing::sides_of(const traceql::Trace& trace) const {
  Sides sides;
  MESHFLOW_TRY(sides.selection, found_in(trace, *selection_));
  if (baseline_ != nullptr) {
    MESHFLOW_TRY(sides.baseline, found_in(trace, *baseline_));
  } else {
    for (const traceql::Row& row : trace.rows) {
      if (row.start >= question_.range.from && row.start <= question_.range.to) sides.baseline.insert(row.span_id);
    }
  }
  for (const std::uint64_t id : sides.selection) sides.baseline.erase(id);
  if (sides.selection.empty() && sides.baseline.empty()) return std::optional<Sides>();
  return std::optional(std::move(sides));
}

Result<void> Comparing::look_at(traceql::Source& source, const std::vector<IndexedTrace>& traces) {
  MESHFLOW_TRY(const auto read, source.read(traces));
  std::map<otlp::TraceId, Sides> wanted;
  std::vector<otlp::TraceId> ids;
  for (const traceql::Trace& trace : read) {
    MESHFLOW_TRY(auto sides, sides_of(trace));
    if (!sides) continue;
    ids.push_back(store::trace_id_of(trace.rows.front().trace_id));
    wanted.emplace(ids.back(), std::move(*sides));
  }
  MESHFLOW_TRY(const auto whole, snapshot_.traces(ids, question_.limits));
  for (const store::StoredTrace& trace : whole) {
    const Sides& sides = wanted.at(trace.trace_id);
    if (question_.unit == DifferUnit::span) {
      add_spans(trace, sides);
    } else {
      add_run(trace, !sides.selection.empty());
    }
  }
  return {};
}

std::string_view status_name(otlp::StatusCode code) {
  return code == otlp::StatusCode::error ? "error" : code == otlp::StatusCode::ok ? "ok" : "unset";
}

// What a span has, as names and values; each once.
template <typename Visit>
void for_each_attribute(const otlp::Span& span, const otlp::ScopeSpans& scope, const otlp::ResourceSpans& resource,
                        Visit visit) {
  const auto visit_all = [&](const char* of, const otlp::KeyValueList& attributes) {
    for (const otlp::KeyValue& each : attributes) {
      if (auto seen = seen_in(each.value)) visit(Name{of, each.key}, *seen);
    }
  };
  visit(Name{"intrinsic", "name"}, Seen{span.name, traceql::quoted(span.name)});
  const std::string status(status_name(span.status.code));
  visit(Name{"intrinsic", "status"}, Seen{status, status});
  if (!span.status.message.empty()) {
    const std::string message = span.status.message.substr(0, kValueBytesMax);
    visit(Name{"intrinsic", "statusMessage"}, Seen{message, traceql::quoted(message)});
  }
  visit_all("span", span.attributes);
  visit_all("resource", resource.resource.attributes);
  visit_all("instrumentation", scope.scope.attributes);
}

void Comparing::add_spans(const store::StoredTrace& trace, const Sides& sides) {
  for (const otlp::ResourceSpans& resource : trace.data.resource_spans) {
    for (const otlp::ScopeSpans& scope : resource.scope_spans) {
      for (const otlp::Span& span : scope.spans) {
        const std::uint64_t id = store::number_of(span.span_id);
        const bool is_selected = sides.selection.contains(id);
        if (!is_selected && !sides.baseline.contains(id)) continue;
        count(is_selected);
        for_each_attribute(span, scope, resource,
                           [&](const Name& name, const Seen& seen) { add(name, seen, is_selected); });
        const auto nanos = static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano);
        add({"intrinsic", "duration"},
            {fmt::format("{}", nanos), traceql::print(traceql::Value(traceql::Duration{nanos})),
             static_cast<double>(nanos)},
            is_selected);
      }
    }
  }
}

void Comparing::add_run(const store::StoredTrace& trace, bool is_selected) {
  count(is_selected);
  std::set<std::pair<Name, std::string>> once;
  for (const otlp::ResourceSpans& resource : trace.data.resource_spans) {
    for (const otlp::ScopeSpans& scope : resource.scope_spans) {
      for (const otlp::Span& span : scope.spans) {
        for_each_attribute(span, scope, resource, [&](const Name& name, const Seen& seen) {
          // Numbers of single spans say little of a run: its sums stand beside them.
          if (seen.number || !once.emplace(name, seen.text).second) return;
          add(name, seen, is_selected);
        });
      }
    }
  }
  const TraceRow row = row_of(trace);
  const auto number = [&](const char* key, const std::optional<std::int64_t>& value) {
    if (value) add({"run", key}, {fmt::format("{}", *value), {}, static_cast<double>(*value)}, is_selected);
  };
  const auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) add({"run", key}, {value, {}}, is_selected);
  };
  text("root", row.root_name);
  text("status", row.status);
  text("blocked_rule", row.blocked_rule);
  number("duration_ns", static_cast<std::int64_t>(row.end_unix_nanos - row.start_unix_nanos));
  number("spans", static_cast<std::int64_t>(row.spans));
  number("errors", static_cast<std::int64_t>(row.error_spans));
  number("blocked", static_cast<std::int64_t>(row.blocked));
  number("cost_nano_usd", row.cost_nano_usd);
  number("tokens", row.tokens);
}

Result<Differences> Comparing::run() {
  MESHFLOW_TRY(const std::vector<IndexedTrace> all, traces());
  traceql::Fields fields;
  fields.add(question_.selection);
  if (question_.baseline) fields.add(*question_.baseline);
  MESHFLOW_TRY(auto source, traceql::Source::open(snapshot_, {}, std::move(fields), question_.limits));
  selection_ = std::make_unique<const traceql::Pipelines>(question_.selection, source.fields());
  if (question_.baseline) baseline_ = std::make_unique<const traceql::Pipelines>(*question_.baseline, source.fields());
  for (std::size_t at = 0; at < all.size(); at += kTracesAtOnce) {
    if (source.spans_read() > kDifferSpansMax) {
      result_.is_sampled = true;
      break;
    }
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kTracesAtOnce, all.size() - at));
    MESHFLOW_CHECK(look_at(source, {begin, begin + count}));
  }
  for (const auto& [name, tally] : tallies_) {
    DifferAttribute attribute = tally.attribute(name, result_.selection, result_.baseline);
    if (attribute.score > 0) result_.attributes.push_back(std::move(attribute));
  }
  std::stable_sort(result_.attributes.begin(), result_.attributes.end(),
                   [](const DifferAttribute& a, const DifferAttribute& b) { return a.score > b.score; });
  if (result_.attributes.size() > question_.attributes_max) result_.attributes.resize(question_.attributes_max);
  return std::move(result_);
}

void write_count(JsonWriter& out, std::string_view name, std::uint64_t count) {
  out.key(name);
  out.integer(count);
}

void write_value(JsonWriter& out, const DifferValue& value) {
  out.begin_object();
  out.key("value");
  if (value.bin) {
    out.begin_object();
    out.key("from");
    out.number(value.bin->from);
    out.key("to");
    out.number(value.bin->to);
    out.end_object();
  } else if (value.text) {
    out.string(*value.text);
  } else {
    out.null();
  }
  write_count(out, "selection", value.share.selection);
  write_count(out, "baseline", value.share.baseline);
  out.key("query");
  value.query.empty() ? out.null() : out.string(value.query);
  out.end_object();
}

}  // namespace

Result<Differences> differences(store::Snapshot& snapshot, const DifferQuestion& question) {
  return Comparing(snapshot, question).run();
}

void write_json(JsonWriter& out, const Differences& differences) {
  out.begin_object();
  write_count(out, "selection_n", differences.selection);
  write_count(out, "baseline_n", differences.baseline);
  out.key("sampled");
  out.boolean(differences.is_sampled);
  out.key("attributes");
  out.begin_array();
  for (const DifferAttribute& attribute : differences.attributes) {
    out.begin_object();
    out.field("scope", attribute.scope);
    out.field("key", attribute.key);
    out.field("type", attribute.is_number ? "number" : "text");
    out.key("score");
    out.number(attribute.score);
    out.key("values");
    out.begin_array();
    for (const DifferValue& value : attribute.values) write_value(out, value);
    out.end_array();
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

}  // namespace meshflow::query
