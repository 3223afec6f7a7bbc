// What a live view is told of runs of the data directory, and of programs that send the event.
#include "cli/server_fixture.hpp"
#include "server/log_requests.hpp"

namespace meshflow::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Live : public Served {
 protected:
  bool metric_becomes(const std::string& name, const std::string& value) {
    const std::string line = "\n" + name + " " + value + "\n";
    return eventually([&] { return get("metrics", "/metrics")->body.find(line) != std::string::npos; });
  }
};

TEST_F(Live, SpansOfARunThatWaitsAreOpenUntilItEnds) {
  serve();
  EXPECT_TRUE(std::filesystem::exists(data() + "/spool/watched"));
  ASSERT_EQ(meshflow({"run", "asks.yaml"}).exit_code, 4);
  // The run's and the waiting node's: whoever goes on with the run records them.
  EXPECT_TRUE(metric_becomes("meshflow_live_spans", "2"));
  ASSERT_EQ(meshflow({"approve", "last"}).exit_code, 0);
  EXPECT_TRUE(metric_becomes("meshflow_live_spans", "0"));
  EXPECT_EQ(stop().exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(data() + "/spool/watched"));
}

TEST_F(Live, AStreamTellsOfARunAsItGoesOn) {
  serve();
  const auto run = meshflow({"run", "asks.yaml"});
  ASSERT_EQ(run.exit_code, 4);
  const std::string trace_id = value_of("trace_id", run.out);
  ASSERT_TRUE(metric_becomes("meshflow_live_spans", "2"));
  // The outline names what has begun; the stream says so too, and then what ends.
  const std::string outline = get("jaeger", "/api/meshflow/traces/" + trace_id + "/outline")->body;
  EXPECT_THAT(outline,
              HasSubstr(R"("name":"meshflow.run","service":"meshflow","role":"","node":"","agent":"","kind":1)"));
  EXPECT_THAT(outline, HasSubstr(R"("name":"meshflow.node","service":"meshflow","role":"","node":"approval")"));
  std::string seen;
  {
    const std::string url = "http://" + address_of("jaeger") + "/api/meshflow/stream?topic=trace&trace_id=" + trace_id;
    net::HttpRequest request;
    request.url = url;
    request.method = "GET";
    request.total_timeout = std::chrono::seconds(30);
    bool is_decided = false;
    net::HttpClient client;
    request.is_enough = [&](const net::HttpResponse& so_far) {
      const bool is_first = so_far.body.find("event: spans") != std::string::npos;
      if (is_first && !std::exchange(is_decided, true)) {
        EXPECT_EQ(meshflow({"approve", "last"}).exit_code, 0);
      }
      return so_far.body.find(R"("status":"completed")") != std::string::npos &&
             so_far.body.rfind(R"("open":[])") != std::string::npos;
    };
    const auto response = client.send(request);
    ASSERT_TRUE(response) << response.error().message;
    seen = response->body;
  }
  EXPECT_THAT(seen, HasSubstr("event: spans\nid: "));
  EXPECT_THAT(seen, HasSubstr(R"("since":")")) << "what came later is told from what was there";
}

TEST_F(Live, WithoutAServerNothingIsAnnounced) {
  ASSERT_EQ(meshflow({"run", "asks.yaml"}).exit_code, 4);
  for (const auto& entry : std::filesystem::directory_iterator(data() + "/spool")) {
    if (!spool::is_file_name(entry.path().filename().string())) continue;
    const auto file = system_files().open_read(entry.path().string());
    spool::FileReader reader(**file, 0);
    spool::Damage damage;
    for (auto frame = reader.next(true, damage); frame && *frame; frame = reader.next(true, damage)) {
      EXPECT_EQ((*frame)->type, static_cast<std::uint32_t>(spool::FrameType::traces));
    }
  }
}

TEST_F(Live, OtherProgramsTellOfTheirSpansByOtlpLogs) {
  serve();
  const std::string url = "http://" + address_of("otlp-http") + "/v1/logs";
  const std::string body = otlp::encode(server::logs_of({"meshflow.span.start", "meshflow.span.start"}));
  net::HttpRequest request;
  request.url = url;
  request.body = body;
  request.headers = {{"content-type", "application/x-protobuf"}};
  ASSERT_EQ(client_.send(request)->status, 200);
  EXPECT_TRUE(metric_becomes("meshflow_live_spans", "2"));
  // One of them arrives.
  otlp::TracesData traces = one_span(1);
  otlp::Span& span = traces.resource_spans[0].scope_spans[0].spans[0];
  span.trace_id = {0xab, 0xcd};
  span.span_id = {1};
  ASSERT_EQ(post_traces(traces)->status, 200);
  EXPECT_TRUE(metric_becomes("meshflow_live_spans", "1"));
}

}  // namespace
}  // namespace meshflow::test
