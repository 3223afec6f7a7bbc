// Nodes of kind mcp: against tests/support/mcp_server.py over standard streams, and a scripted server over HTTP.
#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "run_harness.hpp"
#include "runtime/mcp/session.hpp"
#include "runtime/mcp/tools.hpp"
#include "support/http_server.hpp"
#include "support/test_paths.hpp"

namespace meshflow {
namespace {

namespace json = boost::json;
using test::HttpServer;
using test::ScriptedReply;
using ::testing::ElementsAre;
using testing::expect_whole;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::MeshUnderTest;
using ::testing::Not;
using testing::ReadSpan;
using testing::ScratchFolder;
using testing::Trace;
using namespace std::chrono_literals;

McpServer python_server(const std::string& era = "current", const std::string& log = {}) {
  McpServer server;
  server.command = "python3";
  server.args = {std::string(test::kSourceFolder) + "/tests/support/mcp_server.py", "--era", era};
  if (!log.empty()) server.args.insert(server.args.end(), {"--log", log});
  return server;
}

Workflow calling(McpServer server, const std::string& tool, Node node = {}) {
  node.id = "look";
  node.kind = NodeKind::mcp;
  node.mcp = std::move(server);
  node.tools = {tool};
  Workflow workflow("calling");
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

std::vector<json::object> lines_of(const std::string& path) {
  std::vector<json::object> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line).as_object());
  return out;
}

std::vector<std::string> methods_of(const std::vector<json::object>& messages) {
  std::vector<std::string> out;
  for (const auto& message : messages) {
    const auto* method = message.if_contains("method");
    out.emplace_back(method == nullptr ? "(answer)" : method->as_string().c_str());
  }
  return out;
}

// Dead, but not yet asked how it ended: state Z in /proc.
void wait_until_dead(int process) {
  for (int look = 0; look < 2000; ++look) {
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    std::string text;
    std::getline(stat, text);
    if (text.find(") Z ") != std::string::npos) return;
    std::this_thread::sleep_for(5ms);
  }
  ADD_FAILURE() << "process " << process << " lives";
}

TEST(McpNode, CallsAToolOfTheCurrentVersionAndTheServerHearsOfTheTrace) {
  const ScratchFolder folder;
  MeshUnderTest mesh;
  Node node;
  node.arguments = R"({"query": "{{ task }}", "limit": 5})";
  const auto result = run(mesh, calling(python_server("current", folder.file("log")), "echo", node), "Ada");
  EXPECT_EQ(result.status, RunStatus::completed) << (result.error ? result.error->text() : "");
  const auto output = json::parse(result.output).as_object();
  EXPECT_EQ(json::serialize(output.at("arguments")), R"({"query":"Ada","limit":5})");
  const Trace trace = mesh.trace();
  expect_whole(trace, result);
  const ReadSpan& span = tool_span(trace);
  EXPECT_EQ(output.at("meta").at("traceparent").as_string(), "00-" + result.trace_id + "-" + span.id() + "-03");
  EXPECT_THAT(methods_of(lines_of(folder.file("log"))),
              ElementsAre("server/discover", "tools/list", "tools/list", "tools/call"));
  EXPECT_EQ(span.text("mcp.method.name"), "tools/call");
  EXPECT_EQ(span.text("mcp.protocol.version"), "2026-07-28");
  EXPECT_EQ(span.text("jsonrpc.request.id"), "4");
  EXPECT_EQ(span.text("network.transport"), "pipe");
  EXPECT_EQ(span.text("gen_ai.operation.name"), "execute_tool");
  EXPECT_EQ(span.text("gen_ai.tool.name"), "echo");
  EXPECT_EQ(span.text("gen_ai.tool.description"), "does echo");
  EXPECT_EQ(span.find("mcp.session.id"), nullptr);
  EXPECT_EQ(span.parent(), trace.named("meshflow.node").front()->id());
}

TEST(McpNode, ShakesHandsWithAServerOfAnEarlierVersion) {
  const ScratchFolder folder;
  MeshUnderTest mesh;
  const auto result = run(mesh, calling(python_server("earlier", folder.file("log")), "echo"));
  EXPECT_EQ(result.status, RunStatus::completed) << (result.error ? result.error->text() : "");
  EXPECT_THAT(methods_of(lines_of(folder.file("log"))),
              ElementsAre("server/discover", "initialize", "(answer)", "notifications/initialized", "tools/list",
                          "tools/list", "tools/call"));
  const auto meta = json::parse(result.output).as_object().at("meta").as_object();
  EXPECT_TRUE(meta.contains("traceparent"));
  EXPECT_EQ(meta.size(), 1U);
  EXPECT_EQ(tool_span(mesh.trace()).text("mcp.protocol.version"), "2025-06-18");
}

TEST(McpNode, AServerThatIsSilentAboutVersionsIsAskedInTheEarlierWay) {
  MeshUnderTest mesh;
  const auto result = run(mesh, calling(python_server("silent"), "echo"));
  EXPECT_EQ(result.status, RunStatus::completed) << (result.error ? result.error->text() : "");
}

TEST(McpNode, CallsOneAfterTheOtherShareAServer) {
  MeshUnderTest mesh;
  const auto first = run(mesh, calling(python_server(), "count"));
  const auto second = run(mesh, calling(python_server(), "count"));
  const auto process = first.output.substr(0, first.output.find(' '));
  EXPECT_EQ(first.output, process + " 1");
  EXPECT_EQ(second.output, process + " 2");
  // It ends with the mesh.
  mesh.trace_after_close();
  EXPECT_EQ(::kill(std::stoi(process), 0), -1);
}

TEST(McpNode, AServerThatHasGoneMeanwhileIsStartedAgain) {
  MeshUnderTest mesh;
  const auto first = run(mesh, calling(python_server(), "count"));
  const int process = std::stoi(first.output);
  ::kill(process, SIGKILL);
  wait_until_dead(process);
  const auto second = run(mesh, calling(python_server(), "count"));
  EXPECT_EQ(second.status, RunStatus::completed);
  EXPECT_NE(std::stoi(second.output), process);
}

struct Bad {
  const char* tool;
  const char* message;
  const char* type;
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.tool; }

class McpNodeFailure : public ::testing::TestWithParam<Bad> {};

TEST_P(McpNodeFailure, EndsInAClearErrorAndAnEndedSpan) {
  MeshUnderTest mesh(quick());
  Node node;
  if (GetParam().type == std::string("timeout")) node.timeout_s = 1.5;
  const auto result = run(mesh, calling(python_server(), GetParam().tool, node));
  EXPECT_EQ(result.status, RunStatus::failed);
  ASSERT_TRUE(result.error);
  EXPECT_THAT(result.error->text(), HasSubstr(GetParam().message));
  EXPECT_THAT(result.error->text(), HasSubstr("node look"));
  const Trace trace = mesh.trace();
  expect_whole(trace, result);
  ASSERT_EQ(trace.named("meshflow.tool").size(), 1U);
  EXPECT_EQ(tool_span(trace).text("error.type"), GetParam().type);
  EXPECT_EQ(tool_span(trace).status.code, otlp::StatusCode::error);
}

INSTANTIATE_TEST_SUITE_P(
    Table, McpNodeFailure,
    ::testing::Values(Bad{"silent", "took longer than 1.5 s", "timeout"},
                      Bad{"die", "ended before it answered (exit status 3): could not open the database",
                          "server_ended"},
                      Bad{"garbage", "wrote what is no JSON-RPC message", "invalid_response"},
                      Bad{"huge", "wrote a message of more than 16777216 bytes", "too_large"},
                      Bad{"flood", "or more than 67108864 without an answer", "too_large"},
                      Bad{"fail", "the tool fail of the MCP server python3 failed: the disk is full", "tool_error"},
                      Bad{"refuse", "answered with error -32000: not today", "-32000"},
                      Bad{"ask", "asks for input before the tool ask can answer", "input_required"},
                      Bad{"ehco", "has no tool \"ehco\" (did you mean \"echo\"?)", "tool_not_found"}));

TEST(McpNode, AProgramThatIsNotThereIsSaidAndNotTriedAgain) {
  MeshUnderTest mesh(quick());
  McpServer server;
  server.command = "no-such-program-here";
  const auto result = run(mesh, calling(server, "echo"));
  EXPECT_EQ(result.status, RunStatus::failed);
  EXPECT_THAT(result.error->text(), HasSubstr("the program no-such-program-here could not be started"));
  EXPECT_EQ(mesh.trace().named("meshflow.tool").size(), 1U);
}

TEST(McpNode, AServerGetsNoSecretsOfTheEnvironmentButThoseItIsGiven) {
  ::setenv("MESHFLOW_TEST_SECRET", "s3cret", 1);
  MeshUnderTest mesh;
  McpServer server = python_server();
  server.environment = {{"GIVEN", "{{ env.MESHFLOW_TEST_SECRET }}!"}};
  const auto result = run(mesh, calling(server, "environment"));
  const auto environment = json::parse(result.output).as_object();
  EXPECT_EQ(environment.at("GIVEN").as_string(), "s3cret!");
  EXPECT_TRUE(environment.contains("PATH"));
  EXPECT_FALSE(environment.contains("MESHFLOW_TEST_SECRET"));
}

TEST(McpNode, ACancelledRunEndsItsServer) {
  const ScratchFolder folder;
  MeshUnderTest mesh(quick());
  std::stop_source stop;
  auto options = testing::with(calling(python_server("current", folder.file("log")), "silent"));
  options.stop = stop.get_token();
  std::thread canceller([&] {
    for (int look = 0; look < 2000; ++look) {
      const auto seen = methods_of(lines_of(folder.file("log")));
      if (!seen.empty() && seen.back() == "tools/call") break;
      std::this_thread::sleep_for(5ms);
    }
    stop.request_stop();
  });
  const auto result = mesh->run_blocking("x", options);
  canceller.join();
  ASSERT_TRUE(result);
  const Trace trace = mesh.trace();
  expect_whole(trace, *result);
  EXPECT_EQ(tool_span(trace).text("error.type"), "cancelled");
}

// --- over HTTP ---

std::string rpc(int id, const std::string& result) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":)" + result + "}";
}
ScriptedReply answer(const std::string& body, std::vector<std::pair<std::string, std::string>> more = {}) {
  more.emplace_back("Content-Type", "application/json");
  return {.headers = std::move(more), .body = body};
}
McpServer http_server(const HttpServer& server) {
  McpServer out;
  out.url = server.url("/mcp?key=hidden");
  out.headers = {{"Authorization", "Bearer {{ env.PATH }}"}};
  return out;
}

