// The whole way: spans recorded by a provider that settings and environment configured, delivered to real peers.
#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "otlp/decode.hpp"
#include "otlp/json.hpp"
#include "spool/reader.hpp"
#include "support/faulty_files.hpp"
#include "support/grpc_server.hpp"
#include "support/http_server.hpp"
#include "telemetry/configuration.hpp"
#include "telemetry/exporters/otlp_file.hpp"
#include "telemetry_export/batch_builder.hpp"

namespace meshflow::telemetry {
namespace {

using namespace std::chrono_literals;
using test::HttpServer;
using test::ScriptedReply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

using Variables = std::map<std::string, std::string, std::less<>>;

std::unique_ptr<TracerProvider> provider_of(const TelemetrySettings& settings, const Variables& variables = {}) {
  auto configuration = configure(settings, Environment(variables));
  EXPECT_TRUE(configuration) << configuration.error().text();
  auto provider = make_provider(std::move(*configuration));
  EXPECT_TRUE(provider) << provider.error().text();
  return std::move(*provider);
}

// A run with two children.
void record_run(const TracerProvider& provider) {
  const Tracer tracer = provider.tracer({.name = "test", .version = "", .schema_url = "", .attributes = {}});
  Span root = tracer.start_span("run");
  Span first = tracer.start_span("first", {.parent = root.context()});
  Span second = tracer.start_span("second", {.parent = root.context()});
  first.end();
  second.end();
  root.end();
}

std::multiset<std::string> names_in(const otlp::TracesData& data) {
  std::multiset<std::string> names;
  for (const auto& resource : data.resource_spans) {
    for (const auto& scope : resource.scope_spans) {
      for (const auto& span : scope.spans) names.insert(span.name);
    }
  }
  return names;
}

std::multiset<std::string> names_in(const std::string& request) {
  const auto decoded = otlp::decode_traces(request);
  EXPECT_TRUE(decoded);
  return names_in(decoded->value);
}

std::multiset<std::string> names_at(const HttpServer& server) {
  std::multiset<std::string> names;
  for (const auto& request : server.requests()) names.merge(names_in(request.body));
  return names;
}

TEST(Pipeline, TheEnvironmentAloneSendsARunToAnEndpoint) {
  HttpServer server;
  const auto provider =
      provider_of({}, {{"OTEL_EXPORTER_OTLP_ENDPOINT", server.url()}, {"OTEL_SERVICE_NAME", "checkout"}});
  record_run(*provider);
  EXPECT_TRUE(provider->shutdown(10s));
  EXPECT_THAT(names_at(server), UnorderedElementsAre("run", "first", "second"));
  const auto request = server.requests().at(0);
  EXPECT_EQ(request.target, "/v1/traces");
  const auto decoded = otlp::decode_traces(request.body);
  const auto& attributes = decoded->value.resource_spans.at(0).resource.attributes;
  EXPECT_THAT(attributes, ::testing::Contains(test::attribute("service.name", std::string("checkout"))));
  EXPECT_THAT(drop_warnings(provider->stats()), IsEmpty());
}

TEST(Pipeline, EveryProtocolDeliversTheSameSpans) {
  HttpServer http;
  const test::GrpcServer grpc;
  for (const char* protocol : {"http/protobuf", "http/json"}) {
    TelemetrySettings settings;
    settings.otlp_endpoint = http.url("/v1/traces");
    settings.otlp_protocol = protocol;
    const auto provider = provider_of(settings);
    record_run(*provider);
    EXPECT_TRUE(provider->shutdown(10s));
  }
  TelemetrySettings settings;
  settings.otlp_endpoint = "http://127.0.0.1:" + std::to_string(grpc.port());
  settings.otlp_protocol = "grpc";
  const auto provider = provider_of(settings);
  record_run(*provider);
  EXPECT_TRUE(provider->shutdown(10s));

  const auto requests = http.requests();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_THAT(names_in(requests[0].body), UnorderedElementsAre("run", "first", "second"));
  EXPECT_EQ(names_in(otlp::decode_traces_json(requests[1].body)->value), names_in(requests[0].body));
  ASSERT_THAT(grpc.requests(), SizeIs(1));
  EXPECT_EQ(names_in(grpc.requests()[0].message), names_in(requests[0].body));
}

TEST(Pipeline, AHangingEndpointNeitherSlowsTheRunNorTheExitPastItsBound) {
  HttpServer server;
  server.reply_always({.ending = ScriptedReply::Ending::hang});
  TelemetrySettings settings;
  settings.otlp_endpoint = server.url();
  const auto provider = provider_of(settings, {{"OTEL_BSP_SCHEDULE_DELAY", "1"}});
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 2000; ++i) record_run(*provider);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_TRUE(server.wait_for_requests(1));
  const auto shutdown = std::chrono::steady_clock::now();
  EXPECT_FALSE(provider->shutdown(300ms));
  EXPECT_LT(std::chrono::steady_clock::now() - shutdown, 5s);
  const auto stats = provider->stats();
  ASSERT_THAT(stats.exporters, SizeIs(1));
  EXPECT_EQ(stats.exporters[0].exported, 0u);
  EXPECT_EQ(stats.exporters[0].dropped + stats.dropped_queue_full, 6000u);
  EXPECT_FALSE(drop_warnings(stats).empty());
}

TEST(Pipeline, AFlushReturnsAtItsBoundWhileTheEndpointHangs) {
  HttpServer server;
  server.reply_always({.ending = ScriptedReply::Ending::hang});
  TelemetrySettings settings;
  settings.otlp_endpoint = server.url();
  settings.shutdown_timeout = 200ms;
  const auto provider = provider_of(settings);
  record_run(*provider);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(provider->flush(200ms));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(Pipeline, ARefusedEndpointIsTriedWithinTheBoundThenCountedInOneLine) {
  TelemetrySettings settings;
  settings.otlp_endpoint = "http://127.0.0.1:" + std::to_string(test::unused_port());
  const auto provider = provider_of(settings);
  record_run(*provider);
  const auto begin = std::chrono::steady_clock::now();
  (void)provider->shutdown(900ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_THAT(drop_warnings(provider->stats()),
              ElementsAre(::testing::AllOf(HasSubstr("otlp_http dropped 3 of 3 spans"), HasSubstr("127.0.0.1"))));
}

TEST(Pipeline, AnOverloadedEndpointGetsTheSpansBeforeTheExit) {
  HttpServer server;
  server.script({.status = 503, .headers = {{"Retry-After", "0"}}});
  server.script({.status = 503, .headers = {{"Retry-After", "1"}}});
  TelemetrySettings settings;
  settings.otlp_endpoint = server.url();
  const auto provider = provider_of(settings);
  record_run(*provider);
  EXPECT_TRUE(provider->shutdown(10s));
  EXPECT_THAT(server.requests(), SizeIs(3));
  EXPECT_EQ(provider->stats().exporters.at(0).exported, 3u);
}

TEST(Pipeline, ADeadEndpointDoesNotHoldUpTheConsole) {
  HttpServer server;
  server.reply_always({.ending = ScriptedReply::Ending::hang});
  std::string printed;
  TelemetrySettings settings;
  settings.console = ConsoleMode::spans;
  settings.console_sink = [&](std::string_view text) { printed += text; };
  settings.otlp_endpoint = server.url();
  const auto provider = provider_of(settings);
  record_run(*provider);
  (void)provider->shutdown(200ms);
  EXPECT_THAT(printed, HasSubstr("[SPAN] run\n"));
}

TEST(Pipeline, TheConsoleCountsFromTheStartOfTheRootThoughItEndsLast) {
  std::string printed;
  TelemetrySettings settings;
  settings.console = ConsoleMode::spans;
  settings.console_sink = [&](std::string_view text) { printed += text; };
  const auto provider = provider_of(settings);
  {
    const Tracer tracer = provider->tracer({.name = "test", .version = "", .schema_url = "", .attributes = {}});
    Span root = tracer.start_span("root", {.start_unix_nanos = 1'700'000'000'000'000'000});
    Span child = tracer.start_span("child", {.parent = root.context(), .start_unix_nanos = 1'700'000'000'250'000'000});
    child.end(1'700'000'000'300'000'000);
    root.end(1'700'000'001'000'000'000);
  }
  EXPECT_TRUE(provider->shutdown(10s));
  const auto child = printed.find("[SPAN] child");
  const auto root = printed.find("[SPAN] root");
  ASSERT_LT(child, root);
  EXPECT_THAT(printed.substr(child, root - child), HasSubstr("  start_ms    : 250\n  duration_ms : 50\n"));
  EXPECT_THAT(printed.substr(root), HasSubstr("  start_ms    : 0\n  duration_ms : 1000\n"));
}

#if !defined(__SANITIZE_ADDRESS__)  // see tests/telemetry/fork_test.cpp
TEST(Pipeline, AChildProcessThatForkedFromARunSendsItsOwnSpans) {
  HttpServer server;
  TelemetrySettings settings;
  settings.otlp_endpoint = server.url();
  const auto provider = provider_of(settings);
  record_run(*provider);
  EXPECT_TRUE(provider->flush(10s));
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    record_run(*provider);
    ::_exit(provider->flush(10s) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  record_run(*provider);
  EXPECT_TRUE(provider->shutdown(10s));
  EXPECT_THAT(names_at(server), SizeIs(9));
}
#endif

class PipelineFiles : public ::testing::Test {
 protected:
  PipelineFiles() {
    std::string pattern = ::testing::TempDir() + "pipeline-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~PipelineFiles() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

TEST_F(PipelineFiles, ARunIsInTheSpoolAndInTheFileAlike) {
  TelemetrySettings settings;
  settings.file = directory_ + "/spans.jsonl";
  settings.spool_directory = directory_ + "/spool";
  const auto provider = provider_of(settings);
  record_run(*provider);
  EXPECT_TRUE(provider->flush(10s));
  record_run(*provider);
  EXPECT_TRUE(provider->shutdown(10s));

  std::ifstream file(settings.file);
  std::multiset<std::string> in_file;
  for (std::string line; std::getline(file, line);) {
    const auto decoded = otlp::decode_traces_json(line);
    ASSERT_TRUE(decoded) << decoded.error().text();
    in_file.merge(names_in(decoded->value));
  }
  EXPECT_THAT(in_file, UnorderedElementsAre("run", "first", "second", "run", "first", "second"));

  auto reader = spool::Reader::open(settings.spool_directory, "store");
  ASSERT_TRUE(reader);
  std::multiset<std::string> in_spool;
  for (auto request = reader->next(); request && *request; request = reader->next()) {
    in_spool.merge(names_in((*request)->payload));
  }
  EXPECT_EQ(in_spool, in_file);
  EXPECT_EQ(std::filesystem::status(settings.file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(PipelineFiles, ADirectoryThatCannotBeWrittenCostsOneLineAndNoRun) {
  std::ofstream(directory_ + "/blocked") << "a file where a directory should be";
  TelemetrySettings settings;
  settings.spool_directory = directory_ + "/blocked/spool";
  const auto provider = provider_of(settings);
  record_run(*provider);
  EXPECT_TRUE(provider->shutdown(10s));
  EXPECT_THAT(drop_warnings(provider->stats()), ElementsAre(HasSubstr("spool dropped 3 of 3 spans")));
}

TEST_F(PipelineFiles, AFileThatCannotBeOpenedIsAnErrorThatNamesIt) {
  TelemetrySettings settings;
  settings.file = directory_ + "/no/such/directory/spans.jsonl";
  auto configuration = configure(settings, Environment());
  ASSERT_TRUE(configuration);
  const auto provider = make_provider(std::move(*configuration));
  ASSERT_FALSE(provider);
  EXPECT_THAT(provider.error().message, HasSubstr(settings.file));
}

TEST(OtlpFile, AShortWriteDropsItsBatchAndLeavesWholeLines) {
  test::FaultyFiles files;
  const auto exporter = std::move(*make_otlp_file_exporter("/spans.jsonl", files));
  const auto write = [&](const char* name) {
    const test::BatchBuilder builder = std::move(test::BatchBuilder().add(test::make_span(name, 1)));
    return exporter->export_batch(builder.batch(), std::chrono::steady_clock::time_point::max());
  };
  EXPECT_EQ(write("a").exported, 1u);
  files.leave_behind(20);
  files.fail_after(test::FileOperation::append, 1);
  const auto outcome = write("b");
  EXPECT_EQ(outcome.dropped, 1u);
  EXPECT_THAT(outcome.error, HasSubstr("made to fail"));
  EXPECT_EQ(write("c").exported, 1u);
  std::istringstream lines(files.content("/spans.jsonl"));
  std::multiset<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const auto decoded = otlp::decode_traces_json(line);
    ASSERT_TRUE(decoded);
    names.merge(names_in(decoded->value));
  }
  EXPECT_THAT(names, UnorderedElementsAre("a", "c"));
}

}  // namespace
}  // namespace meshflow::telemetry
