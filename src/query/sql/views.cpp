#include "query/sql/views.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "query/names.hpp"
#include "query/sql/definitions.hpp"
#include "store/columns.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query::sql {
namespace {

constexpr auto kViews = std::to_array<std::string_view>({"spans", "traces", "runs", "events", "links", "attributes"});

// With more keys than this the view of attributes reads all of them.
constexpr std::size_t kKeysMax = 16;

bool has_column(std::string_view view, std::string_view column) {
  const auto columns = definitions_of(view);
  return std::any_of(columns.begin(), columns.end(), [column](const auto& each) { return each.name == column; });
}

std::string select_list(std::span<const Definition> columns) {
  std::string list;
  for (const Definition& column : columns) {
    list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", column.expression, column.name);
  }
  return list;
}

// A row of no piece, so that a view has its columns where the store is empty.
std::string empty_source() {
  std::string list;
  const auto add = [&list](std::string_view name, store::ColumnType type) {
    const char* sql = "VARCHAR";
    switch (type) {
      case store::ColumnType::u128: sql = "UHUGEINT"; break;
      case store::ColumnType::u64: sql = "UBIGINT"; break;
      case store::ColumnType::i64: sql = "BIGINT"; break;
      case store::ColumnType::i32: sql = "INTEGER"; break;
      case store::ColumnType::f64: sql = "DOUBLE"; break;
      case store::ColumnType::text: sql = "VARCHAR"; break;
      case store::ColumnType::blob: sql = "BLOB"; break;
    }
    list += fmt::format("{}CAST(NULL AS {}) AS {}", list.empty() ? "" : ", ", sql, name);
  };
  for (std::size_t i = 0; i < store::kFieldColumns; ++i) {
    const auto column = static_cast<store::Column>(i);
    add(store::name_of(column), store::type_of(column));
  }
  for (const store::AttributeColumn& column : store::attribute_columns()) add(column.column, column.type);
  return fmt::format("(SELECT {} WHERE false)", list);
}

// ---- what a narrowing leaves ------------------------------------------------------------------------------------

// A condition over the store's columns that all wanted rows fulfil, and when they start; nothing is wanted where it is
// "false".
struct Rows {
  std::string condition = {};  // empty: all
  store::TimeRange range = {};

