#include "query/sql/functions.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

namespace meshflow::query::sql {
namespace {

using Entry = std::pair<std::string_view, Use>;

constexpr auto kFunctions = [] {
  auto sorted = std::to_array<Entry>({
      // Operators.
      {"+", Use::scalar},
      {"-", Use::scalar},
      {"*", Use::scalar},
      {"/", Use::scalar},
      {"//", Use::scalar},
      {"%", Use::scalar},
      {"^", Use::scalar},
      {"**", Use::scalar},
      {"&", Use::scalar},
      {"|", Use::scalar},
      {"~", Use::scalar},
      {"<<", Use::scalar},
      {">>", Use::scalar},
      {"!", Use::none},
      {"||", Use::text},
      {"~~", Use::scalar},
      {"!~~", Use::scalar},
      {"~~*", Use::scalar},
      {"!~~*", Use::scalar},
      {"->>", Use::text},
      // Numbers.
      {"abs", Use::scalar},
      {"add", Use::scalar},
      {"subtract", Use::scalar},
      {"multiply", Use::scalar},
      {"divide", Use::scalar},
      {"mod", Use::scalar},
      {"cbrt", Use::scalar},
      {"ceil", Use::scalar},
      {"ceiling", Use::scalar},
      {"exp", Use::scalar},
      {"floor", Use::scalar},
      {"greatest", Use::scalar},
      {"isfinite", Use::scalar},
      {"isinf", Use::scalar},
      {"isnan", Use::scalar},
      {"least", Use::scalar},
      {"ln", Use::scalar},
      {"log", Use::scalar},
      {"log10", Use::scalar},
      {"log2", Use::scalar},
      {"pi", Use::scalar},
      {"pow", Use::scalar},
      {"power", Use::scalar},
      {"round", Use::scalar},
      {"sign", Use::scalar},
      {"sqrt", Use::scalar},
      {"trunc", Use::scalar},
      {"ifnull", Use::scalar},
      {"nullif", Use::scalar},
      // Text.
      {"ascii", Use::scalar},
      {"contains", Use::scalar},
      {"ends_with", Use::scalar},
      {"instr", Use::scalar},
      {"left", Use::text},
      {"length", Use::scalar},
      {"lower", Use::text},
      {"ltrim", Use::text},
      {"position", Use::scalar},
      {"prefix", Use::scalar},
      {"regexp_extract", Use::text},
      {"regexp_full_match", Use::scalar},
      {"regexp_matches", Use::scalar},
      {"replace", Use::text},
      {"reverse", Use::text},
      {"right", Use::text},
      {"rtrim", Use::text},
      {"split_part", Use::text},
      {"starts_with", Use::scalar},
      {"strlen", Use::scalar},
      {"strpos", Use::scalar},
      {"substr", Use::text},
      {"substring", Use::text},
      {"suffix", Use::scalar},
      {"trim", Use::text},
      {"upper", Use::text},
      {"json_extract_string", Use::text},
      {"json_extract", Use::text},
      {"json_keys", Use::text},
      {"json_array_length", Use::scalar},
      // Times.
      {"age", Use::scalar},
      {"century", Use::scalar},
      {"date_add", Use::scalar},
      {"date_diff", Use::scalar},
      {"date_part", Use::scalar},
      {"date_sub", Use::scalar},
      {"date_trunc", Use::scalar},
      {"datediff", Use::scalar},
      {"datepart", Use::scalar},
      {"datetrunc", Use::scalar},
      {"day", Use::scalar},
      {"dayname", Use::scalar},
      {"dayofmonth", Use::scalar},
      {"dayofweek", Use::scalar},
      {"dayofyear", Use::scalar},
      {"decade", Use::scalar},
      {"epoch", Use::scalar},
      {"epoch_ms", Use::scalar},
      {"epoch_ns", Use::scalar},
      {"epoch_us", Use::scalar},
      {"hour", Use::scalar},
      {"isodow", Use::scalar},
      {"isoyear", Use::scalar},
      {"last_day", Use::scalar},
      {"make_date", Use::scalar},
      {"make_timestamp", Use::scalar},
      {"make_timestamp_ms", Use::scalar},
      {"make_timestamp_ns", Use::scalar},
      {"microsecond", Use::scalar},
      {"millisecond", Use::scalar},
      {"minute", Use::scalar},
      {"month", Use::scalar},
      {"monthname", Use::scalar},
      {"nanosecond", Use::scalar},
      {"now", Use::scalar},
      {"quarter", Use::scalar},
      {"second", Use::scalar},
      {"strftime", Use::text},
      {"time_bucket", Use::scalar},
      {"to_days", Use::scalar},
      {"to_hours", Use::scalar},
      {"to_microseconds", Use::scalar},
      {"to_milliseconds", Use::scalar},
      {"to_minutes", Use::scalar},
      {"to_months", Use::scalar},
      {"to_seconds", Use::scalar},
      {"to_weeks", Use::scalar},
      {"to_years", Use::scalar},
      {"week", Use::scalar},
      {"weekday", Use::scalar},
      {"weekofyear", Use::scalar},
      {"year", Use::scalar},
      // Lists.
      {"len", Use::scalar},
      {"list_contains", Use::scalar},
      {"list_reverse_sort", Use::scalar},
      {"list_sort", Use::scalar},
      {"list_value", Use::scalar},
      {"unnest", Use::scalar},
      // Aggregates.
      {"any_value", Use::aggregate},
      {"approx_count_distinct", Use::aggregate},
      {"arbitrary", Use::aggregate},
      {"arg_max", Use::aggregate},
      {"arg_min", Use::aggregate},
      {"avg", Use::aggregate},
      {"bit_and", Use::aggregate},
      {"bit_or", Use::aggregate},
      {"bit_xor", Use::aggregate},
      {"bool_and", Use::aggregate},
      {"bool_or", Use::aggregate},
      {"corr", Use::aggregate},
      {"count", Use::aggregate},
      {"count_if", Use::aggregate},
      {"count_star", Use::aggregate},
      {"covar_pop", Use::aggregate},
      {"covar_samp", Use::aggregate},
      {"entropy", Use::aggregate},
      {"first", Use::aggregate},
      {"fsum", Use::aggregate},
      {"kurtosis", Use::aggregate},
      {"last", Use::aggregate},
      {"max", Use::aggregate},
      {"max_by", Use::aggregate},
      {"mean", Use::aggregate},
      {"min", Use::aggregate},
      {"min_by", Use::aggregate},
      {"product", Use::aggregate},
      {"regr_intercept", Use::aggregate},
      {"regr_r2", Use::aggregate},
      {"regr_slope", Use::aggregate},
      {"skewness", Use::aggregate},
      {"stddev", Use::aggregate},
      {"stddev_pop", Use::aggregate},
      {"stddev_samp", Use::aggregate},
      {"sum", Use::aggregate},
      {"sum_no_overflow", Use::aggregate},
      {"var_pop", Use::aggregate},
      {"var_samp", Use::aggregate},
      {"variance", Use::aggregate},
      {"approx_quantile", Use::grouped},
      {"array_agg", Use::grouped},
      {"group_concat", Use::grouped},
      {"histogram", Use::grouped},
      {"list", Use::grouped},
      {"listagg", Use::grouped},
      {"mad", Use::grouped},
      {"median", Use::grouped},
      {"mode", Use::grouped},
      {"quantile", Use::grouped},
      {"quantile_cont", Use::grouped},
      {"quantile_disc", Use::grouped},
      {"string_agg", Use::grouped},
      // Windows.
      {"cume_dist", Use::window},
      {"dense_rank", Use::window},
      {"first_value", Use::window},
      {"lag", Use::window},
      {"last_value", Use::window},
      {"lead", Use::window},
      {"nth_value", Use::window},
      {"ntile", Use::window},
      {"percent_rank", Use::window},
      {"rank", Use::window},
      {"row_number", Use::window},
  });
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}();

constexpr auto kCastTypes = std::to_array<std::string_view>(
    {"BOOLEAN",     "TINYINT",      "SMALLINT",     "INTEGER",  "BIGINT",   "HUGEINT",
     "UTINYINT",    "USMALLINT",    "UINTEGER",     "UBIGINT",  "UHUGEINT", "FLOAT",
     "DOUBLE",      "DECIMAL",      "VARCHAR",      "DATE",     "TIME",     "TIMESTAMP",
     "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "INTERVAL", "NULL",     "TIMESTAMP WITH TIME ZONE"});

}  // namespace

Use use_of(std::string_view name) noexcept {
  const auto* const found =
      std::lower_bound(kFunctions.begin(), kFunctions.end(), name,
                       [](const Entry& entry, std::string_view wanted) { return entry.first < wanted; });
  return found == kFunctions.end() || found->first != name ? Use::none : found->second;
}

bool is_table_function(std::string_view name) noexcept {
  return name == "range" || name == "generate_series" || name == "unnest";
}

std::span<const std::string_view> function_names() noexcept {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> found;
    for (const auto& [name, use] : kFunctions) {
      if (use != Use::none && std::isalpha(static_cast<unsigned char>(name.front())) != 0) found.push_back(name);
    }
    return found;
  }();
  return names;
}

bool is_cast_type(std::string_view id) noexcept {
  return std::find(kCastTypes.begin(), kCastTypes.end(), id) != kCastTypes.end();
}

}  // namespace meshflow::query::sql
