// Who may change something, or make the server work: requests that no page of another origin can have sent.
//
// A page elsewhere can send a request here, with the cookies of this origin, though it cannot read the answer. It
// cannot send one of type application/json without asking first (CORS), nor hide where it comes from: browsers say so
// in Origin and Sec-Fetch-Site (Fetch standard, "Origin header"; Fetch Metadata). Programs that are no browsers send
// neither.
#pragma once

#include <optional>

#include "net/http_message.hpp"
#include "net/http_server.hpp"

namespace meshflow::server {

// The refusal: 403 where Origin is not this Host or Sec-Fetch-Site is neither same-origin nor none, 415 where the
// request has a body, or is a POST or PUT, and its type is not application/json. Nothing where it may pass. Pure.
[[nodiscard]] std::optional<net::HttpReply> refuse_foreign(const net::HttpServerRequest& request);

// A handler that asks refuse_foreign() first: for every endpoint that changes something.
[[nodiscard]] net::HttpHandler same_origin_only(net::HttpHandler handler);

}  // namespace meshflow::server
