#include "runtime/human.hpp"

#include "base/bytes.hpp"
#include "runtime/limits.hpp"

namespace meshflow::runtime {

PendingRequest make_request(const RunState& run, std::string_view node_id, std::string_view reason,
                            std::string_view content) {
  PendingRequest request;
  request.run_id = run.run_id;
  request.node_id = node_id;
  request.reason = reason;
  request.prompt = utf8_prefix(content, kCapturedBytesMax);
  request.content_digest = digest_of(content);
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
