#include "query/trace_row.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "query/names.hpp"
#include "query/resources.hpp"

namespace meshflow::query {
namespace {

constexpr std::string_view kAgentSpanName = "meshflow.agent";
constexpr std::string_view kCost = "meshflow.cost_usd";
constexpr std::string_view kTokens = "meshflow.tokens";
constexpr double kBillionthsMax = 9.2e18;  // what an int64 holds

struct Sums {
  std::optional<std::int64_t> cost;
  std::optional<std::int64_t> tokens;

  void add(const otlp::Span& span) {
    if (const auto more = billionths_value(span.attributes, kCost)) cost = cost.value_or(0) + *more;
    if (const auto more = integer_value(span.attributes, kTokens)) tokens = tokens.value_or(0) + *more;
  }
};

// The spans of a trace with what their row needs of each.
class Reading {
 public:
  explicit Reading(const store::StoredTrace& trace) {
    row_.trace_id = trace.trace_id;
    row_.start_unix_nanos = UINT64_MAX;
    for (const otlp::ResourceSpans& resource_spans : trace.data.resource_spans) {
      for (const otlp::ScopeSpans& scope_spans : resource_spans.scope_spans) {
        for (const otlp::Span& span : scope_spans.spans) add(span, resource_spans.resource);
      }
    }
    if (row_.spans == 0) row_.start_unix_nanos = 0;
  }

  TraceRow row() {
    const otlp::Span* const named = root_ != nullptr ? root_ : earliest_;
    if (named == nullptr) return std::move(row_);
    row_.service = service_name_of(*(root_ != nullptr ? root_resource_ : earliest_resource_));
    if (root_ != nullptr) {
      row_.root = root_->name;
      const auto workflow = text_value(root_->attributes, "meshflow.workflow.name");
      if (!workflow.empty()) row_.root += fmt::format(" {}", workflow);
      if (const auto run = text_value(root_->attributes, kRunIdKey); !run.empty()) row_.run_id = run;
    }
    row_.status = status();
    sum_up();
    return std::move(row_);
  }

 private:
  void add(const otlp::Span& span, const otlp::Resource& resource) {
    ++row_.spans;
    row_.error_spans += span.status.code == otlp::StatusCode::error ? 1 : 0;
    row_.blocked += text_value(span.attributes, "meshflow.verdict") == "blocked" ? 1 : 0;
    is_pending_ = is_pending_ || text_value(span.attributes, "meshflow.gate_result") == "pending";
    if (row_.run_id.empty()) row_.run_id = text_value(span.attributes, kRunIdKey);
    row_.start_unix_nanos = std::min(row_.start_unix_nanos, span.start_time_unix_nano);
    row_.end_unix_nanos = std::max(row_.end_unix_nanos, span.end_time_unix_nano);
    parents_[span.span_id] = &span;
    if (span.name == kRunSpanName) runs_.push_back(&span);
    if (span.name == kAgentSpanName) agents_.push_back(&span);
    if (earliest_ == nullptr || span.start_time_unix_nano < earliest_->start_time_unix_nano) {
      earliest_ = &span;
      earliest_resource_ = &resource;
    }
    if (otlp::is_set(span.parent_span_id)) return;
    if (root_ == nullptr || span.start_time_unix_nano < root_->start_time_unix_nano) {
      root_ = &span;
      root_resource_ = &resource;
    }
  }

  [[nodiscard]] std::string status() const {
    if (root_ == nullptr) return is_pending_ ? "paused" : "unfinished";
    if (const auto state = text_value(root_->attributes, "meshflow.status"); !state.empty()) return std::string(state);
    switch (root_->status.code) {
      case otlp::StatusCode::ok: return "ok";
      case otlp::StatusCode::error: return "error";
      default: return "unset";
    }
  }

  // A run within another one is part of that one's sums.
  [[nodiscard]] bool is_within_a_run(const otlp::Span& run) const {
    const otlp::Span* span = &run;
    for (std::size_t steps = 0; steps < parents_.size(); ++steps) {
      const auto parent = parents_.find(span->parent_span_id);
      if (parent == parents_.end()) return false;
      span = parent->second;
      if (span->name == kRunSpanName) return true;
    }
    return false;
  }

  void sum_up() {
    Sums sums;
    if (root_ != nullptr) sums.add(*root_);
    if (!sums.cost && !sums.tokens) {
      for (const otlp::Span* run : runs_) {
        if (!is_within_a_run(*run)) sums.add(*run);
      }
    }
    if (!sums.cost && !sums.tokens) {
      for (const otlp::Span* agent : agents_) sums.add(*agent);
    }
    row_.cost_nano_usd = sums.cost;
    row_.tokens = sums.tokens;
  }

  TraceRow row_;
  const otlp::Span* root_ = nullptr;
  const otlp::Resource* root_resource_ = nullptr;
  const otlp::Span* earliest_ = nullptr;
  const otlp::Resource* earliest_resource_ = nullptr;
  bool is_pending_ = false;
  std::map<otlp::SpanId, const otlp::Span*> parents_;
  std::vector<const otlp::Span*> runs_;
  std::vector<const otlp::Span*> agents_;
};

std::string rfc3339(std::uint64_t unix_nanos) {
  const auto seconds = static_cast<std::time_t>(unix_nanos / 1'000'000'000);
  std::tm time{};
  gmtime_r(&seconds, &time);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &time);
  return fmt::format("{}.{:09}Z", std::string_view(text, size), unix_nanos % 1'000'000'000);
}

}  // namespace

TraceRow row_of(const store::StoredTrace& trace) { return Reading(trace).row(); }

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
