// The server as a process: what it prints, keeps and refuses.
#include "cli/server_fixture.hpp"

#include <sys/stat.h>

namespace meshflow::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

TEST_F(Served, ItSaysWhereItListensAndThenThatItIsReady) {
  serve();
  EXPECT_THAT(server_->out(), MatchesRegex("listening otlp-http 127\\.0\\.0\\.1:[0-9]+\n"
                                           "listening otlp-grpc 127\\.0\\.0\\.1:[0-9]+\n"
                                           "listening jaeger 127\\.0\\.0\\.1:[0-9]+\n"
                                           "listening tempo 127\\.0\\.0\\.1:[0-9]+\n"
                                           "listening metrics 127\\.0\\.0\\.1:[0-9]+\n"
                                           "ready\n"));
  for (const char* listener : {"otlp-http", "jaeger", "tempo", "metrics"}) {
    const auto ready = get(listener, "/ready");
    ASSERT_TRUE(ready) << listener;
    EXPECT_EQ(ready->status, 200) << listener;
  }
  EXPECT_EQ(stop().exit_code, 0);
}

TEST_F(Served, CtrlCEndsItCleanlyToo) {
  serve();
  const auto done = stop(SIGINT);
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_EQ(done.err, "stopping\n");
  EXPECT_FALSE(std::filesystem::exists(data() + "/serve.sock"));
}

TEST_F(Served, AListenerThatIsOffIsNotListed) {
  serve({"--tempo", "off", "--otlp-grpc", "off", "--metrics", "off"});
  EXPECT_THAT(server_->out(), MatchesRegex("listening otlp-http [^\n]*\nlistening jaeger [^\n]*\nready\n"));
}

TEST_F(Served, ASpanThatWasSentIsThereForEachApi) {
  serve();
  const auto sent = post_traces(one_span(7));
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->status, 200);
  const std::string id = "abcd0000000000000000000000000007";
  ASSERT_TRUE(is_seen(id));
  EXPECT_THAT(get("jaeger", "/api/services")->body, HasSubstr("\"shop\""));
  EXPECT_THAT(get("jaeger", "/api/traces/" + id)->body, HasSubstr("\"operationName\":\"work\""));
  EXPECT_EQ(get("tempo", "/api/traces/" + id)->status, 200);
  EXPECT_THAT(meshflow({"traces"}).out, HasSubstr(id));
  EXPECT_THAT(meshflow({"traces", "show", id}).out, HasSubstr("work"));
}

TEST_F(Served, WhatWasAcknowledgedIsThereAfterAKill) {
  serve();
  for (std::uint8_t number = 1; number <= 20; ++number) EXPECT_EQ(post_traces(one_span(number))->status, 200);
  EXPECT_EQ(stop(SIGKILL).exit_code, 128 + SIGKILL);
  serve();  // the lock and the socket of the dead one are no hindrance
  const auto rows = meshflow({"traces", "--json", "--limit", "100"});
  EXPECT_EQ(rows.exit_code, 0);
  EXPECT_EQ(std::count(rows.out.begin(), rows.out.end(), '\n'), 20);
  EXPECT_EQ(stop().exit_code, 0);
  // The same answer without a server.
  EXPECT_EQ(meshflow({"traces", "--json", "--limit", "100"}).out, rows.out);
}

