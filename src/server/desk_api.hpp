// What people decide and what the ledger proves, for the pages (run_desk.hpp).
//
//   GET  /api/meshflow/ledger/{run_id} → {"state", "head", "root_head", "first_bad", "entries", "entries_total"}
//   GET  /api/meshflow/approvals       → {"approvals": [card, …], "signed_in"}
//   POST /api/meshflow/approvals/{id} {"decision": "approve"|"reject", "comment", "digest"}
//        → {"state", "run_status", "continues_in"}
//
// Deciding needs a session (401), Origin and JSON (403, 415), a comment where it rejects (400). 409 where what was
// shown has changed, with the card as it is now: {"error", "approval"}. 501 without the runtime.
#pragma once

#include "net/http_router.hpp"
#include "query/json_writer.hpp"
#include "server/query_service.hpp"
#include "server/run_desk.hpp"
#include "server/sign_in.hpp"

namespace meshflow::server {

inline constexpr std::size_t kCommentBytesMax = 4096;

// A card as the pages get it.
void write_json(query::JsonWriter& out, const DeskApproval& approval);

// All must outlive the server; `desk` may be null.
void add_desk_routes(const QueryService& service, RunDesk* desk, const SignIn& sign_in, net::HttpRouter& router);

}  // namespace meshflow::server
