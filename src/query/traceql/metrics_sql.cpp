#include "query/traceql/metrics_sql.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/traceql/plan.hpp"
#include "store/columns.hpp"
#include "store/functions.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Of a CASE over resources or scopes: past it a join would be better, and the spans are looked at.
constexpr std::size_t kDictionaryMax = 256;
constexpr std::string_view kTraceIdKey = "meshflow.trace_id";

// SQL with its parameters in the order of their marks.
struct Text {
  std::string sql;
  std::vector<store::Value> parameters = {};

  Text& operator+=(const Text& more) {
    sql += more.sql;
    parameters.insert(parameters.end(), more.parameters.begin(), more.parameters.end());
    return *this;
  }
};
Text operator+(Text a, const Text& b) { return a += b; }
Text operator+(Text a, std::string_view sql) {
  a.sql += sql;
  return a;
}
Text text(std::string_view sql) { return {std::string(sql)}; }
Text parameter(store::Value value) { return {"?", {std::move(value)}}; }
Text call(const char* function, const std::string& key) { return text(function) + "(rest, " + parameter(key) + ")"; }

// How a label's column reads.
enum class Reading { typed, text, integer, real, status, kind };
struct LabelColumn {
  Text sql;
  Reading reading = Reading::typed;
};

class Statement {
 public:
  Statement(Source& source, const MetricsQuery& query, const Intervals& intervals, std::size_t exemplars_max)
      : source_(source),
        stage_(query.stage),
        pipeline_(query.pipeline),
        intervals_(intervals),
        exemplars_max_(exemplars_max) {}

  Result<std::optional<SeriesSet>> run();

 private:
  // Nothing where SQL cannot say it.
  [[nodiscard]] std::optional<LabelColumn> label(const Field& field) const;
  [[nodiscard]] std::optional<LabelColumn> label(const Attribute& attribute) const;
  [[nodiscard]] std::optional<Text> of_resource(const std::string& key) const;
  [[nodiscard]] std::optional<Text> of_scope(Intrinsic intrinsic) const;
  [[nodiscard]] Text typed_on_span(const std::string& key) const;
  [[nodiscard]] bool may_be_in_rest(const std::string& key) const;
  [[nodiscard]] static const store::AttributeColumn* column_of(const std::string& key);

  // An argument's integers and its doubles, either of which may be empty.
  struct Numbers {
    Text integers;
    Text doubles;
  };
  [[nodiscard]] std::optional<Numbers> argument() const;
  [[nodiscard]] Numbers numbers_on_span(const std::string& key) const;
  [[nodiscard]] Text inner(const std::vector<LabelColumn>& labels, const Numbers& numbers) const;
  [[nodiscard]] std::string outer(std::size_t labels, bool has_integers, bool has_doubles) const;
  [[nodiscard]] std::string measures(bool has_integers, bool has_doubles) const;
  [[nodiscard]] std::optional<Cell> cell_of(const store::Value& value, Reading reading) const;
  [[nodiscard]] std::vector<double> values_of(const std::vector<store::Value>& row, std::size_t at) const;
  Result<std::optional<SeriesSet>> read(const store::Rows& rows, const std::vector<LabelColumn>& labels) const;
  [[nodiscard]] std::optional<Exemplar> exemplar_of(const std::vector<store::Value>& row, std::size_t at) const;

  Source& source_;
  const MetricsStage& stage_;
  const Pipeline& pipeline_;
  const Intervals& intervals_;
  const std::size_t exemplars_max_;
};

const store::AttributeColumn* Statement::column_of(const std::string& key) {
  const auto index = store::find_attribute_column(key);
  return index ? &store::attribute_columns()[*index] : nullptr;
}

bool Statement::may_be_in_rest(const std::string& key) const {
  const auto index = store::find_attribute_column(key);
  return !index || (source_.columns_in_rest() >> *index & 1) != 0;
}

// ---- labels ---------------------------------------------------------------------------------------------------------

// The type's letter and the value, as rest_value gives it.
Text Statement::typed_on_span(const std::string& key) const {
  const store::AttributeColumn* const column = column_of(key);
  if (column == nullptr) return call(store::kRestValue, key);
  const char type = column->type == store::ColumnType::text ? 's' : column->type == store::ColumnType::i64 ? 'i' : 'd';
  Text typed = text(fmt::format("CASE WHEN {0} IS NOT NULL THEN '{1}' || {0}", column->column, type));
  if (may_be_in_rest(key)) typed += text(" ELSE ") + call(store::kRestValue, key);
  return typed + " END";
}

