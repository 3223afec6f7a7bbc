#include "server/session_api.hpp"

#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "query/json_writer.hpp"
#include "server/api_error.hpp"
#include "server/json_body.hpp"
#include "server/same_origin.hpp"

namespace meshflow::server {
namespace {

constexpr std::string_view kPath = "/api/meshflow/session";
constexpr std::string_view kJson = "application/json";
constexpr std::size_t kBodyBytesMax = 4096;

// The text member of a small JSON object.
std::optional<std::string> text_in(std::string_view body, std::string_view key) {
  if (body.size() > kBodyBytesMax) return std::nullopt;
  return text_member(object_in(body), key);
}

net::HttpReply session_reply(const std::optional<SignIn::Session>& session, std::string set_cookie = {}) {
  query::JsonWriter out;
  out.begin_object();
  out.key("signed_in");
  out.boolean(session.has_value());
  out.key("by");
  session ? out.string(session->by) : out.null();
  out.key("expires_ns");
  session ? out.string(fmt::format("{}", session->expires_unix_nanos)) : out.null();
  out.end_object();
  net::HttpReply reply{.status = 200, .content_type = std::string(kJson), .headers = {{"Cache-Control", "no-store"}}};
  if (!set_cookie.empty()) reply.headers.emplace_back("Set-Cookie", std::move(set_cookie));
  reply.body = out.take();
  return reply;
}

net::HttpReply exchange(SignIn& sign_in, const net::HttpServerRequest& request) {
  const auto code = text_in(request.body, "code");
  if (!code) {
    return error_reply({ErrorCode::invalid_argument, "the body must be a JSON object with a text \"code\"",
                        std::nullopt, R"({"code": "…"}, from the address that meshflow ui opens)"});
  }
  auto opened = sign_in.exchange(*code, request.header("host"));
  if (opened) return session_reply(opened->session, std::move(opened->set_cookie));
  if (opened.error().code != ErrorCode::limit_exceeded) return error_reply(401, opened.error());
  net::HttpReply reply = error_reply(429, opened.error());
  reply.headers.emplace_back("Retry-After", fmt::format("{}", kWrongCodeEvery.count()));
  return reply;
}

}  // namespace

net::HttpReply not_signed_in() {
  return error_reply(401, {ErrorCode::permission_denied, "this needs a sign-in", std::nullopt,
                           "meshflow ui, on the machine of the server, opens this page signed in"});
}

void add_session_routes(SignIn& sign_in, net::HttpRouter& router) {
  router.add("POST", kPath,
             same_origin_only([&sign_in](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
               responder.send(exchange(sign_in, request));
             }));
  router.add("GET", kPath, [&sign_in](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
    responder.send(session_reply(sign_in.session_of(request)));
  });
  router.add("DELETE", kPath,
             same_origin_only([&sign_in](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
               responder.send(session_reply(std::nullopt, sign_in.sign_out(request)));
             }));
}

void add_sign_in_control_routes(SignIn& sign_in, net::HttpRouter& router) {
  router.add("POST", "/sign-in",
             [&sign_in](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
               const auto by = text_in(request.body, "by");
               if (!by || by->empty()) {
                 return responder.send(
                     error_reply({ErrorCode::invalid_argument, "the body must have a text \"by\"", std::nullopt, {}}));
               }
               const SignIn::Code code = sign_in.issue(*by);
               query::JsonWriter out;
               out.begin_object();
               out.field("code", code.text);
               out.key("expires_unix_nanos");
               out.integer(code.expires_unix_nanos);
               out.end_object();
               responder.send({.status = 200, .content_type = std::string(kJson), .body = out.take()});
             });
}

}  // namespace meshflow::server
