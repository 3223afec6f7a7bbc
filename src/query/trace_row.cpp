#include "query/trace_row.hpp"

#include <algorithm>
#include <cmath>
#include <variant>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "query/names.hpp"
#include "query/resources.hpp"
#include "query/trace_figures.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query {
namespace {

constexpr double kBillionthsMax = 9.2e18;  // what an int64 holds

SpanFacts facts_of(const otlp::Span& span, std::uint64_t resource) {
  const auto& attributes = span.attributes;
  SpanFacts facts{
      .span_id = store::number_of(span.span_id),
      .parent_id = store::number_of(span.parent_span_id),
      .start = span.start_time_unix_nano,
      .end = span.end_time_unix_nano,
      .name = span.name,
      .status = static_cast<std::int32_t>(span.status.code),
      .resource = resource,
      .run_id = text_value(attributes, kRunIdKey),
      .verdict = text_value(attributes, "meshflow.verdict"),
      .gate_result = text_value(attributes, "meshflow.gate_result"),
      .rule_id = text_value(attributes, "meshflow.rule_id"),
      .amounts = {billionths_value(attributes, "meshflow.cost_usd"), integer_value(attributes, "meshflow.tokens"),
                  billionths_value(attributes, "meshflow.carbon_g")}};
  add_notable_facts(attributes, facts);
  return facts;
}

std::string rfc3339(std::uint64_t unix_nanos) {
  const auto seconds = static_cast<std::time_t>(unix_nanos / 1'000'000'000);
  std::tm time{};
  gmtime_r(&seconds, &time);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &time);
  return fmt::format("{}.{:09}Z", std::string_view(text, size), unix_nanos % 1'000'000'000);
}

}  // namespace

void add_notable_facts(const otlp::KeyValueList& attributes, SpanFacts& facts) {
  if (!is_notable(facts.name, facts.parent_id)) return;
  facts.state = text_value(attributes, "meshflow.status");
  facts.workflow = text_value(attributes, "meshflow.workflow.name");
  facts.version = text_value(attributes, "meshflow.workflow.version");
  facts.variant = text_value(attributes, "meshflow.variant");
  facts.input_tokens = integer_value(attributes, "meshflow.tokens.input");
  facts.output_tokens = integer_value(attributes, "meshflow.tokens.output");
  facts.cached_tokens = integer_value(attributes, "meshflow.tokens.cached");
}

TraceRow row_of(const store::StoredTrace& trace) {
  TraceFigures figures;
  TraceFigures::Parents parents;
  const auto& resources = trace.data.resource_spans;
  for (std::size_t i = 0; i < resources.size(); ++i) {
    for (const otlp::ScopeSpans& scope_spans : resources[i].scope_spans) {
      for (const otlp::Span& span : scope_spans.spans) {
        figures.add(facts_of(span, i));
        parents.emplace(store::number_of(span.span_id), store::number_of(span.parent_span_id));
      }
    }
  }
  TraceRow row = figures.row(parents);
  row.trace_id = trace.trace_id;
  if (const auto resource = figures.resource()) row.service = service_name_of(resources[*resource].resource);
  return row;
}

void write_json_members(JsonWriter& out, const TraceRow& row) {
  const auto text_or_null = [&out](std::string_view name, const std::string& text) {
    out.key(name);
    if (text.empty()) {
      out.null();
    } else {
      out.string(text);
    }
  };
  out.field("trace_id", hex_of(row.trace_id));
  text_or_null("root", row.root);
  text_or_null("service", row.service);
  text_or_null("run_id", row.run_id);
  out.field("status", row.status);
  out.field("start_unix_nanos", fmt::format("{}", row.start_unix_nanos));
  out.field("end_unix_nanos", fmt::format("{}", row.end_unix_nanos));
  out.field("start", rfc3339(row.start_unix_nanos));
  out.key("duration_ms");
  out.number(static_cast<double>(row.end_unix_nanos - std::min(row.start_unix_nanos, row.end_unix_nanos)) / 1e6);
  out.key("spans");
  out.integer(row.spans);
  out.key("error_spans");
  out.integer(row.error_spans);
  out.key("blocked");
  out.integer(row.blocked);
  out.key("cost_usd");
  row.cost_nano_usd ? out.number(static_cast<double>(*row.cost_nano_usd) / 1e9) : out.null();
  out.key("cost_nano_usd");
  row.cost_nano_usd ? out.integer(*row.cost_nano_usd) : out.null();
  out.key("tokens");
  row.tokens ? out.integer(*row.tokens) : out.null();
}

void write_json(JsonWriter& out, const TraceRow& row) {
  out.begin_object();
  write_json_members(out, row);
  out.end_object();
}

std::string hex_of(const otlp::TraceId& id) { return to_hex({reinterpret_cast<const char*>(id.data()), id.size()}); }
std::string hex_of(const otlp::SpanId& id) { return to_hex({reinterpret_cast<const char*>(id.data()), id.size()}); }

const otlp::AnyValue* find_value(const otlp::KeyValueList& attributes, std::string_view key) noexcept {
  const auto found =
      std::find_if(attributes.rbegin(), attributes.rend(), [&](const auto& each) { return each.key == key; });
  return found == attributes.rend() ? nullptr : &found->value;
}

std::string_view text_value(const otlp::KeyValueList& attributes, std::string_view key) noexcept {
  const otlp::AnyValue* const value = find_value(attributes, key);
  const auto* const text = value == nullptr ? nullptr : std::get_if<std::string>(&value->value);
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::optional<std::int64_t> billionths_value(const otlp::KeyValueList& attributes, std::string_view key) {
  const otlp::AnyValue* const value = find_value(attributes, key);
  if (value == nullptr) return std::nullopt;
  double amount = NAN;
  if (const auto* const number = std::get_if<double>(&value->value)) amount = *number;
  if (const auto* const number = std::get_if<std::int64_t>(&value->value)) amount = static_cast<double>(*number);
  return billionths_of(amount);
}

std::optional<std::int64_t> billionths_of(double amount) {
  const double billionths = std::round(amount * 1e9);
  if (!(std::abs(billionths) < kBillionthsMax)) return std::nullopt;
  return static_cast<std::int64_t>(billionths);
}

std::optional<std::int64_t> integer_value(const otlp::KeyValueList& attributes, std::string_view key) {
  const otlp::AnyValue* const value = find_value(attributes, key);
  if (value == nullptr) return std::nullopt;
  if (const auto* const number = std::get_if<std::int64_t>(&value->value)) return *number;
  return std::nullopt;
}

}  // namespace meshflow::query