TEST_F(Served, ASecondServerIsRefusedWithThePidOfTheFirst) {
  serve();
  const auto second = meshflow({"serve"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.out, IsEmpty());
  EXPECT_THAT(second.err, HasSubstr(fmt::format("process {} ", server_->pid())));
}

TEST_F(Served, TheSocketForCommandsIsForItsOwnerAlone) {
  serve();
  struct stat facts{};
  ASSERT_EQ(::stat((data() + "/serve.sock").c_str(), &facts), 0);
  EXPECT_TRUE(S_ISSOCK(facts.st_mode));
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(Served, ADeepDataDirectoryHasASocketAllTheSame) {
  const std::string deep = folder_ + "/" + std::string(120, 'd');
  serve({"--data", deep});
  EXPECT_EQ(post_traces(one_span(1))->status, 200);
  ASSERT_TRUE(is_seen("abcd0000000000000000000000000001"));
  EXPECT_THAT(meshflow({"--data", deep, "traces"}).out, HasSubstr("abcd"));
}

TEST_F(Served, ARunIsSeenWhileTheServerRuns) {
  serve();
  const auto run = meshflow({"run", "two.yaml", "-q"});
  ASSERT_EQ(run.exit_code, 0);
  const std::string id = value_of("trace_id", run.out);
  EXPECT_TRUE(is_seen(id));
  EXPECT_THAT(meshflow({"traces", "show", value_of("run_id", run.out)}).out, HasSubstr("meshflow.run two"));
}

TEST_F(Served, ItTellsOfItselfInPrometheusText) {
  serve();
  ASSERT_EQ(post_traces(one_span(1))->status, 200);
  const auto run = meshflow({"run", "two.yaml", "-q"});
  const std::string cost = fmt::format("meshflow_run_cost_usd{{run_id=\"{}\",workflow=\"two\"}} {}",
                                       value_of("run_id", run.out), value_of("cost_usd", run.out));
  std::string text;
  EXPECT_TRUE(eventually([&] {
    text = get("metrics", "/metrics")->body;
    return text.find(cost) != std::string::npos;
  })) << text;
  EXPECT_THAT(text, HasSubstr("meshflow_receiver_acknowledged_requests_total{transport=\"http\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("meshflow_store_ingest_lag_seconds "));
  EXPECT_THAT(text, HasSubstr("# TYPE meshflow_store_log_bytes gauge\n"));
  EXPECT_EQ(get("jaeger", "/api/services")->status, 200);
  EXPECT_THAT(get("metrics", "/metrics")->body, HasSubstr("meshflow_query_duration_seconds_count{query=\"jaeger."));
}

TEST_F(Served, WithATokenOnlyWhoHasItIsAnswered) {
  write("token", "0123456789abcdef0123\n");
  serve({"--auth-token-file", "token"});
  EXPECT_EQ(get("jaeger", "/api/services")->status, 401);
  EXPECT_EQ(get("jaeger", "/api/services", {{"authorization", "Bearer 0123456789abcdef0123"}})->status, 200);
  EXPECT_EQ(post_traces(one_span(1))->status, 401);
  EXPECT_EQ(meshflow({"traces"}).exit_code, 0);  // commands have the socket
}

TEST_F(Served, WithoutAnIdeaOfTheHostNobodyIsAnswered) {
  serve({"--allowed-host", "traces.example"});
  EXPECT_EQ(get("jaeger", "/api/services", {{"host", "evil.example"}})->status, 421);
  EXPECT_EQ(get("jaeger", "/api/services", {{"host", "traces.example"}})->status, 200);
}

TEST_F(Served, WrongFlagsAreRefusedWithWhatWouldBeRight) {
  write("short", "abc\n");
  const struct {
    std::vector<std::string> arguments;
    int exit_code;
    std::string says;
  } cases[] = {
      {{"--retention", "14y"},
       2,
       "error: --retention: \"14y\" cannot be read (a whole number and s, m, h, d or w: 14d)\n"},
      {{"--durability", "maybe"}, 2, "error: --durability: \"maybe\" is no durability (sync or async)\n"},
      {{"--ui-base", "meshflow\"><script>"},
       2,
       "error: --ui-base: \"meshflow\"><script>/\" is no path (/meshflow/, say)\n"},
      {{"--ui-frame", "everybody"},
       2,
       "error: --ui-frame: \"everybody\" is no origin (self, none, or https://grafana.example)\n"},
      {{"--memory", "1MiB"}, 2, "error: --memory: 1MiB is too little (at least 384.0 MiB)\n"},
      {{"--auth-token-file", "none"}, 2, "error: --auth-token-file: cannot open none: No such file or directory\n"},
      {{"--auth-token-file", "short"},
       2,
       "error: --auth-token-file: short holds no token that can be used (one line of at least 16 visible ASCII "
       "characters; openssl rand -hex 32 makes one)\n"},
      {{"--tls-key", "key.pem"}, 2, "error: --tls-key: a key without a certificate (tls-cert names the certificate)\n"},
  };
  for (const auto& one : cases) {
    std::vector<std::string> arguments{"serve"};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    const auto done = meshflow(arguments);
    EXPECT_EQ(done.exit_code, one.exit_code) << done.err;
    EXPECT_EQ(done.err, one.says);
    EXPECT_THAT(done.out, IsEmpty());
  }
  EXPECT_FALSE(std::filesystem::exists(data()));
}

TEST_F(Served, AnAddressThatOthersReachNeedsAToken) {
  const auto done = meshflow({"serve", "--otlp-http", "0.0.0.0:0"});
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_THAT(done.err, HasSubstr("--auth-token-file"));
}

TEST_F(Served, AConfigurationFileHasTheSameNames) {
  write("serve.yaml",
        "otlp-http: 127.0.0.1:0\notlp-grpc: off\njaeger: 127.0.0.1:0\ntempo: 127.0.0.1:0\n"
        "retention: 14d\ncors-origin: [https://grafana.example]\n");
  server_ = std::make_unique<Program>(with({"serve", "--config", "serve.yaml", "--tempo", "off", "--metrics", "off"}));
  ASSERT_TRUE(server_->wait_for("ready\n"));
  EXPECT_THAT(server_->out(), MatchesRegex("listening otlp-http [^\n]*\nlistening jaeger [^\n]*\nready\n"));
  const auto allowed = get("jaeger", "/api/services", {{"origin", "https://grafana.example"}});
  EXPECT_EQ(allowed->header("access-control-allow-origin"), "https://grafana.example");
}

TEST_F(Served, AConfigurationErrorNamesItsPlace) {
  const struct {
    std::string text;
    std::string says;
  } cases[] = {
      {"otlp-http: off\nretenton: 14d\n", "serve.yaml:2:1: error: "},
      {"retention: soon\n", "serve.yaml:1:12: error: retention: \"soon\" cannot be read"},
      {"jaeger: [a]\n", "serve.yaml:1:9: error: jaeger: "},
      {"jaeger: nowhere\n", "serve.yaml:1:9: error: jaeger: "},
      {"insecure-public: perhaps\n", "serve.yaml:1:18: error: insecure-public"},
      {"jaeger: {\n", "serve.yaml:"},
  };
  for (const auto& one : cases) {
    write("serve.yaml", one.text);
    const auto done = meshflow({"serve", "--config", "serve.yaml"});
    EXPECT_EQ(done.exit_code, 2) << one.text;
    EXPECT_THAT(done.err, StartsWith(one.says));
  }
}

}  // namespace
}  // namespace meshflow::test
