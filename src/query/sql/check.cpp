#include "query/sql/check.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/bytes.hpp"
#include "base/nearest.hpp"
#include "base/try.hpp"
#include "query/sql/functions.hpp"
#include "query/sql/limits.hpp"
#include "query/sql/views.hpp"

namespace meshflow::query::sql {
namespace {

namespace json = boost::json;

// The tree nests some ten levels of JSON for one of SQL; DuckDB's parser stops at 1,000 of its own.
constexpr std::size_t kJsonDepthMax = 16'000;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view text_at(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

const json::object* object_at(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}

const json::array* array_at(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr ? value->if_array() : nullptr;
}

bool is_class(const json::object& object, std::string_view name) { return text_at(object, "class") == name; }

// The text of a constant that is one.
const json::string* constant_text(const json::value& value) {
  const json::object* const object = value.if_object();
  if (object == nullptr || !is_class(*object, "CONSTANT")) return nullptr;
  const json::object* const held = object_at(*object, "value");
  const json::value* const text = held == nullptr ? nullptr : held->if_contains("value");
  return text == nullptr ? nullptr : text->if_string();
}

template <std::size_t N>
bool is_among(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr auto kExpressions =
    std::to_array<std::string_view>({"BETWEEN", "CASE", "CAST", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT",
                                     "FUNCTION", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW"});
constexpr auto kOperators = std::to_array<std::string_view>(
    {"ARRAY_EXTRACT", "COMPARE_IN", "COMPARE_NOT_IN", "GROUPING_FUNCTION", "OPERATOR_COALESCE", "OPERATOR_IS_NOT_NULL",
     "OPERATOR_IS_NULL", "OPERATOR_NOT", "OPERATOR_NULLIF", "OPERATOR_TRY", "STRUCT_EXTRACT"});
// Queries, what they read from, and what is said of their rows.
constexpr auto kParts = std::to_array<std::string_view>(
    {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE", "BASE_TABLE", "SUBQUERY", "JOIN",
     "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST", "ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER",
     "DISTINCT_MODIFIER", "ORDER_DEFAULT", "ASCENDING", "DESCENDING"});

// What a name in the tree is called by people.
std::string said(std::string_view part) {
  if (part == "SHOW_REF") return "DESCRIBE, SHOW and SUMMARIZE are";
  if (part == "PARAMETER") return "a parameter is";
  if (part == "LAMBDA" || part == "LAMBDA_REF") return "a lambda is";
  if (part == "PIVOT") return "PIVOT is";
  if (part == "COLLATE") return "COLLATE is";
  if (part == "ARRAY_SLICE") return "a slice of a list or text is";
  return fmt::format("{} is", part);
}

class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  Result<Checked> run(const json::object& root) {
    const json::array* const statements = array_at(root, "statements");
    if (statements == nullptr || statements->empty()) return refuse("there is no statement", "SELECT … FROM spans");
    if (statements->size() > 1) {
      return refuse(fmt::format("{} statements are given; one is allowed", statements->size()), "one SELECT");
    }
    MESHFLOW_CHECK(walk(statements->front(), 0));
    MESHFLOW_CHECK(check_tables());
    return std::move(checked_);
  }

 private:
  struct Cte {
    std::string name;
    std::size_t tables = 0;  // that it reads
  };

  tl::unexpected<Error> refuse(std::string message, std::string hint = {},
                               ErrorCode code = ErrorCode::invalid_input) const {
    return tl::unexpected(Error{code, std::move(message), position_in(text_, location_), std::move(hint)});
  }
  tl::unexpected<Error> refuse_limit(std::string what, std::string_view limit) const {
    return refuse(fmt::format("{} (limit {})", what, limit), {}, ErrorCode::limit_exceeded);
  }

  Result<void> walk(const json::value& value, std::size_t depth) {
    if (const json::array* const array = value.if_array()) {
      for (const json::value& each : *array) MESHFLOW_CHECK(walk(each, depth));
      return {};
    }
    const json::object* const object = value.if_object();
    if (object == nullptr) return {};
    if (const json::value* const at = object->if_contains("query_location"); at != nullptr && at->is_int64()) {
      location_ = static_cast<std::size_t>(at->get_int64());
    }
    const std::string_view expression = text_at(*object, "class");
    const std::string_view part = expression.empty() ? text_at(*object, "type") : expression;
    if (part.empty()) return walk_members(*object, depth);
    if (++nodes_ > kNodesMax)
      return refuse_limit(fmt::format("the query has more than {} parts", kNodesMax), "nodes_max");
    if (++depth > kDepthMax) {
      return refuse_limit(fmt::format("the query nests deeper than {} levels", kDepthMax), "depth_max");
    }
    return expression.empty() ? walk_part(*object, part, depth) : walk_expression(*object, part, depth);
  }

  // All of its members, its common table expressions first.
  Result<void> walk_members(const json::object& object, std::size_t depth) {
    const std::size_t outer = ctes_.size();
    if (const json::object* const map = object_at(object, "cte_map")) MESHFLOW_CHECK(walk_ctes(*map, depth));
    for (const auto& [key, value] : object) {
      if (key != "cte_map") MESHFLOW_CHECK(walk(value, depth));
    }
    ctes_.resize(outer);
    return {};
  }

  // Each sees those before it, not itself: DuckDB looks for a table where a name means none of them.
  Result<void> walk_ctes(const json::object& map, std::size_t depth) {
    const json::array* const entries = array_at(map, "map");
    if (entries == nullptr) return {};
    for (const json::value& entry : *entries) {
      const json::object* const object = entry.if_object();
      const json::value* const query = object == nullptr ? nullptr : object->if_contains("value");
      if (query == nullptr) return refuse("a common table expression is not understood");
      const std::size_t before = std::exchange(tables_, 0);
      MESHFLOW_CHECK(walk(*query, depth));
      MESHFLOW_CHECK(check_tables());
      ctes_.push_back({lower(text_at(*object, "key")), std::max<std::size_t>(tables_, 1)});
      tables_ = before;
    }
    return {};
  }

  Result<void> walk_part(const json::object& object, std::string_view part, std::size_t depth) {
    if (!is_among(part, kParts))
      return refuse(fmt::format("{} not allowed here", said(part)), "one SELECT over the views");
    if (const json::value* const sample = object.if_contains("sample"); sample != nullptr && !sample->is_null()) {
      return refuse("TABLESAMPLE is not allowed here");
    }
    if (const json::array* const sets = array_at(object, "group_sets"); sets != nullptr) {
      if (sets->size() > kGroupingSetsMax) {
        return refuse_limit(fmt::format("the query has more than {} grouping sets", kGroupingSetsMax),
                            "grouping_sets_max");
      }
    }
    if (part == "BASE_TABLE") return walk_table(object);
    if (part == "TABLE_FUNCTION") return walk_table_function(object, depth);
    if (part == "SELECT_NODE") note_narrowings(object);
    if (part != "RECURSIVE_CTE_NODE") return walk_members(object, depth);
    // Only what is repeated sees the rows that there are already.
    for (const auto& [key, value] : object) {
      const std::size_t outer = ctes_.size();
      if (key == "right") ctes_.push_back({lower(text_at(object, "cte_name")), 1});
      MESHFLOW_CHECK(walk(value, depth));
      ctes_.resize(outer);
    }
    return {};
  }

  Result<void> walk_table(const json::object& table) {
    const std::string_view name = text_at(table, "table_name");
    const json::value* const moment = table.if_contains("at_clause");
    if (moment != nullptr && !moment->is_null()) return refuse("AT is not allowed here");
    if (!text_at(table, "schema_name").empty() || !text_at(table, "catalog_name").empty()) {
      return refuse(fmt::format("a name with a schema or database before it ({}) is not allowed here", name),
                    "name the view alone");
    }
    const std::string wanted = lower(name);
    for (auto cte = ctes_.rbegin(); cte != ctes_.rend(); ++cte) {
      if (cte->name != wanted) continue;
      tables_ += cte->tables;
      return check_tables();
    }
    if (!is_view(wanted)) {
      return refuse(fmt::format("there is no view \"{}\"", name), name_hint(name, view_names()));
    }
    ++tables_;
    add_view(wanted, table);
    return check_tables();
  }

  Result<void> check_tables() const {
    if (tables_ <= kTablesMax) return {};
    return refuse_limit(fmt::format("the query reads more than {} tables", kTablesMax), "tables_max");
  }

  Result<void> walk_table_function(const json::object& object, std::size_t depth) {
    const json::object* const function = object_at(object, "function");
    const std::string name = function == nullptr ? "" : lower(text_at(*function, "function_name"));
    if (function == nullptr || !is_table_function(name) || !has_own_schema(*function)) {
      return refuse(fmt::format("the table function \"{}\" is not allowed here", name),
                    "the views are spans, traces, runs, events, links, attributes; range and unnest make rows");
    }
    ++tables_;
    const json::value* const arguments = function->if_contains("children");
    return arguments == nullptr ? Result<void>() : walk(*arguments, depth);
  }

  static bool has_own_schema(const json::object& function) {
    const std::string_view schema = text_at(function, "schema");
    return (schema.empty() || schema == "main") && text_at(function, "catalog").empty();
  }

  Result<void> walk_expression(const json::object& object, std::string_view name, std::size_t depth) {
    if (!is_among(name, kExpressions)) return refuse(fmt::format("{} not allowed here", said(name)));
    const std::string_view type = text_at(object, "type");
    if (name == "OPERATOR" && !is_among(type, kOperators)) {
      return refuse(fmt::format("{} not allowed here", said(type)));
    }
    if (name == "CONSTANT") return check_constant(object);
    if (name == "CAST") MESHFLOW_CHECK(check_cast(object));
    if (name == "FUNCTION" || name == "WINDOW") MESHFLOW_CHECK(check_function(object, name == "WINDOW"));
    for (const auto& [key, value] : object) {
      if (key == "cast_type") continue;
      MESHFLOW_CHECK(walk(value, depth));
    }
    return {};
  }

  Result<void> check_constant(const json::object& constant) const {
    const json::object* const held = object_at(constant, "value");
    const json::value* const value = held == nullptr ? nullptr : held->if_contains("value");
    if (value == nullptr || !value->is_string() || value->get_string().size() <= kLiteralBytesMax) return {};
    return refuse_limit(fmt::format("a text of the query has more than {} bytes", kLiteralBytesMax),
                        "literal_bytes_max");
  }

  Result<void> check_cast(const json::object& cast) {
    const json::object* const type = object_at(cast, "cast_type");
    const std::string name = type == nullptr ? std::string() : type_name(*type);
    if (!is_cast_type(name)) {
      return refuse(fmt::format("a cast to {} is not allowed here", name.empty() ? "this type" : name),
                    "numbers, VARCHAR, BOOLEAN, DATE, TIME, TIMESTAMP and INTERVAL are");
    }
    return name == "VARCHAR" ? count_text_call() : Result<void>();
  }

  // In upper case; empty where it is none of one word. DuckDB writes a type either whole, or as the expression that it
  // was in the text.
  static std::string type_name(const json::object& type) {
    std::string_view name = text_at(type, "id");
    if (name == "UNBOUND") {
      const json::object* const info = object_at(type, "type_info");
      const json::object* const expression = info == nullptr ? nullptr : object_at(*info, "expr");
      if (expression == nullptr || !is_class(*expression, "TYPE")) return {};
      if (!text_at(*expression, "schema").empty() || !text_at(*expression, "catalog").empty()) return {};
      if (const json::array* const modifiers = array_at(*expression, "children")) {
        for (const json::value& modifier : *modifiers) {
          const json::object* const object = modifier.if_object();
          if (object == nullptr || !is_class(*object, "CONSTANT")) return {};
        }
      }
      name = text_at(*expression, "type_name");
    }
    std::string upper(name);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return upper;
  }

  Result<void> count_text_call() {
    if (++text_calls_ <= kTextCallsMax) return {};
    return refuse_limit(fmt::format("the query makes text in more than {} places", kTextCallsMax), "text_calls_max");
  }

  Result<void> check_function(const json::object& function, bool is_window) {
    const std::string name = lower(text_at(function, "function_name"));
    const Use use = has_own_schema(function) ? use_of(name) : Use::none;
    if (use == Use::none) {
      return refuse(fmt::format("the function \"{}\" is not allowed here", name), name_hint(name, function_names()));
    }
    if (is_window && use != Use::aggregate && use != Use::window) {
      return refuse(fmt::format("the function \"{}\" is not allowed over a window", name));
    }
    if (use == Use::text || name == "string_agg") MESHFLOW_CHECK(count_text_call());
    const json::array* const arguments = array_at(function, "children");
    const std::size_t count = arguments == nullptr ? 0 : arguments->size();
    // min(x, n) and arg_min(x, y, n) make lists of n.
    const bool is_extreme = name == "min" || name == "max";
    const bool is_extreme_by = name == "arg_min" || name == "arg_max" || name == "min_by" || name == "max_by";
    if ((is_extreme && count > 1) || (is_extreme_by && count > 2)) {
      return refuse(fmt::format("\"{}\" with a number of rows is not allowed here", name), "ORDER BY … LIMIT");
    }
    if (name == "list_value") return check_list(*arguments);
    if (name == "list_sort" || name == "list_reverse_sort")
      return check_sorted(count == 0 ? nullptr : &arguments->front());
    if (name.starts_with("regexp_")) return check_pattern(name, count < 2 ? nullptr : &(*arguments)[1]);
    if (name == "strftime") return check_format(count < 2 ? nullptr : &(*arguments)[1]);
    return {};
  }

  // Of constants: a list of columns, of which a list is made again, grows with every level.
  Result<void> check_list(const json::array& elements) const {
    if (elements.size() > kListMax) {
      return refuse_limit(fmt::format("a list has more than {} elements", kListMax), "list_max");
    }
    for (const json::value& element : elements) {
      const json::object* const object = element.if_object();
      if (object == nullptr || !is_class(*object, "CONSTANT")) {
        return refuse("a list may hold constants only", "[0.5, 0.95]");
      }
    }
    return {};
  }

  // list(x ORDER BY x) is read as list_sort(list(x)): that, and no other list.
  Result<void> check_sorted(const json::value* list) const {
    const json::object* const object = list == nullptr ? nullptr : list->if_object();
    const std::string name = object == nullptr ? "" : lower(text_at(*object, "function_name"));
    if (name == "list" || name == "array_agg") return {};
    return refuse("a list is sorted where it is made: list(x ORDER BY x)");
  }

  Result<void> check_format(const json::value* format) const {
    const json::string* const text = format == nullptr ? nullptr : constant_text(*format);
    if (text != nullptr && text->size() <= kPatternBytesMax) return {};
    return refuse(
        fmt::format("the format of strftime must be a text of at most {} bytes that is written out (limit "
                    "pattern_bytes_max)",
                    kPatternBytesMax));
  }

  Result<void> check_pattern(const std::string& function, const json::value* pattern) const {
    const json::string* const text = pattern == nullptr ? nullptr : constant_text(*pattern);
    if (text == nullptr) return refuse(fmt::format("the pattern of {} must be a text that is written out", function));
    if (text->size() > kPatternBytesMax) {
      return refuse_limit(fmt::format("a pattern has more than {} bytes", kPatternBytesMax), "pattern_bytes_max");
    }
    std::size_t repeats = 1;
    for (std::size_t at = 0; at < text->size(); ++at) {
      if ((*text)[at] != '{') continue;
      std::size_t most = 1;  // of {3}, {3,} and {3,7} the largest number
      std::size_t number = 0;
      for (++at;
           at < text->size() && (std::isdigit(static_cast<unsigned char>((*text)[at])) != 0 || (*text)[at] == ',');
           ++at) {
        number = (*text)[at] == ',' ? 0 : std::min<std::size_t>(number * 10 + ((*text)[at] - '0'), 100'000);
        most = std::max(most, number);
      }
      repeats = std::min<std::size_t>(repeats * most, 10 * kPatternRepeatsMax);
    }
    if (repeats <= kPatternRepeatsMax) return {};
    return refuse_limit(fmt::format("a pattern repeats more than {} times", kPatternRepeatsMax), "pattern_repeats_max");
  }

  // ---- what a view may leave out --------------------------------------------------------------------------------

  // The tables of a FROM by the names that columns may have before them.
  static void collect_tables(const json::object& from,
                             std::vector<std::pair<std::string, const json::object*>>& tables) {
    const std::string_view type = text_at(from, "type");
    const json::array* const renamed = array_at(from, "column_name_alias");
    const bool has_own_columns = renamed == nullptr || renamed->empty();
    if (type == "JOIN") {
      for (const char* side : {"left", "right"}) {
        if (const json::object* const table = object_at(from, side)) collect_tables(*table, tables);
      }
      return;
    }
    const std::string_view alias = text_at(from, "alias");
    const bool is_table = type == "BASE_TABLE" && has_own_columns;
    tables.emplace_back(lower(alias.empty() ? text_at(from, "table_name") : alias), is_table ? &from : nullptr);
  }

  // A conjunct "column = 'text'" or "column IN ('text', …)" of a WHERE narrows its table.
  void note_narrowings(const json::object& select) {
    const json::object* const from = object_at(select, "from_table");
    const json::object* const where = object_at(select, "where_clause");
    if (from == nullptr || where == nullptr) return;
    std::vector<std::pair<std::string, const json::object*>> tables;
    collect_tables(*from, tables);
    note_conjunct(*where, tables, 0);
  }

  void note_conjunct(const json::object& condition,
                     const std::vector<std::pair<std::string, const json::object*>>& tables, std::size_t depth) {
    if (depth > kDepthMax) return;
    const std::string_view type = text_at(condition, "type");
    if (type == "CONJUNCTION_AND") {
      const json::array* const parts = array_at(condition, "children");
      if (parts == nullptr) return;
      for (const json::value& part : *parts) {
        if (const json::object* const object = part.if_object()) note_conjunct(*object, tables, depth + 1);
      }
    } else if (type == "COMPARE_EQUAL") {
      const json::value* const left = condition.if_contains("left");
      const json::value* const right = condition.if_contains("right");
      if (left == nullptr || right == nullptr) return;
      const bool is_turned = constant_text(*left) != nullptr;
      note_equality(is_turned ? *right : *left, {is_turned ? left : right}, tables);
    } else if (type == "COMPARE_IN") {
      const json::array* const parts = array_at(condition, "children");
      if (parts == nullptr || parts->size() < 2) return;
      std::vector<const json::value*> values;
      for (std::size_t i = 1; i < parts->size(); ++i) values.push_back(&(*parts)[i]);
      note_equality(parts->front(), values, tables);
    }
  }

  void note_equality(const json::value& column, const std::vector<const json::value*>& values,
                     const std::vector<std::pair<std::string, const json::object*>>& tables) {
    const json::object* const reference = column.if_object();
    if (reference == nullptr || !is_class(*reference, "COLUMN_REF")) return;
    const json::array* const names = array_at(*reference, "column_names");
    if (names == nullptr || names->empty() || names->size() > 2) return;
    std::vector<std::string> texts;
    for (const json::value* value : values) {
      const json::string* const text = constant_text(*value);
      if (text == nullptr) return;
      texts.emplace_back(*text);
    }
    const auto name_at = [names](std::size_t i) {
      return (*names)[i].is_string() ? lower(std::string_view((*names)[i].get_string())) : std::string();
    };
    if (names->size() == 1 && tables.size() != 1) return;
    for (const auto& [name, table] : tables) {
      if (table == nullptr || (names->size() == 2 && name_at(0) != name)) continue;
      Narrowing& narrowing = narrowings_[table];
      const std::string column_name = name_at(names->size() - 1);
      if (column_name == "trace_id") narrowing.trace_ids = texts;
      if (column_name == "run_id") narrowing.run_ids = texts;
      if (column_name == "key") narrowing.keys = texts;
    }
  }

  void add_view(const std::string& view, const json::object& table) {
    const auto noted = narrowings_.find(&table);
    Narrowing narrowing = noted == narrowings_.end() ? Narrowing{} : noted->second;
    const auto [found, is_first] = checked_.views.try_emplace(view, narrowing);
    if (is_first) return;
    const auto widen = [](auto& all, const auto& more) {
      if (all && more) {
        all->insert(all->end(), more->begin(), more->end());
      } else {
        all.reset();
      }
    };
    widen(found->second.trace_ids, narrowing.trace_ids);
    widen(found->second.run_ids, narrowing.run_ids);
    widen(found->second.keys, narrowing.keys);
  }

  const std::string_view text_;
  std::size_t location_ = 0;  // of what is being looked at
  std::size_t nodes_ = 0;
  std::size_t tables_ = 0;
  std::size_t text_calls_ = 0;
  std::vector<Cte> ctes_;  // that may be named here, the innermost last
  std::unordered_map<const json::object*, Narrowing> narrowings_;
  Checked checked_;
};

// Where a text begins, and its first word in upper case.
struct Beginning {
  std::size_t offset = 0;
  std::string word = {};
};
Beginning beginning_of(std::string_view text) {
  Beginning begin{.offset = std::min(text.find_first_not_of(" \t\r\n"), text.size())};
  for (const char c : text.substr(begin.offset)) {
    if (std::isalpha(static_cast<unsigned char>(c)) == 0) break;
    begin.word += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return begin;
}

tl::unexpected<Error> no_select(std::string_view text) {
  const Beginning begin = beginning_of(text);
  const bool looks_like_one =
      begin.word.empty() || begin.word == "SELECT" || begin.word == "FROM" || begin.word == "WITH";
  return tl::unexpected(Error{ErrorCode::invalid_input,
                              looks_like_one ? "PIVOT, and statements that are no SELECT, are not allowed here"
                                             : fmt::format("found {}; only a SELECT is allowed here", begin.word),
                              position_in(text, begin.offset),
                              {}});
}

// What DuckDB's parser said of a text that is no SELECT.
tl::unexpected<Error> parse_error(std::string_view text, const json::object& root) {
  const std::string_view message = text_at(root, "error_message");
  if (message.starts_with("Only SELECT statements")) return no_select(text);
  const std::string offset(text_at(root, "position"));
  const std::size_t place = offset.empty() ? beginning_of(text).offset : std::strtoull(offset.c_str(), nullptr, 10);
  return tl::unexpected(Error{ErrorCode::invalid_input, std::string(message), position_in(text, place), {}});
}

}  // namespace

SourcePosition position_in(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  SourcePosition position{"", 1, 1};
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

Result<void> check_text(std::string_view text) {
  const auto refuse = [text](std::size_t offset, std::string message, ErrorCode code) {
    return tl::unexpected(Error{code, std::move(message), position_in(text, offset), {}});
  };
  if (text.size() > kTextBytesMax) {
    return refuse(0, fmt::format("the query has more than {} bytes (limit text_bytes_max)", kTextBytesMax),
                  ErrorCode::limit_exceeded);
  }
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return refuse(nul, "the query has a NUL character", ErrorCode::invalid_input);
  }
  if (!is_valid_utf8(text)) {
    std::size_t valid = 0;  // so many bytes are; so many are not
    std::size_t invalid = text.size();
    while (invalid - valid > 1) {
      const std::size_t middle = valid + (invalid - valid) / 2;
      (is_valid_utf8(utf8_prefix(text, middle)) ? valid : invalid) = middle;
    }
    return refuse(utf8_prefix(text, valid).size(), "the query is not UTF-8", ErrorCode::invalid_input);
  }
  if (text.find_first_not_of(" \t\r\n;") == std::string_view::npos) {
    return refuse(0, "the query is empty", ErrorCode::invalid_input);
  }
  return {};
}

Result<Checked> check(std::string_view text, std::string_view tree) {
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  boost::system::error_code broken;
  const json::value parsed = json::parse({tree.data(), tree.size()}, broken, {}, options);
  const json::object* const root = broken ? nullptr : parsed.if_object();
  if (root == nullptr) return fail(ErrorCode::internal, "DuckDB's tree of the query is no JSON");
  const json::value* const error = root->if_contains("error");
  if (error == nullptr || !error->is_bool() || error->get_bool()) return parse_error(text, *root);
  if (beginning_of(text).word == "VALUES") return no_select(text);
  return Checker(text).run(*root);
}

}  // namespace meshflow::query::sql