std::optional<LabelColumn> Statement::label(const Attribute& attribute) const {
  if (attribute.of_parent || attribute.name == kTraceIdKey) return std::nullopt;
  if (attribute.scope == Scope::resource) {
    auto resource = of_resource(attribute.name);
    if (!resource) return std::nullopt;
    return LabelColumn{std::move(*resource), Reading::typed};
  }
  if (attribute.scope != Scope::span && attribute.scope != Scope::any) return std::nullopt;
  const bool on_resource =
      attribute.scope == Scope::any &&
      !source_.resources().keys_where(attribute.name, [](const otlp::AnyValue&) { return true; }).empty();
  const auto long_name = long_name_of(attribute.name);
  const store::AttributeColumn* const column = column_of(attribute.name);
  if (column != nullptr && !may_be_in_rest(attribute.name) && !on_resource && !long_name) {
    const Reading reading = column->type == store::ColumnType::text  ? Reading::text
                            : column->type == store::ColumnType::i64 ? Reading::integer
                                                                     : Reading::real;
    return LabelColumn{text(column->column), reading};
  }
  Text typed = text("coalesce(") + typed_on_span(attribute.name);
  if (on_resource) {
    auto resource = of_resource(attribute.name);
    if (!resource) return std::nullopt;
    typed += text(", ") + *resource;
  }
  if (long_name) {
    typed += text(", ");
    if (long_name->is_of_run_spans) {
      typed += text(fmt::format("CASE WHEN name = '{}' THEN ", kRunSpanName)) + typed_on_span(long_name->key) + " END";
    } else {
      typed += typed_on_span(long_name->key);
    }
  }
  return LabelColumn{typed + ")", Reading::typed};
}

// Values of a dictionary's entries, each with the keys that have it.
Text case_of(std::string_view column, const std::map<std::string, std::vector<std::uint64_t>>& keys_of_values) {
  if (keys_of_values.empty()) return text("NULL::VARCHAR");
  Text made = text("CASE");
  for (const auto& [value, keys] : keys_of_values) {
    made += text(fmt::format(" WHEN {} IN (", column));
    for (std::size_t i = 0; i < keys.size(); ++i) made += text(i == 0 ? "" : ", ") + parameter(keys[i]);
    made += text(") THEN ") + parameter(value);
  }
  return made + " END";
}

// As rest_value writes values; nothing for an array.
std::optional<std::string> typed_text(const Cell& cell) {
  if (const auto* const text = std::get_if<std::string>(&cell.value)) return "s" + *text;
  if (std::holds_alternative<std::int64_t>(cell.value)) return "i" + text_of(cell);
  if (std::holds_alternative<double>(cell.value)) return "d" + text_of(cell);
  if (std::holds_alternative<bool>(cell.value)) return "b" + text_of(cell);
  return std::nullopt;
}

std::optional<Text> Statement::of_resource(const std::string& key) const {
  std::map<std::string, std::vector<std::uint64_t>> keys_of_values;
  std::size_t count = 0;
  for (const store::StoredResource& each : source_.resources().all()) {
    for (const otlp::KeyValue& attribute : each.resource.attributes) {
      if (attribute.key != key) continue;
      const Cell cell = traceql::cell_of(attribute.value);
      if (cell.is_nil()) continue;
      const auto typed = typed_text(cell);
      if (!typed || ++count > kDictionaryMax) return std::nullopt;
      keys_of_values[*typed].push_back(each.key);
    }
  }
  return case_of("resource", keys_of_values);
}

std::optional<Text> Statement::of_scope(Intrinsic intrinsic) const {
  std::map<std::string, std::vector<std::uint64_t>> keys_of_values;
  if (source_.scopes().all().size() > kDictionaryMax) return std::nullopt;
  for (const store::StoredScope& each : source_.scopes().all()) {
    keys_of_values[intrinsic == Intrinsic::instrumentation_name ? each.scope.name : each.scope.version].push_back(
        each.key);
  }
  return text("coalesce(") + case_of("scope", keys_of_values) + ", '')";
}

std::optional<LabelColumn> Statement::label(const Field& field) const {
  if (const auto* const attribute = std::get_if<Attribute>(&field.of)) return label(*attribute);
  switch (const Intrinsic intrinsic = std::get<Intrinsic>(field.of)) {
    case Intrinsic::name: return LabelColumn{text("name"), Reading::text};
    case Intrinsic::status: return LabelColumn{text("status"), Reading::status};
    case Intrinsic::kind: return LabelColumn{text("kind"), Reading::kind};
    case Intrinsic::status_message: return LabelColumn{text("coalesce(status_message, '')"), Reading::text};
    case Intrinsic::instrumentation_name:
    case Intrinsic::instrumentation_version: {
      auto scope = of_scope(intrinsic);
      if (!scope) return std::nullopt;
      return LabelColumn{std::move(*scope), Reading::text};
    }
    default: return std::nullopt;
  }
}

