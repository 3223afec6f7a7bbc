// A report as JSON, there and back: each type says once what its members are called.
#include <type_traits>
#include <utility>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "query/report.hpp"

namespace meshflow::query {
namespace {

namespace json = boost::json;

// visit(value, each): each(name, member) for every member. `Value` may be const.
template <typename Value, typename Each>
void visit(Value& value, Each each) {
  using Type = std::remove_const_t<Value>;
  if constexpr (std::is_same_v<Type, Latency>) {
    each("spans", value.spans);
    each("p50_ns", value.p50_ns);
    each("p95_ns", value.p95_ns);
    each("p99_ns", value.p99_ns);
    each("max_ns", value.max_ns);
  } else if constexpr (std::is_same_v<Type, RunCosts>) {
    each("runs", value.runs);
    each("total_nano_usd", value.total_nano_usd);
    each("p50_nano_usd", value.p50_nano_usd);
    each("p95_nano_usd", value.p95_nano_usd);
    each("max_nano_usd", value.max_nano_usd);
    each("over_limit", value.over_limit);
  } else if constexpr (std::is_same_v<Type, CostSlice>) {
    each("start_unix_nanos", value.start_unix_nanos);
    each("runs", value.runs);
    each("total_nano_usd", value.total_nano_usd);
  } else if constexpr (std::is_same_v<Type, ExpensiveRun>) {
    each("trace_id", value.trace_id);
    each("run_id", value.run_id);
    each("workflow", value.workflow);
    each("start_unix_nanos", value.start_unix_nanos);
    each("cost_nano_usd", value.cost_nano_usd);
  } else if constexpr (std::is_same_v<Type, RunTokens>) {
    each("runs", value.runs);
    each("tokens", value.tokens);
    each("input", value.input);
    each("output", value.output);
    each("cached", value.cached);
  } else if constexpr (std::is_same_v<Type, RunCarbon>) {
    each("runs", value.runs);
    each("nanograms", value.nanograms);
    each("low_nanograms", value.low_nanograms);
    each("high_nanograms", value.high_nanograms);
  } else if constexpr (std::is_same_v<Type, Blocks>) {
    each("spans", value.spans);
    each("runs", value.runs);
  } else if constexpr (std::is_same_v<Type, GroupFigures>) {
    each("count", value.count);
    each("p50_ns", value.p50_ns);
    each("p95_ns", value.p95_ns);
    each("cost_nano_usd", value.cost_nano_usd);
    each("tokens", value.tokens);
    each("nanograms", value.nanograms);
    each("blocked", value.blocked);
  } else if constexpr (std::is_same_v<Type, Report>) {
    each("from_unix_nanos", value.from_unix_nanos);
    each("to_unix_nanos", value.to_unix_nanos);
    each("limit_nano_usd", value.limit_nano_usd);
    each("by", value.by);
    each("latency_by_role", value.latency_by_role);
    each("cost", value.cost);
    each("cost_before", value.cost_before);
    each("cost_over_time", value.cost_over_time);
    each("expensive_runs", value.expensive_runs);
    each("tokens_by_version", value.tokens_by_version);
    each("carbon_by_variant", value.carbon_by_variant);
    each("blocked_by_rule", value.blocked_by_rule);
    each("groups", value.groups);
    each("is_cut", value.is_cut);
  } else {  // a row with both periods
    if constexpr (std::is_same_v<Type, RoleLatency>) each("role", value.role);
    if constexpr (std::is_same_v<Type, VersionTokens>) {
      each("workflow", value.workflow);
      each("version", value.version);
      each("first_start_unix_nanos", value.first_start_unix_nanos);
    }
    if constexpr (std::is_same_v<Type, VariantCarbon>) each("variant", value.variant);
    if constexpr (std::is_same_v<Type, RuleBlocks>) {
      each("rule", value.rule);
      each("roles", value.roles);
    }
    if constexpr (std::is_same_v<Type, GroupRow>) each("group", value.group);
    each("now", value.now);
    each("before", value.before);
  }
}

void write(JsonWriter& out, std::int64_t value) { out.integer(value); }
void write(JsonWriter& out, bool value) { out.boolean(value); }
void write(JsonWriter& out, const std::string& value) { out.string(value); }
template <typename Row>
void write(JsonWriter& out, const std::vector<Row>& rows);
template <typename Value>
void write(JsonWriter& out, const Value& value) {
  out.begin_object();
  visit(value, [&out](std::string_view name, const auto& member) {
    out.key(name);
    write(out, member);
  });
  out.end_object();
}
template <typename Row>
void write(JsonWriter& out, const std::vector<Row>& rows) {
  out.begin_array();
  for (const Row& row : rows) write(out, row);
  out.end_array();
}

bool read(const json::value& from, std::int64_t& into) {
  boost::system::error_code error;
  if (!from.is_number()) return false;
  into = from.to_number<std::int64_t>(error);
  return !error;
}
bool read(const json::value& from, bool& into) {
  if (!from.is_bool()) return false;
  into = from.as_bool();
  return true;
}
bool read(const json::value& from, std::string& into) {
  if (!from.is_string()) return false;
  into = std::string(from.as_string());
  return true;
}
template <typename Row>
bool read(const json::value& from, std::vector<Row>& rows);
template <typename Value>
bool read(const json::value& from, Value& value) {
  if (!from.is_object()) return false;
  bool is_whole = true;
  visit(value, [&](std::string_view name, auto& member) {
    const json::value* const found = from.as_object().if_contains(name);
    is_whole = is_whole && found != nullptr && read(*found, member);
  });
  return is_whole;
}
template <typename Row>
bool read(const json::value& from, std::vector<Row>& rows) {
  if (!from.is_array()) return false;
  for (const json::value& each : from.as_array()) {
    if (!read(each, rows.emplace_back())) return false;
  }
  return true;
}

}  // namespace

void write_json(JsonWriter& out, const Report& report) { write(out, report); }

Result<Report> report_from_json(std::string_view text) {
  boost::system::error_code broken;
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), broken);
  Report report;
  if (broken || !read(parsed, report)) return fail(ErrorCode::invalid_input, "this is no report as JSON");
  return report;
}

}  // namespace meshflow::query
