// The listeners of the backend together: before the store is there, with it, and at the end.
#include "server/trace_server.hpp"

#include "net/http_client.hpp"
#include "otlp/encode.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::server::test {
namespace {

using store::test::make_span;
using store::test::request_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TraceServerTest : public store::test::StoreTest {
 protected:
  void start() {
    TraceServerOptions options;
    options.otlp_http = options.jaeger = options.tempo = options.metrics = net::ListenAddress{};
    options.control_socket = folder_.path() + "/socket";
    auto server = TraceServer::start(std::move(options));
    ASSERT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
  }

  net::HttpResponse send(const std::string& listener, const std::string& path, const std::string& body = {}) {
    std::string url;
    for (const ServerListener& each : server_->listeners()) {
      if (each.name == listener) url = "http://" + each.address.text() + path;
    }
    net::HttpRequest request;
    request.url = url;
    request.method = body.empty() ? "GET" : "POST";
    request.body = body;
    if (!body.empty()) request.headers = {{"content-type", "application/x-protobuf"}};
    auto response = client_.send(request);
    EXPECT_TRUE(response) << response.error().message;
    return response ? std::move(*response) : net::HttpResponse{};
  }

  std::unique_ptr<TraceServer> server_;
  net::HttpClient client_;
};

TEST_F(TraceServerTest, BeforeTheStoreIsThereItAsksToComeAgain) {
  start();
  for (const char* listener : {"otlp-http", "jaeger", "tempo", "metrics"}) {
    const auto ready = send(listener, "/ready");
    EXPECT_EQ(ready.status, 503) << listener;
    EXPECT_THAT(ready.body, HasSubstr("the store is being opened")) << listener;
  }
  const auto refused = send("otlp-http", "/v1/traces", otlp::encode(request_of({make_span(1, 1)})));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_EQ(send("jaeger", "/api/services").status, 503);
  const auto commands = ControlClient(folder_.path() + "/socket").check_ready();
  ASSERT_FALSE(commands);
  EXPECT_EQ(commands.error().code, ErrorCode::unavailable);
}

TEST_F(TraceServerTest, WithTheStoreItServes) {
  start();
  open();
  server_->attach(*store_);
  EXPECT_EQ(send("jaeger", "/ready").status, 200);
  EXPECT_EQ(send("otlp-http", "/v1/traces", otlp::encode(request_of({make_span(1, 1)}))).status, 200);
  ASSERT_TRUE(store_->wait_until_visible(std::chrono::seconds(30)));
  ControlClient commands(folder_.path() + "/socket");
  ASSERT_TRUE(commands.check_ready());
  const auto rows = commands.newest(10);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->size(), 1U);
  const auto status = commands.status();
  ASSERT_TRUE(status);
  std::vector<std::string> names;
  for (const ServerListener& each : status->listeners) names.push_back(each.name);
  EXPECT_THAT(names, ElementsAre("otlp-http", "jaeger", "tempo", "metrics"));
  const auto none = commands.trace("feed");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
  EXPECT_EQ(none.error().hint, "meshflow traces lists the newest");
  server_.reset();
}

TEST_F(TraceServerTest, AnAddressThatIsTakenIsAnErrorWithItsListener) {
  start();
  TraceServerOptions options;
  options.tempo = server_->listeners().front().address;
  const auto second = TraceServer::start(std::move(options));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("tempo cannot listen on"));
}

}  // namespace
}  // namespace meshflow::server::test
