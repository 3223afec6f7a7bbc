// Signing in and out (sign_in.hpp).
//
//   POST   /api/meshflow/session {"code"}  → {"signed_in": true, "by", "expires_ns"} and the cookie; 401, 429
//   GET    /api/meshflow/session           → {"signed_in", "by", "expires_ns"}: the last two null without a session
//   DELETE /api/meshflow/session           → the same, signed out
//
// For the control socket: POST /sign-in {"by"} → {"code", "expires_unix_nanos"}
#pragma once

#include "net/http_router.hpp"
#include "server/sign_in.hpp"

namespace meshflow::server {

// `sign_in` must outlive the server.
void add_session_routes(SignIn& sign_in, net::HttpRouter& router);
void add_sign_in_control_routes(SignIn& sign_in, net::HttpRouter& router);

// 401 with what to do: for requests that need a session and have none.
[[nodiscard]] net::HttpReply not_signed_in();

}  // namespace meshflow::server
