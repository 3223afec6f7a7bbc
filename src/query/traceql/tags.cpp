#include "query/traceql/tags.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/number.hpp"
#include "query/row_value.hpp"
#include "query/trace_search.hpp"
#include "query/traceql/lexer.hpp"
#include "query/traceql/plan.hpp"
#include "query/traceql/source.hpp"
#include "query/traceql/vocabulary.hpp"
#include "store/columns.hpp"
#include "store/functions.hpp"

namespace meshflow::query::traceql {
namespace {

using store::TimeRange;

// Spans that the first step looks through, and how much more the next does.
constexpr double kFirstStepSpans = 1 << 16;
constexpr double kStepGrowth = 8;
// In attribute_order (docs/store-format.md): the next attribute is in `rest`, or says the trace's id and is not kept.
constexpr char kOrderRest = 127;
constexpr char kOrderTraceId = 126;

Condition condition_of(const TagOptions& options) {
  if (options.filter == nullptr) return {AllOf{}};
  return pushdown(options.filter->condition).condition;
}

// ---- reading --------------------------------------------------------------------------------------------------------

// What of the store a question about tags looks at.
class Spans {
 public:
  static Result<Spans> open(store::Snapshot& snapshot, const TagOptions& options, Fields fields = {}) {
    MESHFLOW_TRY(Source source, Source::open(snapshot, options.range, std::move(fields), options.limits));
    return Spans(std::move(source), options);
  }

  [[nodiscard]] Source& source() { return source_; }
  [[nodiscard]] bool is_empty() const { return all_.from > all_.to; }
  [[nodiscard]] TimeRange all() const { return all_; }
  // The newest kTagSpansMax of them.
  [[nodiscard]] TimeRange newest() const { return {window_start(source_.pieces(), all_, kTagSpansMax), all_.to}; }
  [[nodiscard]] bool has_older() const { return newest().from > all_.from; }

  // Text of the rows of "SELECT DISTINCT {of} FROM (SELECT {list} …)"; no more than `rows_max`.
  Result<store::Rows> distinct(std::string_view of, std::string_view list, TimeRange window, std::size_t rows_max,
                               std::span<const store::Value> parameters = {}) {
    MESHFLOW_TRY(Source::Statement statement, source_.select(list, window, condition_, parameters));
    if (statement.sql.empty()) return store::Rows{};
    statement.sql = fmt::format("SELECT DISTINCT {} FROM ({}) LIMIT {}", of, statement.sql, rows_max);
    return source_.ask(statement);
  }

  // Calls `look` with windows backwards, until it says that it has enough.
  template <typename Look>
  Result<void> backwards(TimeRange left, Look look) {
    for (double spans = kFirstStepSpans; left.from <= left.to; spans *= kStepGrowth) {
      const TimeRange window{window_start(source_.pieces(), left, spans), left.to};
      MESHFLOW_TRY(const bool goes_on, look(window));
      if (!goes_on || window.from <= left.from) break;
      left.to = window.from - 1;
    }
    return {};
  }

  [[nodiscard]] const Condition& condition() const { return condition_; }
  [[nodiscard]] bool is_narrowed() const { return is_narrowed_; }

 private:
  Spans(Source source, const TagOptions& options)
      : source_(std::move(source)), condition_(condition_of(options)), is_narrowed_(options.filter != nullptr) {
    const TimeRange extent = source_.extent();
    all_ = {std::max(extent.from, options.range.from), std::min(extent.to, options.range.to)};
  }

  Source source_;
  Condition condition_;
  bool is_narrowed_;
  TimeRange all_;
};

// The resources, or scopes, of the spans that are looked at: all that are known unless a filter narrows them.
template <typename Stored>
Result<std::vector<const Stored*>> referred_to(Spans& spans, std::string_view column,
                                               const std::vector<Stored>& known) {
  std::vector<const Stored*> out;
  std::set<std::uint64_t> keys;
  if (spans.is_narrowed()) {
    MESHFLOW_TRY(const store::Rows rows, spans.distinct(column, column, spans.all(), known.size() + 1));
    for (const auto& row : rows.rows) {
      if (const auto* const key = std::get_if<std::uint64_t>(row.data())) keys.insert(*key);
    }
  }
  for (const Stored& each : known) {
    if (!spans.is_narrowed() || keys.contains(each.key)) out.push_back(&each);
  }
  return out;
}

// ---- names ----------------------------------------------------------------------------------------------------------

class Names {
 public:
  explicit Names(std::size_t count_max) : count_max_(count_max) {}
  void add(std::string_view name) {
    if (name.empty() || names_.contains(name)) return;
    is_cut_ = is_cut_ || names_.size() >= count_max_;
    if (!is_cut_) names_.emplace(name);
  }
  void add_first_column(const store::Rows& rows) {
    for (const auto& row : rows.rows) add(query::text_of(row.front()));
  }
  [[nodiscard]] bool is_cut() const { return is_cut_; }
  [[nodiscard]] std::size_t rows_max() const { return count_max_ + 1; }
  std::vector<std::string> take() { return {names_.begin(), names_.end()}; }

