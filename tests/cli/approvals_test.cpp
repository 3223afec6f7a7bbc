// The pages' way to decide what waits for a person: a run that paused, a server, a sign-in, and those who try without.
#include <array>
#include <thread>

#include "cli/server_fixture.hpp"
#include "runtime/database.hpp"

namespace meshflow::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// The text member of that name which comes first in a JSON text.
std::string member(const std::string& json, const std::string& name) {
  const std::string begin = "\"" + name + "\":\"";
  const auto at = json.find(begin);
  return at == std::string::npos
             ? ""
             : json.substr(at + begin.size(), json.find('"', at + begin.size()) - at - begin.size());
}

class Approvals : public Served {
 protected:
  static constexpr const char* kApprovals = "/api/meshflow/approvals";

  // A run that waits at its node `approval`, and a server that knows of it.
  void pause_and_serve(const std::string& file = "asks.yaml") {
    const auto run = meshflow({"run", file});
    ASSERT_EQ(run.exit_code, 4) << run.err;
    run_id_ = value_of("run_id", run.out);
    trace_id_ = value_of("trace_id", run.out);
    serve();
    host_ = address_of("jaeger");
    const std::string list = get("jaeger", kApprovals)->body;
    id_ = member(list, "id");
    digest_ = member(list, "digest");
    ASSERT_FALSE(id_.empty()) << list;
  }

  // A request as a page of `origin` sends it. Empty: as a program that is no browser.
  net::HttpResult send(const std::string& method, const std::string& target, const std::string& body,
                       const std::string& origin, const std::string& cookie = {}, net::HttpHeaders headers = {}) {
    const std::string url = "http://" + host_ + target;
    net::HttpRequest request;
    request.url = url;
    request.method = method;
    request.body = body;
    request.headers = std::move(headers);
    if (request.headers.empty()) request.headers.emplace_back("content-type", "application/json");
    if (!origin.empty()) request.headers.emplace_back("origin", origin);
    if (!cookie.empty()) request.headers.emplace_back("cookie", cookie);
    return client_.send(request);
  }
  [[nodiscard]] std::string own_origin() const { return "http://" + host_; }

  // The code in the address that `meshflow ui` prints.
  std::string new_code(const std::string& by = "Ada") {
    const auto ui = meshflow({"ui", "--no-browser", "--by", by});
    EXPECT_EQ(ui.exit_code, 0) << ui.err;
    const std::string begin = "http://" + host_ + "/#code=";
    EXPECT_THAT(ui.out, StartsWith(begin));
    return ui.out.substr(begin.size(), ui.out.find('\n') - begin.size());
  }
  net::HttpResult exchange(const std::string& code) {
    return send("POST", "/api/meshflow/session", R"({"code":")" + code + R"("})", own_origin());
  }
  // The cookie of a session.
  std::string sign_in(const std::string& by = "Ada") {
    const auto session = exchange(new_code(by));
    EXPECT_EQ(session->status, 200) << session->body;
    EXPECT_EQ(member(session->body, "by"), by);
    const std::string cookie(session->header("set-cookie"));
    return cookie.substr(0, cookie.find(';'));
  }
  [[nodiscard]] std::string decision(const std::string& word, const std::string& comment,
                                     const std::string& digest) const {
    return R"({"decision":")" + word + R"(","comment":")" + comment + R"(","digest":")" + digest + R"("})";
  }
  net::HttpResult decide(const std::string& body, const std::string& origin, const std::string& cookie,
                         net::HttpHeaders headers = {}) {
    return send("POST", std::string(kApprovals) + "/" + id_, body, origin, cookie, std::move(headers));
  }
  std::string status_of_run() {
    const auto runs = meshflow({"runs", "--json"});
    return member(runs.out, "status");
  }
  void expect_undecided() { EXPECT_THAT(get("jaeger", kApprovals)->body, HasSubstr(R"("state":"pending")")); }

  std::string run_id_, trace_id_, host_, id_, digest_;
};