// ---- the argument ---------------------------------------------------------------------------------------------------

Statement::Numbers Statement::numbers_on_span(const std::string& key) const {
  const store::AttributeColumn* const column = column_of(key);
  if (column == nullptr) return {call(store::kRestInt, key), call(store::kRestDouble, key)};
  Numbers numbers;
  if (column->type == store::ColumnType::i64) numbers.integers = text(column->column);
  if (column->type == store::ColumnType::f64) numbers.doubles = text(column->column);
  if (!may_be_in_rest(key)) return numbers;
  const auto beside = [&](Text& of_column, const char* function) {
    const Text in_rest = text(fmt::format("CASE WHEN {} IS NULL THEN ", column->column)) + call(function, key) + " END";
    of_column = of_column.sql.empty() ? in_rest : text("coalesce(") + of_column + ", " + in_rest + ")";
  };
  beside(numbers.integers, store::kRestInt);
  beside(numbers.doubles, store::kRestDouble);
  return numbers;
}

std::optional<Statement::Numbers> Statement::argument() const {
  if (!stage_.argument) return Numbers{};
  const auto* const field = std::get_if<Field>(&stage_.argument->of);
  if (field == nullptr) return std::nullopt;
  if (const auto* const intrinsic = std::get_if<Intrinsic>(&field->of)) {
    if (*intrinsic != Intrinsic::duration) return std::nullopt;
    return Numbers{text("duration"), {}};
  }
  const auto& attribute = std::get<Attribute>(field->of);
  if (attribute.of_parent || (attribute.scope != Scope::span && attribute.scope != Scope::any)) return std::nullopt;
  if (attribute.scope == Scope::any &&
      !source_.resources().keys_where(attribute.name, [](const otlp::AnyValue&) { return true; }).empty()) {
    return std::nullopt;
  }
  Numbers numbers = numbers_on_span(attribute.name);
  if (const auto long_name = long_name_of(attribute.name)) {
    const Numbers of_long = numbers_on_span(long_name->key);
    Text stands_for_long = call(store::kRestValue, attribute.name) + " IS NULL";
    if (long_name->is_of_run_spans) stands_for_long += text(fmt::format(" AND name = '{}'", kRunSpanName));
    const auto choose = [&](Text& own, const Text& other) {
      if (other.sql.empty()) return;
      own = text("CASE WHEN ") + stands_for_long + " THEN " + other + " ELSE " + own + " END";
    };
    choose(numbers.integers, of_long.integers);
    choose(numbers.doubles, of_long.doubles);
  }
  return numbers;
}

// ---- the statement --------------------------------------------------------------------------------------------------

// The columns of one piece: p, g0 …, vi and vd (integers and doubles of the argument), h (a histogram's bucket), and
// what exemplars need.
Text Statement::inner(const std::vector<LabelColumn>& labels, const Numbers& numbers) const {
  Text list;
  if (intervals_.step() == 0) {
    list = text("0::UINTEGER AS p");
  } else {
    list = text("((start - ") + parameter(intervals_.window().from) + ") // " + parameter(intervals_.step()) +
           ")::UINTEGER AS p";
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    list += text(", ") + labels[i].sql + fmt::format(" AS g{}", i);
  }
  if (!numbers.integers.sql.empty()) list += text(", ") + numbers.integers + " AS vi";
  // What is not a number is none.
  if (!numbers.doubles.sql.empty()) {
    list += text(", CASE WHEN NOT isnan(") + numbers.doubles + ") THEN " + numbers.doubles + " END AS vd";
  }
  if (stage_.function == MetricsFunction::histogram_over_time) {
    list += text(", CASE WHEN ") + numbers.integers + " >= 2 THEN ceil(log2((" + numbers.integers +
            ")::DOUBLE))::INTEGER END AS h";
  }
  if (exemplars_max_ > 0) list += text(", trace_id, span_id, start");
  return list;
}

