// Saved views of the web UI.
#include <utility>

#include <fmt/format.h>

#include "server/api_error.hpp"
#include "server/json_body.hpp"
#include "server/same_origin.hpp"
#include "server/ui_api.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;
using query::JsonWriter;

Result<std::pair<std::string, std::string>> name_and_url_in(std::string_view body) {
  const auto object = object_in(body);
  auto name = text_member(object, "name");
  auto url = text_member(object, "url");
  if (!name || !url) {
    return fail(ErrorCode::invalid_argument, "the body must be a JSON object with texts \"name\" and \"url\"",
                R"({"name": "dear runs", "url": "/search?…"})");
  }
  return std::pair(std::move(*name), std::move(*url));
}

void send(const HttpResponder& responder, int status, JsonWriter& out) {
  responder.send({.status = status, .content_type = "application/json", .body = out.take()});
}

}  // namespace

void UiApi::add_view_routes(net::HttpRouter& router) {
  constexpr std::string_view kApi = "meshflow";
  service_.add(router, kApi, "/api/meshflow/views", "views",
               [this](const auto& /*request*/, const auto& responder) { send_views(responder); });
  service_.add(router, kApi, "POST", "/api/meshflow/views", "views",
               same_origin_only([this](const auto& request, const auto& responder) { add_view(request, responder); }));
  service_.add(
      router, kApi, "DELETE", "/api/meshflow/views/{id}", "views",
      same_origin_only([this](const auto& request, const auto& responder) { remove_view(request, responder); }));
}

void UiApi::send_views(const HttpResponder& responder) {
  const auto views = views_.all();
  if (!views) return responder.send(error_reply(views.error()));
  JsonWriter out;
  write_json(out, *views);
  send(responder, 200, out);
}

void UiApi::add_view(const HttpServerRequest& request, const HttpResponder& responder) {
  const auto wanted = name_and_url_in(request.body);
  if (!wanted) return responder.send(error_reply(wanted.error()));
  const auto added = views_.add(wanted->first, wanted->second);
  if (!added) return responder.send(error_reply(added.error()));
  JsonWriter out;
  write_json(out, *added);
  send(responder, 201, out);
}

void UiApi::remove_view(const HttpServerRequest& request, const HttpResponder& responder) {
  const auto removed = views_.remove(request.path_parameter("id"));
  if (!removed) return responder.send(error_reply(removed.error()));
  responder.send({.status = 204});
}

}  // namespace meshflow::server
