#include "server/same_origin.hpp"

#include <utility>

#include "server/api_error.hpp"

namespace meshflow::server {
namespace {

bool is_from_elsewhere(const net::HttpServerRequest& request) {
  const std::string_view site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return false;
  const auto scheme = origin.find("://");
  return scheme == std::string_view::npos || origin.substr(scheme + 3) != request.header("host");
}

bool needs_type(const net::HttpServerRequest& request) {
  return request.method == "POST" || request.method == "PUT" || !request.body.empty();
}

}  // namespace

std::optional<net::HttpReply> refuse_foreign(const net::HttpServerRequest& request) {
  if (is_from_elsewhere(request)) {
    return error_reply(403,
                       {ErrorCode::permission_denied, "pages of other origins may not ask here", std::nullopt, {}});
  }
  if (needs_type(request) && request.content_type() != "application/json") {
    return error_reply(415, {ErrorCode::invalid_argument, "the body must be application/json", std::nullopt,
                             "send Content-Type: application/json"});
  }
  return std::nullopt;
}

net::HttpHandler same_origin_only(net::HttpHandler handler) {
  return [handler = std::move(handler)](net::HttpServerRequest request, const net::HttpResponder& responder) {
    if (auto refusal = refuse_foreign(request)) return responder.send(std::move(*refusal));
    handler(std::move(request), responder);
  };
}

}  // namespace meshflow::server