constexpr const char* kTools =
    R"({"tools":[{"name":"find","inputSchema":{"type":"object","properties":{
       "region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"Count"}}}},
       {"name":"wrong","inputSchema":{"type":"object","items":{"type":"string","x-mcp-header":"X"}}}]})";

TEST(McpNode, OverHttpEachMessageTellsWhatItIsInHeaders) {
  HttpServer server;
  server.script(answer(rpc(1, R"({"supportedVersions":["2026-07-28"]})")));
  server.script(answer(rpc(2, kTools)));
  const std::string events = ": hello\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\ndata: " +
                             rpc(3, R"({"content":[{"type":"text","text":"found"}]})") + "\n\n";
  server.script({.headers = {{"Content-Type", "text/event-stream"}},
                 .body = events,
                 .ending = ScriptedReply::Ending::stays_open});
  MeshUnderTest mesh;
  Node node;
  node.arguments = R"({"region": "Zürich", "n": 3})";
  const auto result = run(mesh, calling(http_server(server), "find", node));
  EXPECT_EQ(result.status, RunStatus::completed) << (result.error ? result.error->text() : "");
  EXPECT_EQ(result.output, "found");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  const auto& call = requests[2].headers;
  EXPECT_EQ(call.at("mcp-protocol-version"), "2026-07-28");
  EXPECT_EQ(call.at("mcp-method"), "tools/call");
  EXPECT_EQ(call.at("mcp-name"), "find");
  EXPECT_EQ(call.at("mcp-param-region"), "=?base64?WsO8cmljaA==?=");
  EXPECT_EQ(call.at("mcp-param-count"), "3");
  EXPECT_EQ(call.at("accept"), "application/json, text/event-stream");
  EXPECT_THAT(call.at("authorization"), HasSubstr("Bearer /"));
  const ReadSpan span = tool_span(mesh.trace());
  const std::string traceparent = "00-" + result.trace_id + "-" + span.id() + "-03";
  const auto body = json::parse(requests[2].body).as_object();
  EXPECT_EQ(body.at("params").at("_meta").at("traceparent").as_string(), traceparent);
  EXPECT_EQ(call.at("traceparent"), traceparent);
  EXPECT_EQ(span.text("network.transport"), "tcp");
  EXPECT_EQ(span.text("network.protocol.name"), "http");
  EXPECT_EQ(span.number("server.port"), server.port());
}

