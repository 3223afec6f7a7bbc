// The web UI's API over a store, asked over HTTP, with runs whose figures are easy to work out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/query_api_fixture.hpp"
#include "server/ui_api.hpp"

namespace meshflow::server::test {

namespace json = boost::json;

inline otlp::KeyValue attribute(std::string key, otlp::AnyValue::Variant value) {
  return {std::move(key), {std::move(value)}};
}

class UiApiFixture : public QueryApiTest {
 protected:
  void SetUp() override {
    QueryApiTest::SetUp();
    start({});
  }
  void start(UiApiOptions options) {
    server_.reset();
    ui_ = std::make_unique<UiApi>(*service_, std::move(options));
    router_ = std::make_unique<net::HttpRouter>();
    ui_->add_routes(*router_);
    server_ = listen("ui", *router_, render_jaeger_error);
  }
  net::HttpResponse post(const std::string& path, const std::string& body,
                         net::HttpHeaders headers = {{"content-type", "application/json"}}) {
    return send(*server_, "/api/meshflow/" + path, std::move(headers), body, "POST");
  }
  net::HttpResponse get(const std::string& path, net::HttpHeaders headers = {}) {
    return send(*server_, "/api/meshflow/" + path, std::move(headers));
  }
  json::value ask(const std::string& path) {
    const auto response = get(path);
    EXPECT_EQ(response.status, 200) << path << ": " << response.body;
    return json::parse(response.body);
  }
  static std::string text(const json::value& value) { return json::serialize(value); }
  // A run that starts so many seconds after kStart: its root, and an agent in it.
  static std::vector<otlp::Span> run(std::uint64_t number, std::uint64_t second, double cost, std::int64_t tokens,
                                     const std::string& verdict = "allowed") {
    otlp::Span root = make_span(number, number * 10, "meshflow.run");
    root.start_time_unix_nano = kStart + second * 1'000'000'000;
    root.end_time_unix_nano = root.start_time_unix_nano + 2'000'000'000;
    root.status.code = otlp::StatusCode::ok;
    root.attributes = {attribute("meshflow.run_id", "run_" + std::to_string(number)),
                       attribute("meshflow.workflow.name", "answer"),
                       attribute("meshflow.workflow.version", "v" + std::to_string(number)),
                       attribute("meshflow.status", "completed"),
                       attribute("meshflow.cost_usd", cost),
                       attribute("meshflow.tokens", tokens),
                       attribute("meshflow.tokens.input", tokens - 1),
                       attribute("meshflow.tokens.output", std::int64_t{1}),
                       attribute("meshflow.tokens.cached", std::int64_t{0}),
                       attribute("meshflow.carbon_g", 0.25)};
    otlp::Span agent = make_span(number, number * 10 + 1, "meshflow.agent");
    agent.parent_span_id = root.span_id;
    agent.start_time_unix_nano = root.start_time_unix_nano + 500'000'000;
    agent.end_time_unix_nano = root.end_time_unix_nano;
    agent.attributes = {attribute("meshflow.run_id", "run_" + std::to_string(number)),
                        attribute("meshflow.node_id", "research"), attribute("meshflow.role", "researcher"),
                        attribute("meshflow.verdict", verdict), attribute("meshflow.cost_usd", cost)};
    if (verdict == "blocked") {
      agent.status.code = otlp::StatusCode::error;
      agent.attributes.push_back(attribute("meshflow.rule_id", "uncertainty_max"));
    }
    return {root, agent};
  }

  std::unique_ptr<UiApi> ui_;
  std::unique_ptr<net::HttpRouter> router_;
  std::unique_ptr<net::HttpServer> server_;
};
}  // namespace meshflow::server::test