std::string Statement::measures(bool has_integers, bool has_doubles) const {
  std::string value = has_integers ? "vi" : "vd";
  if (has_integers && has_doubles) value = "coalesce(vi::DOUBLE, vd)";
  switch (stage_.function) {
    case MetricsFunction::min_over_time:
    case MetricsFunction::min: return fmt::format("min({})", value);
    case MetricsFunction::max_over_time:
    case MetricsFunction::max: return fmt::format("max({})", value);
    case MetricsFunction::quantile_over_time:
    case MetricsFunction::quantile: {
      std::string list;
      for (const double q : stage_.quantiles) list += fmt::format("{}{}", list.empty() ? "" : ", ", q);
      return fmt::format("quantile_cont({}, [{}])", value, list);
    }
    case MetricsFunction::sum_over_time:
    case MetricsFunction::sum:
    case MetricsFunction::avg_over_time:
    case MetricsFunction::avg: break;
    default: return "count(*)";
  }
  // Integers, billionths, doubles and how many there were.
  const std::string integers = has_integers ? "sum(vi)" : "NULL";
  std::string billionths = "NULL";
  std::string doubles = has_doubles ? "fsum(vd)" : "NULL";
  if (has_doubles && is_in_billionths(*stage_.argument)) {
    billionths = "sum(CASE WHEN abs(vd) < 9e9 THEN round(vd * 1e9)::BIGINT END)";
    doubles = "fsum(CASE WHEN abs(vd) >= 9e9 THEN vd END)";
  }
  return fmt::format("{}, {}, {}, {} + {}", integers, billionths, doubles, has_integers ? "count(vi)" : "0",
                     has_doubles ? "count(vd)" : "0");
}

std::string Statement::outer(std::size_t labels, bool has_integers, bool has_doubles) const {
  std::string list = "p";
  for (std::size_t i = 0; i < labels; ++i) list += fmt::format(", g{}", i);
  const bool is_histogram = stage_.function == MetricsFunction::histogram_over_time;
  if (is_histogram) list += ", h";
  std::string select = list + ", " + measures(has_integers, has_doubles);
  if (exemplars_max_ > 0) {
    const std::string value = has_integers ? "vi::DOUBLE" : has_doubles ? "vd" : "NULL::DOUBLE";
    select += fmt::format(", arg_min(trace_id, start), arg_min(span_id, start), min(start), arg_min({}, start)", value);
  }
  return fmt::format("SELECT {} FROM ({{}}){} GROUP BY {}", select, is_histogram ? " WHERE h IS NOT NULL" : "", list);
}

Result<std::optional<SeriesSet>> Statement::run() {
  const SpansetFilter* const filter = only_filter_of(pipeline_);
  if (filter == nullptr) return std::optional<SeriesSet>();
  const Pushdown pushed = pushdown(filter->condition);
  if (!pushed.is_exact) return std::optional<SeriesSet>();
  std::vector<LabelColumn> labels;
  for (const Field& field : stage_.by) {
    auto column = label(field);
    if (!column) return std::optional<SeriesSet>();
    labels.push_back(std::move(*column));
  }
  auto numbers = argument();
  if (!numbers) return std::optional<SeriesSet>();
  const bool is_histogram = stage_.function == MetricsFunction::histogram_over_time;
  if (is_histogram) numbers->doubles = {};  // doubles have no buckets
  const bool has_integers = !numbers->integers.sql.empty();
  const bool has_doubles = !numbers->doubles.sql.empty();
  if (stage_.argument && !has_integers && !has_doubles) return std::optional<SeriesSet>(SeriesSet{});
  const Text list = inner(labels, *numbers);
  MESHFLOW_TRY(Source::Statement statement,
               source_.select(list.sql, intervals_.window(), pushed.condition, list.parameters));
  store::Rows rows;
  if (!statement.sql.empty()) {
    const std::string frame = outer(labels.size(), has_integers, has_doubles);
    const std::size_t hole = frame.find("{}");
    statement.sql = frame.substr(0, hole) + statement.sql + frame.substr(hole + 2);
    MESHFLOW_TRY(rows, source_.ask(statement));
    if (rows.is_cut) {
      return fail(ErrorCode::limit_exceeded, "the query has more points than may be held (limit rows_max)",
                  "group by something with fewer values, or take a larger step");
    }
  }
  return read(rows, labels);
}

// ---- the result -----------------------------------------------------------------------------------------------------

double number(const store::Value& value) {
  if (const auto* const integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* const integer = std::get_if<std::uint64_t>(&value)) return static_cast<double>(*integer);
  if (const double* const real = std::get_if<double>(&value)) return *real;
  return kNaN;
}
bool is_null(const store::Value& value) { return std::holds_alternative<std::monostate>(value); }

