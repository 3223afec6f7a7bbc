// Nodes of kind http, against a real server on loopback.
#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>

#include "run_harness.hpp"
#include "support/http_server.hpp"

namespace meshflow {
namespace {

using test::HttpServer;
using test::ScriptedReply;
using testing::expect_whole;
using ::testing::HasSubstr;
using testing::MeshUnderTest;
using ::testing::Not;
using testing::ReadSpan;
using testing::Trace;
using namespace std::chrono_literals;

Workflow fetch_workflow(HttpCall call, Node node = {}) {
  node.id = "fetch";
  node.kind = NodeKind::http;
  node.http = std::move(call);
  Workflow workflow("fetching");
  workflow.node(std::move(node));
  return workflow;
}

Policy quick() {
  Policy policy;
  policy.retry_backoff_s = 0.001;
  return policy;
}

RunResult run(MeshUnderTest& mesh, Workflow workflow, const std::string& task = "look it up") {
  auto result = mesh->run_blocking(task, testing::with(std::move(workflow)));
  EXPECT_TRUE(result) << (result ? "" : result.error().text());
  return result ? *result : RunResult{};
}

const ReadSpan& tool_span(const Trace& trace) {
  const auto spans = trace.named("meshflow.tool");
  EXPECT_FALSE(spans.empty());
  static const ReadSpan none;
  return spans.empty() ? none : *spans.back();
}

TEST(HttpNode, SendsWhatItsTemplatesSayAndGivesTheAnswerOn) {
  HttpServer server;
  server.reply_always({.body = "42 items"});
  MeshUnderTest mesh;
  ::setenv("MESHFLOW_TEST_TOKEN", "s3cret", 1);
  HttpCall call;
  call.method = "put";
  call.url = server.url("/items/{{ input }}?limit=5&api_key=hidden");
  call.headers = {{"Authorization", "Bearer {{ env.MESHFLOW_TEST_TOKEN }}"}, {"X-Task", "{{ task }}"}};
  call.body = R"({"query": "{{ input }}", "deep": true})";
  call.body_is_json = true;
  const auto result = run(mesh, fetch_workflow(call), "a/b? c\"d");
  EXPECT_EQ(result.status, RunStatus::completed) << (result.error ? result.error->text() : "");
  EXPECT_EQ(result.output, "42 items");
  ASSERT_EQ(server.requests().size(), 1U);
  const auto request = server.requests()[0];
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.target, "/items/a%2Fb%3F%20c%22d?limit=5&api_key=hidden");
  EXPECT_EQ(request.headers.at("authorization"), "Bearer s3cret");
  EXPECT_EQ(request.headers.at("x-task"), "a/b? c\"d");
  EXPECT_EQ(request.headers.at("content-type"), "application/json");
  EXPECT_EQ(request.body, R"({"query":"a/b? c\"d","deep":true})");
}

TEST(HttpNode, ItsSpanIsTheParentThatTheServerIsToldOf) {
  HttpServer server;
  MeshUnderTest mesh;
  HttpCall call;
  call.url = server.url("/items/{{ input }}?limit=5&api_key=hidden");
  const auto result = run(mesh, fetch_workflow(call), "private");
  const Trace trace = mesh.trace();
  expect_whole(trace, result);
  const ReadSpan& span = tool_span(trace);
  EXPECT_EQ(span.parent(), trace.named("meshflow.node").front()->id());
  EXPECT_EQ(server.requests()[0].headers.at("traceparent"), "00-" + result.trace_id + "-" + span.id() + "-03");
  EXPECT_EQ(span.text("gen_ai.operation.name"), "execute_tool");
  EXPECT_EQ(span.text("gen_ai.tool.type"), "extension");
  EXPECT_EQ(span.text("http.request.method"), "GET");
  EXPECT_EQ(span.number("http.response.status_code"), 200);
  EXPECT_EQ(span.text("server.address"), "127.0.0.1");
  EXPECT_EQ(span.number("server.port"), server.port());
  // What came from a template is content, and a key is a secret: neither is seen.
  EXPECT_EQ(span.text("url.full"), server.url("/items/REDACTED?limit=5&api_key=REDACTED"));
  EXPECT_EQ(span.text("meshflow.tool.risk"), "external_io");
  EXPECT_EQ(span.text("meshflow.node_id"), "fetch");
}

