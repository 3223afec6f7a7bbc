// Tells a URL that a run waits for a person (human_in_loop.approval_webhook).
#pragma once

#include <chrono>
#include <string>

#include "meshflow/runtime/run.hpp"

namespace meshflow::runtime {

inline constexpr std::chrono::seconds kWebhookTime{5};

// POSTs the request as JSON: run_id, trace_id, node_id, reason, content_digest, since_unix_nanos and expires_unix_nanos
// as decimal strings; the content itself only with `with_content`, as `prompt`. One try, bounded by kWebhookTime;
// blocks. An Error for anything but a 2xx status.
[[nodiscard]] Result<void> post_webhook(const std::string& url, const PendingRequest& request,
                                        const std::string& trace_id, bool with_content);

}  // namespace meshflow::runtime