// Nothing for a type that has no cell of its own: an array.
std::optional<Cell> Statement::cell_of(const store::Value& value, Reading reading) const {
  if (is_null(value)) return Cell{};
  if (reading == Reading::status) return status_cell(static_cast<std::int32_t>(number(value)));
  if (reading == Reading::kind) return kind_cell(static_cast<std::int32_t>(number(value)));
  if (reading == Reading::integer) return Cell{std::get<std::int64_t>(value)};
  if (reading == Reading::real) return Cell{std::get<double>(value)};
  const auto& written = std::get<std::string>(value);
  if (reading == Reading::text) return Cell{written};
  const std::string rest = written.substr(1);
  switch (written.front()) {
    case 's': return Cell{rest};
    case 'i': return Cell{static_cast<std::int64_t>(std::strtoll(rest.c_str(), nullptr, 10))};
    case 'd': return Cell{std::strtod(rest.c_str(), nullptr)};
    case 'b': return Cell{rest == "true"};
    default: return std::nullopt;
  }
}

std::vector<double> Statement::values_of(const std::vector<store::Value>& row, std::size_t at) const {
  const double unit = unit_of(stage_);
  switch (stage_.function) {
    case MetricsFunction::min_over_time:
    case MetricsFunction::min:
    case MetricsFunction::max_over_time:
    case MetricsFunction::max: return {number(row[at]) / unit};
    case MetricsFunction::quantile_over_time:
    case MetricsFunction::quantile: {
      std::vector<double> values(stage_.quantiles.size(), kNaN);
      const auto* const list = std::get_if<std::string>(&row[at]);
      if (list == nullptr) return values;
      const char* next = list->c_str() + 1;  // "[1.5, 2]"
      for (double& value : values) {
        char* end = nullptr;
        value = std::strtod(next, &end) / unit;
        if (end == next) return std::vector<double>(values.size(), kNaN);
        next = *end == ',' ? end + 1 : end;
      }
      return values;
    }
    case MetricsFunction::sum_over_time:
    case MetricsFunction::sum:
    case MetricsFunction::avg_over_time:
    case MetricsFunction::avg: {
      const double count = number(row[at + 3]);
      if (count == 0) return {kNaN};
      double sum = is_null(row[at + 2]) ? 0 : number(row[at + 2]);
      if (!is_null(row[at])) sum += number(row[at]);
      if (!is_null(row[at + 1])) sum += number(row[at + 1]) / 1e9;
      const bool is_sum = stage_.function == MetricsFunction::sum_over_time || stage_.function == MetricsFunction::sum;
      return {sum / unit / (is_sum ? 1 : count)};
    }
    default: return {number(row[at])};
  }
}

std::optional<Exemplar> Statement::exemplar_of(const std::vector<store::Value>& row, std::size_t at) const {
  const auto* const trace = std::get_if<store::U128>(&row[at]);
  const auto* const span = std::get_if<std::uint64_t>(&row[at + 1]);
  const auto* const start = std::get_if<std::uint64_t>(&row[at + 2]);
  if (trace == nullptr || span == nullptr || start == nullptr) return std::nullopt;
  Exemplar exemplar{store::trace_id_of(*trace), {}, *start, number(row[at + 3]) / unit_of(stage_)};
  for (std::size_t i = 0; i < 8; ++i) exemplar.span_id[i] = static_cast<std::uint8_t>(*span >> (56 - 8 * i));
  return exemplar;
}

Result<std::optional<SeriesSet>> Statement::read(const store::Rows& rows,
                                                 const std::vector<LabelColumn>& labels) const {
  Groups groups(stage_, intervals_);
  std::map<std::string, std::size_t> exemplars;
  for (const auto& row : rows.rows) {
    std::vector<Cell> by;
    std::size_t at = 1;
    std::string key;
    for (const LabelColumn& label : labels) {
      auto cell = cell_of(row[at++], label.reading);
      if (!cell) return std::optional<SeriesSet>();
      key += key_of(*cell) + '\0';
      by.push_back(std::move(*cell));
    }
    if (stage_.function == MetricsFunction::histogram_over_time) {
      by.push_back({std::ldexp(1.0, static_cast<int>(number(row[at++]))) / unit_of(stage_)});
    }
    MESHFLOW_CHECK(groups.set(by, static_cast<std::size_t>(number(row.front())), values_of(row, at)));
    if (exemplars_max_ == 0 || exemplars[key]++ >= exemplars_max_) continue;
    if (const auto exemplar = exemplar_of(row, row.size() - 4)) groups.add(by, *exemplar);
  }
  return std::optional<SeriesSet>(groups.series());
}

}  // namespace

Result<std::optional<SeriesSet>> series_by_sql(Source& source, const MetricsQuery& query, const Intervals& intervals,
                                               std::size_t exemplars_max) {
  return Statement(source, query, intervals, exemplars_max).run();
}

}  // namespace meshflow::query::traceql