 private:
  const std::size_t count_max_;
  std::set<std::string, std::less<>> names_;
  bool is_cut_ = false;
};

Result<void> names_of_spans(Spans& spans, Names& names) {
  MESHFLOW_TRY(const store::Rows orders,
               spans.distinct("attribute_order", "attribute_order", spans.newest(), std::size_t{1} << 20));
  bool has_rest = false;
  std::uint64_t columns = 0;
  for (const auto& row : orders.rows) {
    for (const char code : query::text_of(row.front())) {
      const auto column = static_cast<unsigned char>(code) - std::size_t{1};
      has_rest = has_rest || code == kOrderRest;
      if (code == kOrderTraceId) names.add("meshflow.trace_id");
      if (column < store::attribute_columns().size()) columns |= std::uint64_t{1} << column;
    }
  }
  for (std::size_t i = 0; i < store::attribute_columns().size(); ++i) {
    if ((columns >> i & 1) != 0) names.add(store::attribute_columns()[i].key);
  }
  if (!has_rest) return {};
  MESHFLOW_TRY(const store::Rows keys, spans.distinct(fmt::format("unnest({}(rest))", store::kRestKeys), "rest",
                                                      spans.newest(), names.rows_max()));
  names.add_first_column(keys);
  return {};
}

// `part`: the SQL function that unpacks the events or the links.
Result<void> names_of_parts(Spans& spans, std::string_view part, Names& names) {
  MESHFLOW_TRY(const store::Rows keys,
               spans.distinct("unnest(json_keys(part.attributes))", fmt::format("unnest({}(rest)) AS part", part),
                              spans.newest(), names.rows_max()));
  names.add_first_column(keys);
  return {};
}

Result<void> names_of(Spans& spans, Scope scope, Names& names) {
  switch (scope) {
    case Scope::resource: {
      MESHFLOW_TRY(const auto resources, referred_to(spans, "resource", spans.source().resources().all()));
      for (const store::StoredResource* const each : resources) {
        for (const otlp::KeyValue& attribute : each->resource.attributes) names.add(attribute.key);
      }
      return {};
    }
    case Scope::instrumentation: {
      MESHFLOW_TRY(const auto scopes, referred_to(spans, "scope", spans.source().scopes().all()));
      for (const store::StoredScope* const each : scopes) {
        for (const otlp::KeyValue& attribute : each->scope.attributes) names.add(attribute.key);
      }
      return {};
    }
    case Scope::event: return names_of_parts(spans, "span_events", names);
    case Scope::link: return names_of_parts(spans, "span_links", names);
    case Scope::span:
    case Scope::any: return names_of_spans(spans, names);
  }
  return {};
}

// ---- values ---------------------------------------------------------------------------------------------------------

// By type, then by size.
bool is_before(const Cell& a, const Cell& b) {
  if (a.value.index() != b.value.index()) return a.value.index() < b.value.index();
  return is_number(a) ? number_in(a) < number_in(b) : text_of(a) < text_of(b);
}

class Values {
 public:
  explicit Values(std::size_t count_max) : count_max_(count_max) {}
  void add(Cell cell) {
    if (const auto* const several = std::get_if<Several>(&cell.value)) return add_each(several->of);
    if (const auto* const array = std::get_if<Array>(&cell.value)) return add_each(array->of);
    if (cell.is_nil() || std::holds_alternative<Opaque>(cell.value)) return;
    std::string key = key_of(cell);
    if (values_.contains(key)) return;
    is_cut_ = is_cut_ || values_.size() >= count_max_;
    if (!is_cut_) values_.emplace(std::move(key), std::move(cell));
  }
  void add(const otlp::KeyValueList& attributes, std::string_view key) {
    for (const otlp::KeyValue& each : attributes) {
      if (each.key == key) add(cell_of(each.value));
    }
  }
  void set_cut() { is_cut_ = true; }
  [[nodiscard]] bool is_cut() const { return is_cut_; }
  // Enough to see that there are more.
  [[nodiscard]] std::size_t rows_max() const { return count_max_ + 1; }
  std::vector<Cell> take() {
    std::vector<Cell> out;
    out.reserve(values_.size());
    for (auto& [key, cell] : values_) out.push_back(std::move(cell));
    std::stable_sort(out.begin(), out.end(), is_before);
    return out;
  }

