#include "server/desk_api.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <boost/json/value.hpp>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/number.hpp"
#include "query/trace_row.hpp"
#include "server/api_error.hpp"
#include "server/json_body.hpp"
#include "server/same_origin.hpp"
#include "server/session_api.hpp"
#include "store/functions.hpp"

namespace meshflow::server {
namespace {

namespace json = boost::json;
using net::HttpResponder;
using net::HttpServerRequest;
using query::JsonWriter;

constexpr std::string_view kLedgerHeadKey = "meshflow.ledger.head";
constexpr std::size_t kBodyBytesMax = kCommentBytesMax * 8;  // a comment may come all escaped

// 64-bit values that may pass 2^53.
void text_field(JsonWriter& out, std::string_view name, std::int64_t value) {
  out.field(name, fmt::format("{}", value));
}

void text_or_null(JsonWriter& out, std::string_view name, std::string_view text) {
  out.key(name);
  text.empty() ? out.null() : out.string(text);
}

// A number where it is one, else a word.
void figure(JsonWriter& out, std::string_view name, const std::string& text) {
  const auto number = query::parse_number(text);
  if (!number) return text_or_null(out, name, text);
  out.key(name);
  out.number(number->value);
}

void write_entry(JsonWriter& out, const DeskEntry& entry) {
  out.begin_object();
  out.key("seq");
  out.integer(entry.seq);
  text_field(out, "time_ns", entry.time_unix_nanos);
  out.field("kind", entry.kind);
  out.field("verdict", entry.verdict);
  out.field("reason", entry.reason);
  text_or_null(out, "node_id", entry.node_id);
  text_or_null(out, "span_id", entry.span_id);
  text_field(out, "cost_nano_usd", entry.cost_nano_usd);
  out.key("tokens");
  out.begin_object();
  for (const auto& [name, count] : {std::pair("input", entry.input_tokens), std::pair("output", entry.output_tokens),
                                    std::pair("cached", entry.cached_tokens)}) {
    out.key(name);
    out.integer(count);
  }
  out.end_object();
  text_field(out, "carbon_nanograms", entry.carbon_nanograms);
  text_or_null(out, "input_digest", entry.input_digest);
  text_or_null(out, "output_digest", entry.output_digest);
  out.field("prev_hash", entry.prev_hash);
  out.field("entry_hash", entry.entry_hash);
  out.end_object();
}

std::string_view name_of(DeskLedger::State state) {
  switch (state) {
    case DeskLedger::State::ok: return "ok";
    case DeskLedger::State::broken: return "broken";
    case DeskLedger::State::none: return "none";
  }
  return "none";
}

std::string ledger_json(const DeskLedger& ledger, const std::string& root_head) {
  JsonWriter out;
  out.begin_object();
  out.field("state", name_of(ledger.state));
  text_or_null(out, "head", ledger.head);
  text_or_null(out, "root_head", root_head);
  out.key("first_bad");
  if (ledger.first_bad) {
    out.begin_object();
    out.key("seq");
    out.integer(ledger.first_bad->seq);
    out.field("reason", ledger.first_bad->reason);
    out.end_object();
  } else {
    out.null();
  }
  out.key("entries");
  out.begin_array();
  for (const DeskEntry& entry : ledger.entries) write_entry(out, entry);
  out.end_array();
  out.key("entries_total");
  out.integer(std::uint64_t{ledger.entries_total});
  out.end_object();
  return out.take();
}

// The head that the run's root span recorded; empty while there is none.
Result<std::string> root_head_of(const QueryService& service, const std::string& run_id) {
  MESHFLOW_TRY(store::Snapshot snapshot, service.store().snapshot());
  MESHFLOW_TRY(const auto candidates, snapshot.traces_of_run(run_id));
  for (const store::Snapshot::Candidate& candidate : candidates) {
    for (const store::Piece& piece : snapshot.pieces_in(candidate.range)) {
      const std::string sql = fmt::format(
          "SELECT {}(rest, ?) FROM {} WHERE start BETWEEN ? AND ? AND name = ? AND meshflow_run_id = ? LIMIT 1",
          store::kRestText, piece.source);
      const std::vector<store::Value> parameters{std::string(kLedgerHeadKey), candidate.range.from, candidate.range.to,
                                                 std::string(query::kRunSpanName), run_id};
      MESHFLOW_TRY(const store::Rows rows, snapshot.query(sql, parameters, service.limits()));
      if (rows.rows.empty()) continue;
      const auto* const head = std::get_if<std::string>(&rows.rows.front().front());
      if (head != nullptr) return *head;
    }
  }
  return std::string();
}

void send_json(const HttpResponder& responder, std::string body) {
  responder.send({.status = 200,
                  .content_type = "application/json",
                  .headers = {{"Cache-Control", "no-store"}},
                  .body = std::move(body)});
}

void send_ledger(const QueryService& service, RunDesk& desk, const HttpServerRequest& request,
                 const HttpResponder& responder) {
  const std::string run_id(request.path_parameter("run_id"));
  const auto root_head = root_head_of(service, run_id);
  if (!root_head) return responder.send(error_reply(root_head.error()));
  const auto ledger = desk.ledger(run_id, *root_head);
  if (!ledger) return responder.send(error_reply(ledger.error()));
  send_json(responder, ledger_json(*ledger, *root_head));
}

void send_approvals(RunDesk& desk, const SignIn& sign_in, const HttpServerRequest& request,
                    const HttpResponder& responder) {
  const auto waiting = desk.waiting();
  if (!waiting) return responder.send(error_reply(waiting.error()));
  JsonWriter out;
  out.begin_object();
  out.key("approvals");
  out.begin_array();
  for (const DeskApproval& approval : *waiting) write_json(out, approval);
  out.end_array();
  out.key("signed_in");
  out.boolean(sign_in.session_of(request).has_value());
  out.end_object();
  send_json(responder, out.take());
}

// ---- deciding ---------------------------------------------------------------------------------------------------

Result<std::string> text_of(const json::object& object, std::string_view key) {
  const json::value* const value = member_of(object, key);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not a text", key));
  return std::string(value->get_string());
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

Result<DeskDecision> decision_in(std::string_view body) {
  constexpr const char* kForm = R"({"decision": "approve", "comment": "…", "digest": "…"})";
  const auto object = body.size() > kBodyBytesMax ? std::nullopt : object_in(body);
  if (!object) return fail(ErrorCode::invalid_argument, "the body must be a JSON object", kForm);
  DeskDecision decision;
  MESHFLOW_TRY(const std::string word, text_of(*object, "decision"));
  if (word != "approve" && word != "reject") {
    return fail(ErrorCode::invalid_argument, fmt::format("decision: \"{}\" is neither approve nor reject", word),
                kForm);
  }
  decision.approves = word == "approve";
  MESHFLOW_TRY(decision.comment, text_of(*object, "comment"));
  if (decision.comment.size() > kCommentBytesMax) {
    return fail(ErrorCode::invalid_argument, fmt::format("comment: {} bytes; at most {} (limit comment)",
                                                         decision.comment.size(), kCommentBytesMax));
  }
  if (!decision.approves && is_blank(decision.comment)) {
    return fail(ErrorCode::invalid_argument, "a rejection needs a comment: why", kForm);
  }
  MESHFLOW_TRY(decision.digest, text_of(*object, "digest"));
  if (decision.digest.empty()) {
    return fail(ErrorCode::invalid_argument, "the digest of what was shown is missing", kForm);
  }
  return decision;
}

net::HttpReply conflict_reply(const Error& error, const Result<DeskApproval>& now) {
  JsonWriter out;
  out.begin_object();
  out.key("error");
  write_error(out, error);
  out.key("approval");
  now ? write_json(out, *now) : out.null();
  out.end_object();
  return {.status = 409, .content_type = "application/json", .body = out.take()};
}

// A browser says where a page is from with every POST; who says nothing is no page, and has the command.
bool names_its_origin(const HttpServerRequest& request) { return !request.header("origin").empty(); }

void decide(RunDesk& desk, const SignIn& sign_in, const HttpServerRequest& request, const HttpResponder& responder) {
  if (!names_its_origin(request)) {
    return responder.send(
        error_reply(403, {ErrorCode::permission_denied, "the request does not say of which origin it is", std::nullopt,
                          "programs decide with meshflow approve and meshflow reject"}));
  }
  const auto session = sign_in.session_of(request);
  if (!session) return responder.send(not_signed_in());
  auto decision = decision_in(request.body);
  if (!decision) return responder.send(error_reply(decision.error()));
  decision->id = request.path_parameter("id");
  decision->by = session->by;
  const auto outcome = desk.decide(*decision);
  if (!outcome && outcome.error().code == ErrorCode::conflict) {
    return responder.send(conflict_reply(outcome.error(), desk.approval(decision->id)));
  }
  if (!outcome) return responder.send(error_reply(outcome.error()));
  JsonWriter out;
  out.begin_object();
  out.field("state", outcome->state);
  out.field("run_status", outcome->run_status);
  out.field("continues_in", outcome->continues_in);
  out.end_object();
  send_json(responder, out.take());
}

void without_runtime(const HttpServerRequest& /*request*/, const HttpResponder& responder) {
  responder.send(error_reply(501, {ErrorCode::unsupported, "this server has no ledger and no runs of its own",
                                   std::nullopt, "meshflow serve has those of its data directory"}));
}

}  // namespace

void write_json(JsonWriter& out, const DeskApproval& approval) {
  out.begin_object();
  out.field("id", approval.id);
  out.field("run_id", approval.run_id);
  out.field("trace_id", approval.trace_id);
  text_or_null(out, "span_id", approval.span_id);
  out.field("node_id", approval.node_id);
  text_or_null(out, "workflow", approval.workflow);
  text_or_null(out, "version", approval.version);
  text_or_null(out, "role", approval.role);
  text_or_null(out, "risk", approval.risk);
  out.field("reason", approval.reason);
  text_or_null(out, "rule_id", approval.rule_id);
  figure(out, "value", approval.value);
  figure(out, "threshold", approval.threshold);
  out.field("action", approval.action);
  out.key("action_complete");
  out.boolean(approval.action_complete);
  out.field("digest", approval.digest);
  text_field(out, "cost_nano_usd", approval.cost_nano_usd);
  text_field(out, "requested_ns", approval.requested_unix_nanos);
  text_field(out, "expires_ns", approval.expires_unix_nanos);
  out.field("state", approval.state);
  text_or_null(out, "decided_by", approval.decided_by);
  out.end_object();
}

void add_desk_routes(const QueryService& service, RunDesk* desk, const SignIn& sign_in, net::HttpRouter& router) {
  constexpr std::string_view kLedger = "/api/meshflow/ledger/{run_id}";
  constexpr std::string_view kApprovals = "/api/meshflow/approvals";
  constexpr std::string_view kApproval = "/api/meshflow/approvals/{id}";
  if (desk == nullptr) {
    router.add("GET", kLedger, without_runtime);
    router.add("GET", kApprovals, without_runtime);
    router.add("POST", kApproval, without_runtime);
    return;
  }
  service.add(router, "meshflow", kLedger, "ledger", [&service, desk](const auto& request, const auto& responder) {
    send_ledger(service, *desk, request, responder);
  });
  service.add(router, "meshflow", kApprovals, "approvals",
              [desk, &sign_in](const auto& request, const auto& responder) {
                send_approvals(*desk, sign_in, request, responder);
              });
  service.add(router, "meshflow", "POST", kApproval, "decide",
              same_origin_only([desk, &sign_in](const auto& request, const auto& responder) {
                decide(*desk, sign_in, request, responder);
              }));
}

}  // namespace meshflow::server
