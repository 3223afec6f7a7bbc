#include "store/columns.hpp"

#include <array>

namespace meshflow::store {
namespace {

struct Field {
  std::string_view name;
  ColumnType type;
};

constexpr std::array<Field, kFieldColumns> kFields{{
    {"trace_id", ColumnType::u128},
    {"span_id", ColumnType::u64},
    {"parent_id", ColumnType::u64},
    {"start", ColumnType::u64},
    {"duration", ColumnType::i64},
    {"name", ColumnType::text},
    {"kind", ColumnType::i32},
    {"status", ColumnType::i32},
    {"status_message", ColumnType::text},
    {"flags", ColumnType::i64},
    {"service", ColumnType::text},
    {"resource", ColumnType::u64},
    {"scope", ColumnType::u64},
    {"attribute_order", ColumnType::text},
    {"rest", ColumnType::blob},
    {"events", ColumnType::i32},
}};

// What MeshFlow's spans carry most, GenAI's figures, and what web services ask for most (docs/store-format.md). Each
// column costs about 3 % of ingestion, so it has to be asked for often.
constexpr std::array<AttributeColumn, 22> kAttributes{{
    {"meshflow.run_id", "meshflow_run_id", ColumnType::text},
    {"meshflow.node_id", "meshflow_node_id", ColumnType::text},
    {"meshflow.agent_id", "meshflow_agent_id", ColumnType::text},
    {"meshflow.role", "meshflow_role", ColumnType::text},
    {"meshflow.verdict", "meshflow_verdict", ColumnType::text},
    {"meshflow.gate_result", "meshflow_gate_result", ColumnType::text},
    {"meshflow.gate.name", "meshflow_gate_name", ColumnType::text},
    {"meshflow.rule_id", "meshflow_rule_id", ColumnType::text},
    {"meshflow.cost_usd", "meshflow_cost_usd", ColumnType::f64},
    {"meshflow.tokens", "meshflow_tokens", ColumnType::i64},
    {"meshflow.uncertainty", "meshflow_uncertainty", ColumnType::f64},
    {"meshflow.carbon_g", "meshflow_carbon_g", ColumnType::f64},
    {"meshflow.workflow.name", "meshflow_workflow_name", ColumnType::text},
    {"meshflow.workflow.version", "meshflow_workflow_version", ColumnType::text},
    {"gen_ai.operation.name", "gen_ai_operation_name", ColumnType::text},
    {"gen_ai.request.model", "gen_ai_request_model", ColumnType::text},
    {"gen_ai.usage.input_tokens", "gen_ai_usage_input_tokens", ColumnType::i64},
    {"gen_ai.usage.output_tokens", "gen_ai_usage_output_tokens", ColumnType::i64},
    {"gen_ai.tool.name", "gen_ai_tool_name", ColumnType::text},
    {"http.request.method", "http_request_method", ColumnType::text},
    {"http.route", "http_route", ColumnType::text},
    {"http.response.status_code", "http_response_status_code", ColumnType::i64},
}};

// A small hash table over the keys, made at compile time: one look per attribute of each span that is stored.
constexpr std::size_t kSlots = 128;
constexpr std::size_t hash_of(std::string_view key) noexcept {
  if (key.empty()) return 0;
  const auto at = [key](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(key[i])); };
  return (key.size() * 37 + at(key.size() - 1) * 5 + at(key.size() / 2) * 11 + at(key.size() * 3 / 4)) % kSlots;
}

constexpr auto kTable = [] {
  std::array<std::uint8_t, kSlots> table{};  // index + 1; 0: free
  for (std::size_t i = 0; i < kAttributes.size(); ++i) {
    std::size_t slot = hash_of(kAttributes[i].key);
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = static_cast<std::uint8_t>(i + 1);
  }
  return table;
}();

}  // namespace

std::span<const AttributeColumn> attribute_columns() noexcept { return kAttributes; }

std::optional<std::size_t> find_attribute_column(std::string_view key) noexcept {
  for (std::size_t slot = hash_of(key); kTable[slot] != 0; slot = (slot + 1) % kSlots) {
    const std::size_t index = kTable[slot] - std::size_t{1};
    if (kAttributes[index].key == key) return index;
  }
  return std::nullopt;
}

std::string_view name_of(Column column) noexcept { return kFields.at(static_cast<std::size_t>(column)).name; }
ColumnType type_of(Column column) noexcept { return kFields.at(static_cast<std::size_t>(column)).type; }

}  // namespace meshflow::store
