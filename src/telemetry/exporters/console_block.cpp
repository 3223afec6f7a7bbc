#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "telemetry/exporters/console.hpp"
#include "telemetry/exporters/console_text.hpp"

namespace meshflow::telemetry {
namespace {

constexpr std::string_view kPrefix = "meshflow.";
constexpr std::string_view kRunSpan = "meshflow.run";

// After the ids and before all other attributes, in this order: run and agent read as in the documentation's examples
// (an agent's tokens before its cost, a run's total after it).
constexpr std::array<std::string_view, 4> kIdentityKeys = {"run_id", "node_id", "agent_id", "role"};
constexpr std::array<std::string_view, 8> kFigureKeys = {"tokens",  "cost_usd", "total_tokens", "uncertainty",
                                                         "verdict", "carbon_g", "gate_result",  "compliance"};

// Set on the root for backends whose queries name it; here it is cost_usd a second time.
constexpr std::string_view kRunCostAlias = "run_cost_usd";

// The key as printed: without prefix, a run's state apart from the span's status, a run's tokens as its total.
std::string shown_key(std::string_view key, bool is_run) {
  if (key == "meshflow.status") return "run_status";
  if (key.starts_with(kPrefix)) key.remove_prefix(kPrefix.size());
  if (is_run && key == "tokens") return "total_tokens";
  return printable(key, 256);
}

std::string id_text(const auto& id) {
  std::string out(2 * id.size(), '\0');
  write_hex(id.data(), id.size(), out.data());
  return out;
}

struct ShownAttribute {
  std::string key;
  const otlp::KeyValue* attribute;
};

class Block {
 public:
  Block(const otlp::Span& span, std::int64_t root_start) : span_(span), root_start_(root_start) {
    const bool is_run = span.name == kRunSpan;
    for (const auto& attribute : span.attributes) attributes_.push_back({shown_key(attribute.key, is_run), &attribute});
  }

  std::string text() {
    out_ = fmt::format("[SPAN] {}\n", printable(span_.name));
    add("trace_id", id_text(span_.trace_id));
    add("span_id", id_text(span_.span_id));
    if (otlp::is_set(span_.parent_span_id)) add("parent_span_id", id_text(span_.parent_span_id));
    add_named(kIdentityKeys);
    const auto start = static_cast<std::int64_t>(span_.start_time_unix_nano);
    if (root_start_ != 0) add("start_ms", milliseconds_text(start - root_start_));
    add("duration_ms", milliseconds_text(static_cast<std::int64_t>(span_.end_time_unix_nano) - start));
    // What the span itself says ends the block; an attribute of the same name does not stand in for it.
    for (const auto* key : {"start_ms", "status", "status_message", "kind", "events", "links"}) seen_.insert(key);
    add_named(kFigureKeys);
    if (seen_.count("cost_usd") > 0) seen_.insert(std::string(kRunCostAlias));
    add_where([](std::string_view key) { return key.starts_with(kPrefix); });
    add_where([](std::string_view key) { return !key.starts_with("gen_ai."); });
    add_where([](std::string_view) { return true; });
    add_rest();
    return std::move(out_);
  }

 private:
  void line(std::string_view key, std::string_view value) { out_ += fmt::format("  {:<12}: {}\n", key, value); }
  void add(const std::string& key, std::string_view value) {
    if (seen_.insert(key).second) line(key, value);
  }
  void add_named(const auto& keys) {
    for (const auto key : keys) {
      const otlp::AnyValue* value = nullptr;
      for (const auto& shown : attributes_) {
        // The prefixed one speaks for both; they are equal where we set them.
        if (shown.key == key && (value == nullptr || shown.attribute->key.starts_with(kPrefix))) {
          value = &shown.attribute->value;
        }
      }
      if (value != nullptr) add(std::string(key), value_text(*value));
    }
  }
  void add_where(auto matches) {
    for (const auto& [key, attribute] : attributes_) {
      if (matches(attribute->key)) add(key, value_text(attribute->value));
    }
  }

  // What is no attribute.
  void add_rest() {
    static constexpr std::array<std::string_view, 6> kKinds = {"", "", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"};
    const auto kind = static_cast<std::size_t>(span_.kind);
    if (kind < kKinds.size() && !kKinds[kind].empty()) line("kind", kKinds[kind]);
    if (!span_.events.empty()) {
      line("events", fmt::to_string(span_.events.size()));
      for (const auto& event : span_.events) {
        const auto after = static_cast<std::int64_t>(event.time_unix_nano - span_.start_time_unix_nano);
        out_ += fmt::format("    {} ms {}{}{}\n", milliseconds_text(after), printable(event.name),
                            event.attributes.empty() ? "" : " ", attributes_text(event.attributes));
      }
    }
    if (!span_.links.empty()) {
      line("links", fmt::to_string(span_.links.size()));
      for (const auto& link : span_.links) {
        out_ += fmt::format("    trace {} span {}{}{}\n", id_text(link.trace_id), id_text(link.span_id),
                            link.attributes.empty() ? "" : " ", attributes_text(link.attributes));
      }
    }
    if (span_.dropped_attributes_count > 0) line("dropped_attributes", fmt::to_string(span_.dropped_attributes_count));
    if (span_.dropped_events_count > 0) line("dropped_events", fmt::to_string(span_.dropped_events_count));
    if (span_.dropped_links_count > 0) line("dropped_links", fmt::to_string(span_.dropped_links_count));
    if (!span_.status.message.empty()) line("status_message", printable(span_.status.message));
    line("status", span_.status.code == otlp::StatusCode::ok      ? "OK"
                   : span_.status.code == otlp::StatusCode::error ? "ERROR"
                                                                  : "UNSET");
  }

  const otlp::Span& span_;
  const std::int64_t root_start_;
  std::vector<ShownAttribute> attributes_;
  std::set<std::string, std::less<>> seen_;
  std::string out_;
};

}  // namespace

std::string span_block(const otlp::Span& span, std::int64_t local_root_start_unix_nanos) {
  return Block(span, local_root_start_unix_nanos).text();
}

}  // namespace meshflow::telemetry