TEST(McpNode, OverHttpAnEarlierServersSessionIsKeptAndEnded) {
  HttpServer server;
  server.script({.status = 400, .body = "Missing session"});
  server.script(answer(rpc(2, R"({"protocolVersion":"2025-11-25","capabilities":{}})"), {{"Mcp-Session-Id", "s-1"}}));
  server.script({.status = 202});
  server.script(answer(rpc(3, R"({"tools":[{"name":"find","inputSchema":{}}]})")));
  server.script(answer(rpc(4, R"({"content":[],"structuredContent":{"n":1}})")));
  MeshUnderTest mesh;
  const auto result = run(mesh, calling(http_server(server), "find"));
  EXPECT_EQ(result.output, R"({"n":1})") << (result.error ? result.error->text() : "");
  EXPECT_EQ(tool_span(mesh.trace()).text("mcp.session.id"), "s-1");
  mesh.trace_after_close();
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 6U);
  EXPECT_EQ(requests[1].headers.count("mcp-method"), 0U);
  EXPECT_EQ(requests[4].headers.at("mcp-session-id"), "s-1");
  EXPECT_EQ(requests[4].headers.at("mcp-protocol-version"), "2025-11-25");
  EXPECT_EQ(requests[5].method, "DELETE");
}

TEST(McpNode, OverHttpARefusalIsSaidWithItsStatus) {
  HttpServer server;
  server.reply_always({.status = 401});
  MeshUnderTest mesh(quick());
  const auto result = run(mesh, calling(http_server(server), "find"));
  EXPECT_EQ(result.status, RunStatus::failed);
  EXPECT_THAT(result.error->text(), HasSubstr("answered 401"));
  EXPECT_THAT(result.error->text(), Not(HasSubstr("hidden")));
  EXPECT_EQ(tool_span(mesh.trace()).text("error.type"), "401");
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(McpNode, IsReadFromYamlAndCheckedBeforeTheRun) {
  const auto workflow = Workflow::from_yaml(R"(nodes:
  files:
    kind: mcp
    command: npx
    args: [-y, server-files, /srv]
    env: {ROOT: "{{ env.HOME }}"}
    tool: read
    arguments: {path: "{{ input }}"}
    risk: read_only
  both: {kind: mcp, command: a, url: "https://x", tool: t}
  none: {kind: mcp, tool: t}
  many: {kind: mcp, url: "https://x", tools: [a, b], args: [x]}
  leak: {kind: mcp, url: "https://x", tool: t, headers: {X: "{{ input }}"}}
  moved: {command: a}
)",
                                            "w.yaml");
  ASSERT_TRUE(workflow) << workflow.error().text();
  const Node& files = *workflow->find("files");
  ASSERT_TRUE(files.mcp);
  EXPECT_EQ(files.mcp->command, "npx");
  EXPECT_THAT(files.mcp->args, ElementsAre("-y", "server-files", "/srv"));
  EXPECT_EQ(files.tools, std::vector<std::string>{"read"});
  std::vector<std::string> problems;
  for (const auto& problem : workflow->check()) problems.push_back(problem.text());
  EXPECT_THAT(problems, ElementsAre(HasSubstr("error: mcp node \"both\" has a command and a url"),
                                    HasSubstr("error: mcp node \"none\" has neither a command nor a url"),
                                    HasSubstr("error: mcp node \"many\" needs one tool, and has 2"),
                                    HasSubstr("warning: args means nothing on node \"many\", whose server has a url"),
                                    HasSubstr("error: X in headers of node \"leak\": input may not stand here"),
                                    HasSubstr("warning: command means nothing on node \"moved\"")));
}