TEST_F(Approvals, WhatWaitsIsShownWithWhatItWouldDoAndWhy) {
  write("risky.yaml",
        "name: risky\nversion: '3'\npolicy:\n  human_in_loop: {enabled: true}\nnodes:\n"
        "  send: {role: executor, risk: irreversible}\n");
  pause_and_serve("risky.yaml");
  const std::string list = get("jaeger", kApprovals)->body;
  EXPECT_THAT(list, AllOf(HasSubstr(R"("run_id":")" + run_id_), HasSubstr(R"("trace_id":")" + trace_id_),
                          HasSubstr(R"("node_id":"send","workflow":"risky","version":"3")"),
                          HasSubstr(R"("role":"executor","risk":"irreversible")"),
                          HasSubstr(R"("rule_id":"human.risk","value":"irreversible","threshold":"irreversible")"),
                          HasSubstr(R"("action_complete":true)"), HasSubstr(R"("state":"pending")"),
                          HasSubstr(R"("signed_in":false)")));
  // The span that waits is in the trace.
  EXPECT_TRUE(is_seen(trace_id_));
  EXPECT_THAT(get("jaeger", "/api/traces/" + trace_id_)->body, HasSubstr(member(list, "span_id")));
}

TEST_F(Approvals, AnApprovalLetsTheRunGoOnUnderTheSameTrace) {
  pause_and_serve();
  const std::string cookie = sign_in("Ada");
  const auto decided = decide(decision("approve", "checked", digest_), own_origin(), cookie);
  ASSERT_EQ(decided->status, 200) << decided->body;
  EXPECT_EQ(decided->body, R"({"state":"approved","run_status":"running","continues_in":"server"})");
  ASSERT_TRUE(eventually([&] { return status_of_run() == "completed"; })) << meshflow({"runs"}).out;
  EXPECT_THAT(get("jaeger", kApprovals)->body, HasSubstr(R"("approvals":[])"));

  const auto has_root = [&] {
    return get("jaeger", "/api/traces/" + trace_id_)->body.find("\"meshflow.run\"") != std::string::npos;
  };
  ASSERT_TRUE(eventually(has_root));
  const std::string trace = get("jaeger", "/api/traces/" + trace_id_)->body;
  EXPECT_THAT(trace, AllOf(HasSubstr(R"("key":"meshflow.decision.by","type":"string","value":"Ada")"),
                           HasSubstr(R"("key":"meshflow.decision.note","type":"string","value":"checked")"),
                           HasSubstr(R"("key":"meshflow.decision.digest","type":"string","value":")" + digest_),
                           HasSubstr(R"("key":"meshflow.decision.unix_nanos")")));

  // The ledger says the same, holds, and ends where the root span says.
  const std::string ledger = get("jaeger", "/api/meshflow/ledger/" + run_id_)->body;
  EXPECT_THAT(ledger, AllOf(StartsWith(R"({"state":"ok")"), HasSubstr(R"("first_bad":null)"),
                            HasSubstr(R"("kind":"decision","verdict":"approved","reason":"approved by Ada: checked")"),
                            HasSubstr(R"("input_digest":")" + digest_)));
  EXPECT_EQ(member(ledger, "head"), member(ledger, "root_head"));
}

TEST_F(Approvals, ARejectionNeedsAReason) {
  pause_and_serve();
  const std::string cookie = sign_in();
  const auto silent = decide(decision("reject", " ", digest_), own_origin(), cookie);
  EXPECT_EQ(silent->status, 400);
  EXPECT_THAT(silent->body, HasSubstr("a rejection needs a comment"));
  expect_undecided();
  const auto decided = decide(decision("reject", "too long", digest_), own_origin(), cookie);
  EXPECT_EQ(decided->status, 200) << decided->body;
  EXPECT_TRUE(eventually([&] { return status_of_run() == "aborted"; }));
}

TEST_F(Approvals, NobodyDecidesWithoutASignIn) {
  pause_and_serve();
  const auto refused = decide(decision("approve", "", digest_), own_origin(), {});
  EXPECT_EQ(refused->status, 401);
  EXPECT_THAT(refused->body, HasSubstr("meshflow ui"));
  EXPECT_EQ(decide(decision("approve", "", digest_), own_origin(), "meshflow_session=guess")->status, 401);
  // A session that was signed out is none.
  const std::string cookie = sign_in();
  EXPECT_EQ(send("DELETE", "/api/meshflow/session", "", own_origin(), cookie)->status, 200);
  EXPECT_EQ(decide(decision("approve", "", digest_), own_origin(), cookie)->status, 401);
  expect_undecided();
}

TEST_F(Approvals, PagesOfOtherOriginsDecideNothingThoughTheCookieComesWithThem) {
  pause_and_serve();
  const std::string cookie = sign_in();
  const std::string body = decision("approve", "", digest_);
  // A page elsewhere, by script; one on another port of this machine; one that hides where it is from.
  for (const std::string origin : {"http://evil.example", "http://127.0.0.1:1", "null"}) {
    EXPECT_EQ(decide(body, origin, cookie)->status, 403) << origin;
  }
  EXPECT_EQ(decide(body, own_origin(), cookie, {{"content-type", "application/json"}, {"sec-fetch-site", "cross-site"}})
                ->status,
            403);
  EXPECT_EQ(decide(body, "", cookie)->status, 403) << "a request that names no origin";
  // A form: browsers send it without asking, and name its origin.
  EXPECT_EQ(decide(body, "http://evil.example", cookie, {{"content-type", "text/plain"}})->status, 403);
  EXPECT_EQ(decide(body, own_origin(), cookie, {{"content-type", "text/plain"}})->status, 415);
  EXPECT_EQ(
      decide("decision=approve", own_origin(), cookie, {{"content-type", "application/x-www-form-urlencoded"}})->status,
      415);
  expect_undecided();
}

TEST_F(Approvals, ACookieHoldsUnderItsHostNameAlone) {
  pause_and_serve();
  const std::string cookie = sign_in();
  const std::string port = host_.substr(host_.find(':'));
  const std::string body = decision("approve", "", digest_);
  const net::HttpHeaders local{{"content-type", "application/json"}, {"host", "localhost" + port}};
  EXPECT_EQ(decide(body, "http://localhost" + port, cookie, local)->status, 401);
  // A name that is not this server's does not get that far (DNS rebinding).
  const net::HttpHeaders rebound{{"content-type", "application/json"}, {"host", "evil.example" + port}};
  EXPECT_EQ(decide(body, "http://evil.example" + port, cookie, rebound)->status, 421);
  expect_undecided();
}

TEST_F(Approvals, ACodeIsGoodOnce) {
  pause_and_serve();
  const std::string code = new_code();
  EXPECT_EQ(exchange(code)->status, 200);
  const auto replayed = exchange(code);
  EXPECT_EQ(replayed->status, 401);
  EXPECT_THAT(std::string(replayed->header("set-cookie")), IsEmpty());
  // And none is to be found by trying.
  std::string last;
  for (int tries = 0; tries < 20; ++tries) last = std::to_string(exchange("guess")->status);
  EXPECT_EQ(last, "429");
  EXPECT_EQ(send("POST", "/api/meshflow/session", R"({"code":"x"})", "http://evil.example")->status, 403);
}

TEST_F(Approvals, WhatWasShownAndHasChangedIsNotDecided) {
  pause_and_serve();
  const std::string cookie = sign_in();
  const auto stale = decide(decision("approve", "", std::string(64, '0')), own_origin(), cookie);
  EXPECT_EQ(stale->status, 409);
  EXPECT_THAT(stale->body,
              AllOf(HasSubstr(R"("code":"conflict")"), HasSubstr(R"("approval":{"id":")" + id_), HasSubstr(digest_)));
  const auto without = decide(R"({"decision":"approve"})", own_origin(), cookie);
  EXPECT_EQ(without->status, 400);
  expect_undecided();
  id_ = "4711";
  EXPECT_EQ(decide(decision("approve", "", digest_), own_origin(), cookie)->status, 404);
  id_ = "1%20OR%201";
  EXPECT_EQ(decide(decision("approve", "", digest_), own_origin(), cookie)->status, 404);
}

TEST_F(Approvals, OfTwoWhoDecideAtOnceOneIsTooLate) {
  pause_and_serve();
  const std::string ada = sign_in("Ada");
  const std::string bea = sign_in("Bea");
  std::array<int, 2> statuses{};
  std::string told;
  {
    const auto decide_as = [&](std::size_t who, const std::string& cookie, const std::string& word) {
      net::HttpClient own;
      const std::string url = "http://" + host_ + kApprovals + "/" + id_;
      const std::string body = decision(word, "because", digest_);
      net::HttpRequest request;
      request.url = url;
      request.body = body;
      request.headers = {{"content-type", "application/json"}, {"origin", own_origin()}, {"cookie", cookie}};
      const auto answer = own.send(request);
      statuses[who] = answer ? answer->status : -1;
      if (answer && answer->status == 409) told = answer->body;
    };
    std::thread first([&] { decide_as(0, ada, "approve"); });
    std::thread second([&] { decide_as(1, bea, "reject"); });
    first.join();
    second.join();
  }
  EXPECT_THAT(statuses, AnyOf(::testing::ElementsAre(200, 409), ::testing::ElementsAre(409, 200)));
  EXPECT_THAT(told, HasSubstr(statuses[0] == 200 ? "was decided already: approved by Ada"
                                                 : "was decided already: rejected by Bea"));
  const std::string ledger = get("jaeger", "/api/meshflow/ledger/" + run_id_)->body;
  const auto first = ledger.find(R"("kind":"decision")");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(ledger.find(R"("kind":"decision")", first + 1), std::string::npos) << "one decision is in the ledger";
}

TEST_F(Approvals, ALedgerThatWasTamperedWithIsShownAsBroken) {
  pause_and_serve();
  EXPECT_THAT(get("jaeger", "/api/meshflow/ledger/" + run_id_)->body, StartsWith(R"({"state":"ok")"));
  EXPECT_THAT(get("jaeger", "/api/meshflow/ledger/run_0")->body, StartsWith(R"({"state":"none")"));
  const auto database = runtime::Database::open(this->database());
  ASSERT_TRUE(database);
  ASSERT_TRUE((*database)->execute("UPDATE ledger SET cost_nano_usd = 1 WHERE seq = 2"));
  EXPECT_THAT(
      get("jaeger", "/api/meshflow/ledger/" + run_id_)->body,
      AllOf(StartsWith(R"({"state":"broken")"), HasSubstr(R"("first_bad":{"seq":2,"reason":"entry 2 was edited)")));
}

TEST_F(Approvals, ASignInStandsForTheTokenThatABrowserCannotSend) {
  write("token", "0123456789abcdef0123456789abcdef\n");
  serve({"--auth-token-file", "token"});
  host_ = address_of("jaeger");
  EXPECT_EQ(get("jaeger", "/search")->status, 200) << "the page has no data";
  for (const char* target : {"/api/services", "/api/meshflow/approvals", "/api/meshflow/stream?topic=runs"}) {
    EXPECT_EQ(get("jaeger", target)->status, 401) << target;
  }
  EXPECT_EQ(exchange("guess")->status, 401);
  const std::string cookie = sign_in();
  EXPECT_EQ(get("jaeger", "/api/services", {{"cookie", cookie}})->status, 200);
  EXPECT_EQ(get("jaeger", "/api/services", {{"cookie", cookie + "x"}})->status, 401);
  EXPECT_EQ(get("jaeger", "/api/services", {{"authorization", "Bearer 0123456789abcdef0123456789abcdef"}})->status,
            200);
  // The other listeners have no pages.
  EXPECT_EQ(get("tempo", "/api/echo", {{"cookie", cookie}})->status, 401);
}

TEST_F(Approvals, UiStartsAServerWhereNoneRunsAndEndsItWithItself) {
  write("serve.yaml", "otlp-http: off\notlp-grpc: off\ntempo: off\nmetrics: off\njaeger: 127.0.0.1:0\n");
  Program ui(with({"ui", "--no-browser", "--config", "serve.yaml"}));
  ASSERT_TRUE(ui.wait_for("/#code="));
  ui.signal(SIGTERM);
  EXPECT_EQ(ui.finish().exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(data() + "/serve.sock"));
}

TEST_F(Approvals, UiOpensABrowserWithoutShowingTheCodeToOtherUsers) {
  serve();
  host_ = address_of("jaeger");
  write("browser", "#!/bin/sh\necho \"$@\" >arguments\n");
  std::filesystem::permissions(folder_ + "/browser", std::filesystem::perms::owner_all);
  auto options = with({"ui", "--by", "Ada"});
  options.environment["BROWSER"] = folder_ + "/browser %s";
  const auto ui = Program(options).finish();
  EXPECT_EQ(ui.exit_code, 0) << ui.err;
  EXPECT_EQ(ui.out, "opened http://" + host_ + "/\n");
  ASSERT_TRUE(eventually([&] { return system_files().read_all(folder_ + "/arguments", 4096).has_value(); }));
  EXPECT_EQ(*system_files().read_all(folder_ + "/arguments", 4096), "file://" + data() + "/ui.html\n");
  // The page leads there, with the code, and is its user's alone.
  const std::string page = *system_files().read_all(data() + "/ui.html", 4096);
  EXPECT_THAT(page, HasSubstr("url=http://" + host_ + "/#code="));
  const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
  EXPECT_EQ(std::filesystem::status(data() + "/ui.html").permissions() & others, std::filesystem::perms::none);
  const auto code = page.find("#code=") + 6;
  EXPECT_EQ(exchange(page.substr(code, page.find('"', code) - code))->status, 200);
}

}  // namespace
}  // namespace meshflow::test