TEST(HttpNode, AnErrorStatusFailsTheNodeWithoutShowingContent) {
  HttpServer server;
  server.reply_always({.status = 404, .body = "no such thing"});
  MeshUnderTest mesh(quick());
  HttpCall call;
  call.url = server.url("/items/{{ input }}");
  const auto result = run(mesh, fetch_workflow(call), "private");
  EXPECT_EQ(result.status, RunStatus::failed);
  ASSERT_TRUE(result.error);
  EXPECT_THAT(result.error->text(), HasSubstr("node fetch: GET " + server.url("/items/REDACTED") + " answered 404"));
  const Trace trace = mesh.trace();
  const ReadSpan& span = tool_span(trace);
  EXPECT_EQ(span.text("error.type"), "404");
  EXPECT_EQ(span.number("http.response.status_code"), 404);
  EXPECT_EQ(span.status.code, otlp::StatusCode::error);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(HttpNode, WhatPassesIsTriedAgainEachTryWithASpan) {
  HttpServer server;
  server.script({.status = 503});
  server.script({.ending = ScriptedReply::Ending::reset});
  server.script({.body = "at last"});
  MeshUnderTest mesh(quick());
  HttpCall call;
  call.url = server.url("/");
  const auto result = run(mesh, fetch_workflow(call));
  EXPECT_EQ(result.output, "at last");
  const Trace trace = mesh.trace();
  const auto spans = trace.named("meshflow.tool");
  ASSERT_EQ(spans.size(), 3U);
  EXPECT_EQ(spans[0]->text("error.type"), "503");
  EXPECT_EQ(spans[1]->text("error.type"), "reset");
  EXPECT_EQ(spans[2]->number("meshflow.attempt"), 3);
}

TEST(HttpNode, APostIsSentAgainOnlyWhereTheServerDidNotTakeIt) {
  for (const auto& [reply, requests] :
       {std::pair{ScriptedReply{.status = 502}, 1}, std::pair{ScriptedReply{.status = 503}, 1},
        std::pair{ScriptedReply{.ending = ScriptedReply::Ending::close}, 1}, std::pair{ScriptedReply{.status = 429}, 2},
        std::pair{ScriptedReply{.status = 503, .headers = {{"Retry-After", "0"}}}, 2}}) {
    HttpServer server;
    server.script(reply);
    MeshUnderTest mesh(quick());
    HttpCall call;
    call.url = server.url("/");
    call.body = "once";
    const auto result = run(mesh, fetch_workflow(call));
    EXPECT_EQ(server.requests().size(), static_cast<std::size_t>(requests)) << reply.status;
    EXPECT_EQ(result.status, requests == 2 ? RunStatus::completed : RunStatus::failed) << reply.status;
  }
}

TEST(HttpNode, AServerThatNeverAnswersIsCutOffAtTheNodesLimit) {
  HttpServer server;
  server.reply_always({.ending = ScriptedReply::Ending::hang});
  MeshUnderTest mesh(quick());
  HttpCall call;
  call.url = server.url("/");
  Node node;
  node.timeout_s = 0.2;
  const auto result = run(mesh, fetch_workflow(call, node));
  EXPECT_EQ(result.status, RunStatus::failed);
  EXPECT_THAT(result.error->text(), HasSubstr("node fetch took longer than 0.2 s"));
  const Trace trace = mesh.trace();
  expect_whole(trace, result);
  EXPECT_EQ(tool_span(trace).text("error.type"), "timeout");
}

TEST(HttpNode, AnAnswerPastTheLimitIsAnErrorThatNamesIt) {
  HttpServer server;
  server.reply_always({.body = std::string(2001, 'x')});
  MeshUnderTest mesh(quick());
  HttpCall call;
  call.url = server.url("/");
  call.response_bytes_max = 2000;
  const auto result = run(mesh, fetch_workflow(call));
  EXPECT_EQ(result.status, RunStatus::failed);
  EXPECT_THAT(result.error->text(), HasSubstr("larger than 2000 bytes"));
}

TEST(HttpNode, NothingListeningIsTriedAgainAndThenSaid) {
  MeshUnderTest mesh(quick());
  HttpCall call;
  call.url = "http://127.0.0.1:" + std::to_string(test::unused_port()) + "/x";
  call.body = "hello";
  const auto result = run(mesh, fetch_workflow(call));
  EXPECT_EQ(result.status, RunStatus::failed);
  EXPECT_THAT(result.error->text(), HasSubstr("failed: "));
  const Trace trace = mesh.trace();
  ASSERT_EQ(trace.named("meshflow.tool").size(), 4U);  // the policy's 3 retries
  EXPECT_EQ(tool_span(trace).text("error.type"), "connect");
}

TEST(HttpNode, AValueCannotLeadOutOfThePathNorAddAHeader) {
  HttpServer server;
  for (const auto& [url, header, message] : {std::tuple{"/items/{{ input }}/x", "plain", "leads out of its path"},
                                             std::tuple{"/items", "{{ input }}\n", "may not hold line breaks"}}) {
    MeshUnderTest mesh(quick());
    HttpCall call;
    call.url = server.url(url);
    call.headers = {{"X-A", std::string(header).substr(0, std::string(header).find('\n'))}};
    const auto result = run(mesh, fetch_workflow(call), std::string(message).starts_with("leads") ? ".." : "a\r\nB: c");
    EXPECT_EQ(result.status, RunStatus::failed);
    EXPECT_THAT(result.error->text(), HasSubstr(message));
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST(HttpNode, IsAnExternalActionThatAPersonIsAskedAbout) {
  HttpServer server;
  Policy policy;
  policy.mode = PolicyMode::legal_critical;  // people decide on external effects
  policy.require_citations = false;
  std::string asked;
  std::string action;
  MeshOptions options;
  options.approver = [&asked, &action](const PendingRequest& request) {
    asked = request.reason;
    action = request.prompt;
    return std::optional<Decision>(Decision{false, "ada", "no"});
  };
  MeshUnderTest mesh(policy, options);
  HttpCall call;
  call.url = server.url("/");
  const auto result = run(mesh, fetch_workflow(call));
  EXPECT_EQ(result.status, RunStatus::aborted);
  EXPECT_THAT(asked, HasSubstr("external_io"));
  EXPECT_THAT(action, HasSubstr(R"({"method":"GET","url":")")) << "the very call is what a person decides on";
  EXPECT_TRUE(server.requests().empty());
}

TEST(HttpNode, ItsOutputIsHeldToItsSchema) {
  HttpServer server;
  server.reply_always({.body = R"({"price": "high"})"});
  MeshUnderTest mesh(quick());
  HttpCall call;
  call.url = server.url("/");
  Node node;
  node.output_schema = R"({"type": "object", "properties": {"price": {"type": "number"}}})";
  const auto result = run(mesh, fetch_workflow(call, node));
  EXPECT_EQ(result.status, RunStatus::failed);
  EXPECT_THAT(result.error->text(), HasSubstr("/price"));
}

TEST(HttpNode, ACancelledRunLetsGoOfTheRequestAtOnce) {
  HttpServer server;
  server.reply_always({.ending = ScriptedReply::Ending::hang});
  MeshUnderTest mesh(quick());
  HttpCall call;
  call.url = server.url("/");
  std::stop_source stop;
  auto options = testing::with(fetch_workflow(call));
  options.stop = stop.get_token();
  std::thread canceller([&] {
    EXPECT_TRUE(server.wait_for_requests(1));
    stop.request_stop();
  });
  const auto result = mesh->run_blocking("x", options);
  canceller.join();
  ASSERT_TRUE(result);
  const Trace trace = mesh.trace();
  expect_whole(trace, *result);
  EXPECT_EQ(tool_span(trace).text("error.type"), "cancelled");
}

TEST(HttpNode, IsReadFromYamlAndCheckedBeforeTheRun) {
  const auto workflow = Workflow::from_yaml(R"(nodes:
  plan:
  fetch:
    kind: http
    url: "https://api.example.com/items/{{ outputs.plan.id }}"
    headers: {Authorization: "Bearer {{ env.TOKEN }}"}
    body: {query: "{{ input }}", limit: 5}
    response_bytes_max: 1000
    timeout_s: 2
  host: {kind: http, url: "https://{{ input }}/x"}
  late: {kind: http, url: "https://x/{{ outputs.after }}", method: "GE T"}
  after: {url: "https://x"}
  none: {kind: http, headers: {Content-Length: "5"}}
  secret: {kind: http, url: "https://x/{{ env.TOKEN }}"}
edges: [plan -> fetch, late -> after]
)",
                                            "w.yaml");
  ASSERT_TRUE(workflow) << workflow.error().text();
  const Node& fetch = *workflow->find("fetch");
  EXPECT_EQ(fetch.kind, NodeKind::http);
  ASSERT_TRUE(fetch.http);
  EXPECT_EQ(fetch.http->body, R"({"query":"{{ input }}","limit":5})");
  EXPECT_TRUE(fetch.http->body_is_json);
  EXPECT_EQ(fetch.http->response_bytes_max, 1000);
  std::vector<std::string> problems;
  for (const auto& problem : workflow->check()) problems.push_back(problem.text());
  EXPECT_THAT(problems, ::testing::ElementsAre(
                            HasSubstr("w.yaml:10:27: error: url of node \"host\" has a template before its path"),
                            HasSubstr("error: a template of node \"late\": \"after\" doesn't run before it"),
                            HasSubstr("error: method of node \"late\" is \"GE T\""),
                            HasSubstr("warning: url means nothing on node \"after\", whose kind is agent"),
                            HasSubstr("error: http node \"none\" has no url"),
                            HasSubstr("error: url of node \"secret\": env.TOKEN may not stand here")));
}

}  // namespace
}  // namespace meshflow