 private:
  void add_each(const std::vector<Cell>& cells) {
    for (const Cell& each : cells) add(each);
  }

  const std::size_t count_max_;
  std::map<std::string, Cell> values_;  // by what tells them apart
  bool is_cut_ = false;
};

Cell cell_of_column(const store::Value& value) {
  if (const auto* const text = std::get_if<std::string>(&value)) return {*text};
  if (const auto* const integer = std::get_if<std::int64_t>(&value)) return {*integer};
  if (const auto* const real = std::get_if<double>(&value)) return {*real};
  return {};
}

// A type's letter and the value (store/functions.hpp, rest_value). Arrays are left out.
Cell cell_of_typed(const store::Value& value) {
  const std::string typed = query::text_of(value);
  if (typed.empty()) return {};
  const std::string_view text = std::string_view(typed).substr(1);
  switch (typed.front()) {
    case 's': return {std::string(text)};
    case 'b': return {text == "true"};
    case 'i':
    case 'd': {
      const auto number = parse_number(text);
      if (!number) return {};
      if (typed.front() == 'd') return {number->value};
      return number->integer ? Cell{*number->integer} : Cell{};
    }
    default: return {};
  }
}

// Of a column, or what is calculated of columns, as far back as it takes.
Result<void> values_of_column(Spans& spans, std::string_view column, Values& values, std::string_view where = {}) {
  const std::string list =
      where.empty() ? fmt::format("{} AS v", column) : fmt::format("CASE WHEN {} THEN {} END AS v", where, column);
  return spans.backwards(spans.all(), [&](TimeRange window) -> Result<bool> {
    MESHFLOW_TRY(const store::Rows rows, spans.distinct("v", list, window, values.rows_max() + 1));
    for (const auto& row : rows.rows) values.add(cell_of_column(row.front()));
    return !values.is_cut();
  });
}

Result<void> values_in_rest(Spans& spans, const std::string& key, Values& values) {
  const std::array<store::Value, 1> parameters{store::Value{key}};
  const std::string list = fmt::format("{}(rest, ?) AS v", store::kRestValue);
  MESHFLOW_CHECK(spans.backwards(spans.newest(), [&](TimeRange window) -> Result<bool> {
    MESHFLOW_TRY(const store::Rows rows, spans.distinct("v", list, window, values.rows_max() + 1, parameters));
    for (const auto& row : rows.rows) values.add(cell_of_typed(row.front()));
    return !values.is_cut();
  }));
  if (spans.has_older()) values.set_cut();
  return {};
}

Result<void> values_on_spans(Spans& spans, const std::string& key, Values& values) {
  const auto column = store::find_attribute_column(key);
  if (column) MESHFLOW_CHECK(values_of_column(spans, store::attribute_columns()[*column].column, values));
  MESHFLOW_CHECK(spans.source().know_memory());
  const bool may_be_in_rest = !column || (spans.source().columns_in_rest() >> *column & 1) != 0;
  if (may_be_in_rest) MESHFLOW_CHECK(values_in_rest(spans, key, values));
  const auto long_name = long_name_of(key);
  return long_name && long_name->key != key ? values_on_spans(spans, long_name->key, values) : Result<void>{};
}

Result<void> values_of_resources(Spans& spans, const std::string& key, Values& values) {
  MESHFLOW_TRY(const auto resources, referred_to(spans, "resource", spans.source().resources().all()));
  for (const store::StoredResource* const each : resources) values.add(each->resource.attributes, key);
  return {};
}

// Of events and links: span by span, the newest.
Result<void> values_of_rows(Spans& spans, Values& values) {
  MESHFLOW_TRY(const Source::Statement statement,
               spans.source().select(spans.source().reader().select_list(), spans.newest(), spans.condition()));
  if (statement.sql.empty()) return {};
  MESHFLOW_CHECK(spans.source().ask(statement, [&](const store::Batch& batch) -> Result<bool> {
    for (std::size_t i = 0; i < batch.rows() && !values.is_cut(); ++i) {
      MESHFLOW_TRY(Row row, spans.source().reader().read(batch, i));
      values.add(std::move(row.cells.front()));
    }
    return !values.is_cut();
  }));
  if (spans.has_older()) values.set_cut();
  return {};
}

Result<void> values_of(Spans& spans, const Attribute& attribute, Values& values) {
  switch (attribute.scope) {
    case Scope::span: return values_on_spans(spans, attribute.name, values);
    case Scope::resource: return values_of_resources(spans, attribute.name, values);
    case Scope::any:
      MESHFLOW_CHECK(values_of_resources(spans, attribute.name, values));
      return values_on_spans(spans, attribute.name, values);
    case Scope::instrumentation: {
      MESHFLOW_TRY(const auto scopes, referred_to(spans, "scope", spans.source().scopes().all()));
      for (const store::StoredScope* const each : scopes) values.add(each->scope.attributes, attribute.name);
      return {};
    }
    case Scope::event:
    case Scope::link: return values_of_rows(spans, values);
  }
  return {};
}

Result<void> values_of(Spans& spans, Intrinsic intrinsic, Values& values) {
  switch (intrinsic) {
    case Intrinsic::name: return values_of_column(spans, "name", values);
    case Intrinsic::status_message: return values_of_column(spans, "status_message", values);
    case Intrinsic::root_name: return values_of_column(spans, "name", values, "parent_id = 0");
    case Intrinsic::root_service: return values_of_column(spans, "service", values, "parent_id = 0");
    case Intrinsic::event_name: return values_of_rows(spans, values);
    case Intrinsic::instrumentation_name:
    case Intrinsic::instrumentation_version: {
      MESHFLOW_TRY(const auto scopes, referred_to(spans, "scope", spans.source().scopes().all()));
      for (const store::StoredScope* const each : scopes) {
        values.add({intrinsic == Intrinsic::instrumentation_name ? each->scope.name : each->scope.version});
      }
      return {};
    }
    default: return {};
  }
}

}  // namespace

Result<TagNames> tag_names(store::Snapshot& snapshot, std::span<const Scope> scopes, const TagOptions& options) {
  TagNames out;
  MESHFLOW_TRY(Spans spans, Spans::open(snapshot, options));
  if (spans.is_empty()) return out;
  for (const Scope scope : scopes) {
    Names names(options.count_max);
    MESHFLOW_CHECK(names_of(spans, scope, names));
    const bool is_of_spans = scope != Scope::resource && scope != Scope::instrumentation;
    out.is_cut = out.is_cut || names.is_cut() || (is_of_spans && spans.has_older());
    if (auto found = names.take(); !found.empty()) out.scopes.push_back({scope, std::move(found)});
  }
  return out;
}

Result<TagValues> tag_values(store::Snapshot& snapshot, const Field& field, const TagOptions& options) {
  Values values(options.count_max);
  if (const auto* const intrinsic = std::get_if<Intrinsic>(&field.of)) {
    if (*intrinsic == Intrinsic::status) {
      for (const Status each : {Status::error, Status::ok, Status::unset}) values.add({each});
      return TagValues{values.take()};
    }
    if (*intrinsic == Intrinsic::kind) {
      for (const Kind each :
           {Kind::unspecified, Kind::internal, Kind::server, Kind::client, Kind::producer, Kind::consumer}) {
        values.add({each});
      }
      return TagValues{values.take()};
    }
  }
  // A parent is a span as well.
  Field own = field;
  if (auto* const attribute = std::get_if<Attribute>(&own.of)) attribute->of_parent = false;
  Fields fields;
  fields.add(own);
  MESHFLOW_TRY(Spans spans, Spans::open(snapshot, options, std::move(fields)));
  if (spans.is_empty()) return TagValues{};
  if (const auto* const attribute = std::get_if<Attribute>(&own.of)) {
    MESHFLOW_CHECK(values_of(spans, *attribute, values));
  } else {
    MESHFLOW_CHECK(values_of(spans, std::get<Intrinsic>(own.of), values));
  }
  return TagValues{values.take(), values.is_cut()};
}

std::optional<Field> read_field(std::string_view text) {
  if (unusable_text(text)) return std::nullopt;
  const Tokens read = tokenize(text);
  // The field, and the end.
  if (read.problem || read.tokens.size() != 2) return std::nullopt;
  return field_of(read.tokens.front());
}

}  // namespace meshflow::query::traceql
