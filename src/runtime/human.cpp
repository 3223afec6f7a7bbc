#include "runtime/human.hpp"

#include <variant>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "runtime/limits.hpp"

namespace meshflow::runtime {

namespace {

std::string text_of(const GateFigure& figure) {
  if (const auto* number = std::get_if<double>(&figure)) return fmt::format("{}", *number);
  const auto* word = std::get_if<std::string_view>(&figure);
  return word == nullptr ? std::string() : std::string(*word);
}

}  // namespace

PendingRequest make_request(const RunState& run, const Question& question) {
  PendingRequest request;
  request.run_id = run.run_id;
  request.node_id = question.node_id;
  request.reason = question.verdict.reason;
  request.prompt = utf8_prefix(question.content, kCapturedBytesMax);
  request.content_digest = digest_of(question.content);
  request.role = question.role;
  if (question.risk) request.risk = name_of(*question.risk);
  request.rule_id = question.verdict.rule_id;
  request.threshold = text_of(question.verdict.threshold);
  request.value = text_of(question.verdict.value);
  if (question.gate_span.is_valid()) request.span_id = question.gate_span.hex();
  request.since_unix_nanos = run.services->clock->wall_nanos();
  request.expires_unix_nanos =
      request.since_unix_nanos + static_cast<std::int64_t>(run.policy().human_in_loop.timeout_s * 1e9);
  return request;
}

std::optional<Decision> ask_approver(const RunState& run, const PendingRequest& request) {
  if (!run.services->approver) return std::nullopt;
  return run.services->approver(request);
}

}  // namespace meshflow::runtime