  void add(const std::string& more) { condition += (condition.empty() ? "" : " AND ") + more; }
};

std::optional<otlp::TraceId> trace_id_of(std::string_view digits) {
  const auto bytes = from_hex(digits);
  otlp::TraceId id{};
  if (!bytes || bytes->size() != id.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return id;
}

// UHUGEINT, in decimal digits: a literal with hex digits is an INTEGER.
std::string number_text(const otlp::TraceId& id) {
  __extension__ using Wide = unsigned __int128;
  const store::U128 number = store::number_of(id);
  Wide rest = static_cast<Wide>(number.high) << 64 | number.low;
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  return digits;
}

// Those of the ids that are here, by the index of traces, and between which starts their spans lie.
Result<void> narrow_to_traces(store::Snapshot& snapshot, const std::vector<otlp::TraceId>& ids, Rows& rows) {
  std::string list;
  store::TimeRange range{UINT64_MAX, 0};
  for (const otlp::TraceId& id : ids) {
    MESHFLOW_TRY(const auto found, snapshot.time_range_of(id));
    if (!found) continue;
    range = {std::min(range.from, found->from), std::max(range.to, found->to)};
    list += fmt::format("{}CAST('{}' AS UHUGEINT)", list.empty() ? "" : ", ", number_text(id));
  }
  if (list.empty()) {
    rows.add("false");
    return {};
  }
  rows.range = {std::max(rows.range.from, range.from), std::min(rows.range.to, range.to)};
  rows.add(fmt::format("trace_id IN ({})", list));
  return {};
}

Result<void> narrow_to_runs(store::Snapshot& snapshot, const std::vector<std::string>& run_ids, bool whole_traces,
                            Rows& rows) {
  std::vector<otlp::TraceId> ids;
  std::string list;
  store::TimeRange range{UINT64_MAX, 0};
  for (const std::string& run_id : run_ids) {
    MESHFLOW_TRY(const auto candidates, snapshot.traces_of_run(run_id));
    for (const auto& candidate : candidates) {
      ids.push_back(candidate.trace_id);
      range = {std::min(range.from, candidate.range.from), std::max(range.to, candidate.range.to)};
    }
    list += fmt::format("{}{}", list.empty() ? "" : ", ", quoted(run_id));
  }
  if (whole_traces) return narrow_to_traces(snapshot, ids, rows);
  if (ids.empty()) {
    rows.add("false");
    return {};
  }
  rows.range = {std::max(rows.range.from, range.from), std::min(rows.range.to, range.to)};
  rows.add(fmt::format("meshflow_run_id IN ({})", list));
  return {};
}

Result<Rows> rows_of(store::Snapshot& snapshot, std::string_view view, const Narrowing& narrowing) {
  Rows rows;
  if (narrowing.trace_ids && has_column(view, "trace_id")) {
    std::vector<otlp::TraceId> ids;
    for (const std::string& text : *narrowing.trace_ids) {
      if (const auto id = trace_id_of(text)) ids.push_back(*id);
    }
    MESHFLOW_CHECK(narrow_to_traces(snapshot, ids, rows));
  }
  if (narrowing.run_ids && has_column(view, "run_id")) {
    MESHFLOW_CHECK(narrow_to_runs(snapshot, *narrowing.run_ids, view == "traces", rows));
  }
  if (view == "runs") rows.add(fmt::format("name = {}", quoted(kRunSpanName)));
  return rows;
}

// ---- a piece's part of a view -------------------------------------------------------------------------------------

std::string where_text(const Rows& rows) {
  std::string text = rows.condition;
  if (rows.range.from > 0 || rows.range.to < UINT64_MAX) {
    text += fmt::format("{}start BETWEEN {} AND {}", text.empty() ? "" : " AND ", rows.range.from, rows.range.to);
  }
  return text.empty() ? text : " WHERE " + text;
}

std::string and_where(const std::string& where, std::string_view more) {
  return where.empty() ? fmt::format(" WHERE {}", more) : fmt::format("{} AND {}", where, more);
}

// Rows that `function`, a list for each span, makes of those of `source`.
std::string unnested(std::string_view source, const std::string& where, std::string_view function) {
  return fmt::format("(SELECT trace_id, span_id, start, name AS span_name, service, unnest({}) AS made FROM {}{})",
                     function, source, where);
}

std::string all_attributes() {
  std::string arguments = "attribute_order, trace_id, rest";
  for (const store::AttributeColumn& column : store::attribute_columns())
    arguments += fmt::format(", {}", column.column);
  return fmt::format("span_attributes({})", arguments);
}

// The attributes of some keys, without a look at the others.
std::string attributes_of_keys(std::string_view source, const std::string& where,
                               const std::vector<std::string>& keys) {
  std::string sql;
  const auto add = [&sql](std::string select) { sql += (sql.empty() ? "" : " UNION ALL ") + std::move(select); };
  for (const std::string& key : keys) {
    add(fmt::format("SELECT {} FROM {}", select_list(definitions_of("attributes")),
                    unnested(source, where, fmt::format("span_attribute(rest, {})", quoted(key)))));
    const auto attribute = store::find_attribute_column(key);
    if (!attribute) continue;
    const store::AttributeColumn& column = store::attribute_columns()[*attribute];
    const bool is_text = column.type == store::ColumnType::text;
    add(fmt::format(
        "SELECT trace_id_text(trace_id), span_id_text(span_id), start, {}, '{}', CAST({} AS VARCHAR), {} FROM {}{}",
        quoted(key), is_text ? "string" : (column.type == store::ColumnType::i64 ? "int" : "double"), column.column,
        is_text ? "CAST(NULL AS DOUBLE)" : fmt::format("CAST({} AS DOUBLE)", column.column), source,
        and_where(where, fmt::format("{} IS NOT NULL", column.column))));
  }
  return sql;
}

std::string piece_select(std::string_view view, std::string_view source, const std::string& where,
                         const Narrowing& narrowing) {
  const std::string list = select_list(definitions_of(view));
  const std::string has_rest = and_where(where, "rest IS NOT NULL");
  if (view == "events") return fmt::format("SELECT {} FROM {}", list, unnested(source, has_rest, "span_events(rest)"));
  if (view == "links") return fmt::format("SELECT {} FROM {}", list, unnested(source, has_rest, "span_links(rest)"));
  if (view != "attributes") return fmt::format("SELECT {} FROM {}{}", list, source, where);
  // meshflow.trace_id is not stored, and the text of doubles is ours: both take the way of all attributes.
  if (narrowing.keys && narrowing.keys->size() <= kKeysMax) {
    std::vector<std::string> keys = *narrowing.keys;
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    const auto is_plain = [](const std::string& key) {
      const auto attribute = store::find_attribute_column(key);
      const bool is_double = attribute && store::attribute_columns()[*attribute].type == store::ColumnType::f64;
      return key != "meshflow.trace_id" && !is_double;
    };
    if (!keys.empty() && std::all_of(keys.begin(), keys.end(), is_plain)) {
      return attributes_of_keys(source, where, keys);
    }
  }
  return fmt::format("SELECT {} FROM {}", list, unnested(source, where, all_attributes()));
}

}  // namespace

std::span<const std::string_view> view_names() noexcept { return kViews; }

bool is_view(std::string_view name) noexcept { return std::find(kViews.begin(), kViews.end(), name) != kViews.end(); }

std::vector<ViewColumn> view_columns(std::string_view name) {
  std::vector<ViewColumn> columns;
  for (const Definition& column : definitions_of(name)) columns.push_back({column.name, column.type});
  return columns;
}

Result<std::string> view_select(store::Snapshot& snapshot, std::string_view name, const Narrowing& narrowing) {
  MESHFLOW_TRY(const Rows rows, rows_of(snapshot, name, narrowing));
  std::vector<std::string> sources;
  for (const store::Piece& piece : snapshot.pieces_in(rows.range)) sources.push_back(piece.source);
  if (sources.empty()) sources.push_back(empty_source());
  const std::string where = where_text(rows);
  std::string sql;
  if (name == "traces") {
    // A trace's spans may lie in several pieces.
    for (const std::string& source : sources) {
      sql += fmt::format("{}SELECT * FROM {}{}", sql.empty() ? "" : " UNION ALL BY NAME ", source, where);
    }
    return fmt::format("SELECT {} FROM ({}) GROUP BY trace_id", select_list(definitions_of("traces")), sql);
  }
  for (const std::string& source : sources) {
    sql += (sql.empty() ? "" : " UNION ALL ") + piece_select(name, source, where, narrowing);
  }
  return sql;
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

}  // namespace meshflow::query::sql
