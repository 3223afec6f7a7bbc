// The report over HTTP, as the web UI asks for it.
#include "server/report_api.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/api_error.hpp"
#include "server/query_api_fixture.hpp"

namespace meshflow::server::test {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

class ReportApi : public QueryApiTest {
 protected:
  void SetUp() override {
    QueryApiTest::SetUp();
    add_report_routes(*service_, router_);
    server_ = listen("report", router_, render_api_error);
    otlp::Span run = make_span(1, 1, "meshflow.run");
    run.attributes = {{"meshflow.workflow.name", {"demo"}}, {"meshflow.cost_usd", {0.02}}};
    otlp::Span agent = make_span(1, 2, "meshflow.agent");
    agent.attributes = {{"meshflow.role", {"critic"}}};
    keep(request_of({run, agent}));
  }
  net::HttpResponse ask(const std::string& query) { return send(*server_, "/api/meshflow/report" + query); }
  static std::string around_the_spans() { return fmt::format("?from={}&to={}", kStart - 1'000'000'000, kNow); }
  static std::string error_of(const net::HttpResponse& response) {
    return json::serialize(json::parse(response.body).at("error"));
  }

  net::HttpRouter router_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(ReportApi, AnswersTheQuestions) {
  const auto response = ask(around_the_spans());
  ASSERT_EQ(response.status, 200) << response.body;
  const json::value body = json::parse(response.body);
  const json::object& role = body.at("latency_by_role").at(0).as_object();
  EXPECT_EQ(role.at("role"), "critic");
  EXPECT_EQ(role.at("now").at("p95_ns"), 5'000'000);  // the only one there is
  EXPECT_EQ(body.at("cost").at("total_nano_usd"), 20'000'000);
  EXPECT_EQ(body.at("cost").at("over_limit"), 1);  // a cent, where no limit is given
}

TEST_F(ReportApi, GroupsAndTheLimitAreTheRequests) {
  const json::value grouped = json::parse(ask(around_the_spans() + "&by=workflow").body);
  EXPECT_EQ(grouped.at("groups").at(0).at("group"), "demo");
  EXPECT_EQ(grouped.at("groups").at(0).at("now").at("cost_nano_usd"), 20'000'000);
  const json::value dearer = json::parse(ask(around_the_spans() + "&limit=20000000").body);
  EXPECT_EQ(dearer.at("cost").at("over_limit"), 0);
}

TEST_F(ReportApi, WhatIsWrongInARequestIsNamed) {
  const struct {
    std::string query;
    const char* says;
  } wrong[] = {
      {"?to=5", "the parameter from is missing"},
      {"?from=1&to=now", "to: \\\"now\\\" is no whole number"},
      {"?from=-1&to=5", "from: \\\"-1\\\" is no whole number"},
      {"?from=5&to=5", "to must be later than from"},
      {"?from=1&to=5&by=day", "by: there is no group \\\"day\\\""},
  };
  for (const auto& each : wrong) {
    const auto response = ask(each.query);
    EXPECT_EQ(response.status, 400) << each.query;
    EXPECT_THAT(error_of(response), HasSubstr(each.says)) << each.query;
  }
}

}  // namespace
}  // namespace meshflow::server::test