// --- the forms of the protocol ---

TEST(McpTools, HeadersHoldWhatTheyCanAndTheRestInBase64) {
  using runtime::mcp::header_text;
  EXPECT_EQ(header_text("us-west1"), "us-west1");
  EXPECT_EQ(header_text("Hello, 世界"), "=?base64?SGVsbG8sIOS4lueVjA==?=");
  EXPECT_EQ(header_text(" padded "), "=?base64?IHBhZGRlZCA=?=");
  EXPECT_EQ(header_text("line1\nline2"), "=?base64?bGluZTEKbGluZTI=?=");
  EXPECT_EQ(header_text("=?base64?literal?="), "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
}

TEST(McpTools, ADefinitionAgainstTheRulesIsLeftOut) {
  const auto reads = [](const char* schema) {
    return runtime::mcp::read_tool(json::value{{"name", "t"}, {"inputSchema", json::parse(schema)}}).has_value();
  };
  EXPECT_TRUE(reads(R"({"properties":{"a":{"properties":{"b":{"type":"boolean","x-mcp-header":"B"}}}}})"));
  EXPECT_FALSE(reads(R"({"properties":{"a":{"type":"number","x-mcp-header":"A"}}})"));
  EXPECT_FALSE(reads(R"({"properties":{"a":{"type":"string","x-mcp-header":"A b"}}})"));
  EXPECT_FALSE(reads(R"({"properties":{"a":{"type":"string","x-mcp-header":""}}})"));
  EXPECT_FALSE(reads(R"({"anyOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]})"));
  EXPECT_FALSE(
      reads(R"({"properties":{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}})"));
}

}  // namespace
}  // namespace meshflow
