#include "runtime/webhook.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "net/http_client.hpp"

namespace meshflow::runtime {

Result<void> post_webhook(const std::string& url, const PendingRequest& request, const std::string& trace_id,
                          bool with_content) {
  boost::json::object body{{"run_id", request.run_id},
                           {"trace_id", trace_id},
                           {"node_id", request.node_id},
                           {"reason", request.reason},
                           {"content_digest", request.content_digest},
                           {"since_unix_nanos", std::to_string(request.since_unix_nanos)},
                           {"expires_unix_nanos", std::to_string(request.expires_unix_nanos)}};
  if (with_content) body["prompt"] = request.prompt;
  const std::string text = boost::json::serialize(body);
  net::HttpClient client;
  net::HttpRequest post;
  post.url = url;
  post.headers = {{"Content-Type", "application/json"}};
  post.body = text;
  post.connect_timeout = kWebhookTime;
  post.total_timeout = kWebhookTime;
  const auto response = client.send(post);
  if (!response) {
    return fail(ErrorCode::unavailable, fmt::format("the approval webhook was not told of run {}: {}", request.run_id,
                                                    response.error().message));
  }
  if (response->status < 200 || response->status > 299) {
    return fail(ErrorCode::unavailable,
                fmt::format("the approval webhook answered {} about run {}", response->status, request.run_id));
  }
  return {};
}

}  // namespace meshflow::runtime
