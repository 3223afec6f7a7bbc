#include "meshflow/runtime/summary.hpp"

#include <fmt/format.h>

namespace meshflow {
namespace {

void line(std::string& out, std::string_view key, std::string_view value) {
  out += fmt::format("{:<12}: {}\n", key, value);
}

// Text of a run on one line, so that it cannot pass for lines of ours or move the cursor.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return out;
}

}  // namespace

std::string nano_text(std::int64_t nanos) {
  const bool negative = nanos < 0;
  const auto magnitude = negative ? 0 - static_cast<std::uint64_t>(nanos) : static_cast<std::uint64_t>(nanos);
  std::string text =
      fmt::format("{}{}.{:09}", negative ? "-" : "", magnitude / 1'000'000'000, magnitude % 1'000'000'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string summary_text(const RunResult& result) {
  std::string out;
  line(out, "run_id", result.run_id);
  line(out, "trace_id", result.trace_id);
  line(out, "run_status", name_of(result.status));
  line(out, "spans", fmt::format("{}", result.span_count()));
  for (const auto& [name, count] : result.spans_by_name) {
    if (count > 0) out += fmt::format("  {:<22}: {}\n", name, count);
  }
  line(out, "cost_usd", nano_text(result.usage.cost_nano_usd));
  line(out, "total_tokens", fmt::format("{}", result.usage.tokens.total()));
  line(out, "carbon_g", nano_text(result.usage.carbon.nanograms));
  line(out, "blocked", fmt::format("{}", result.blocked.size()));
  for (const BlockedSpan& block : result.blocked) {
    out += fmt::format("  {} ({}): {} [{}]; followed by {}\n", block.node_id.empty() ? "run" : one_line(block.node_id),
                       block.role.empty() ? "-" : block.role, one_line(block.reason), block.rule_id,
                       block.followed_by.empty() ? "nothing" : one_line(block.followed_by));
  }
  if (result.error) line(out, "error", one_line(result.error->text()));
  if (result.pending) line(out, "waits for", one_line(result.pending->reason));
  return out;
}

}  // namespace meshflow
