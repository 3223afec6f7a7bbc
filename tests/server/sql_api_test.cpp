// SQL over HTTP: what is answered, to whom, and what is said of what is wrong.
#include "server/sql_api.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/control_api.hpp"
#include "server/query_api_fixture.hpp"

namespace meshflow::server::test {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

class SqlApi : public QueryApiTest {
 protected:
  void SetUp() override {
    QueryApiTest::SetUp();
    one_at_a_time_ = std::make_unique<QueryService>(*store_, one_worker_);
    add_sql_routes(*one_at_a_time_, {}, router_);
    server_ = listen("sql", router_, render_jaeger_error);
    const auto is_signed_in = [](const net::HttpServerRequest& request) { return request.header("cookie") == "s=1"; };
    add_sql_routes(*service_, {.may_ask = is_signed_in}, closed_router_);
    closed_ = listen("closed", closed_router_, render_jaeger_error);
    otlp::Span span = make_span(1, 1, "meshflow.agent");
    span.attributes = {{"meshflow.role", {"planner"}}, {"meshflow.tokens", {std::int64_t{9'007'199'254'740'993}}}};
    keep(request_of({span, make_span(1, 2)}));
  }
  net::HttpResponse post(const std::string& body, net::HttpHeaders headers = {{"content-type", "application/json"}}) {
    return send(*server_, "/api/meshflow/sql", std::move(headers), body, "POST");
  }
  net::HttpResponse ask(const std::string& sql) { return post(json::serialize(json::object{{"sql", sql}})); }
  // The members of {"error": {…}}, as JSON.
  static std::string error_of(const net::HttpResponse& response) {
    return json::serialize(json::parse(response.body).at("error"));
  }

  std::unique_ptr<QueryService> one_at_a_time_;
  net::WorkerPool one_worker_{1, 10};
  net::HttpRouter router_;
  net::HttpRouter closed_router_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpServer> closed_;
};

TEST_F(SqlApi, RowsComeWithTheirColumns) {
  const auto response = ask("SELECT name, role, tokens, duration_ms FROM spans ORDER BY start_ns");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.header("content-type"), "application/json");
  const json::value body = json::parse(response.body);
  EXPECT_EQ(json::serialize(body.at("columns")),
            R"([{"name":"name","type":"VARCHAR"},{"name":"role","type":"VARCHAR"},)"
            R"({"name":"tokens","type":"BIGINT"},{"name":"duration_ms","type":"DOUBLE"}])");
  // What a double cannot hold is a text.
  EXPECT_EQ(json::serialize(body.at("rows")),
            R"([["meshflow.agent","planner","9007199254740993",5],["work",null,null,5]])");
  EXPECT_FALSE(body.at("truncated").as_bool());
  EXPECT_GT(body.at("elapsed_ms").to_number<double>(), 0);
}

TEST_F(SqlApi, AQuestionMayStandInTheAddress) {
  const auto response = send(*server_, "/api/meshflow/sql?sql=SELECT%20range%20FROM%20range(5)&limit=2");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_THAT(response.body, HasSubstr(R"("rows":[[0],[1]],"truncated":true)"));
}

TEST_F(SqlApi, WhatIsWrongIsSaidWithItsPlace) {
  const auto unknown = ask("SELECT *\nFROM spams");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(error_of(unknown), R"({"code":"invalid_input","message":"there is no view \"spams\"","line":2,"column":6,)"
                               R"("hint":"did you mean \"spans\"?"})");
  EXPECT_EQ(ask("FROM '/etc/passwd'").status, 400);
  EXPECT_EQ(ask("DROP TABLE spans_1").status, 400);
  const auto long_text = ask("SELECT '" + std::string(70'000, 'x') + "'");
  EXPECT_EQ(long_text.status, 422);
  EXPECT_THAT(error_of(long_text), HasSubstr(R"("limit":"text_bytes_max")"));
  EXPECT_EQ(post("{").status, 400);
  EXPECT_EQ(post(R"({"sql": 5})").status, 400);
  EXPECT_EQ(post(R"({"sql": "SELECT 1", "limit": -1})").status, 400);
  EXPECT_EQ(post(R"({"sql": "SELECT 1", "limit": 1e9})").status, 400);
  EXPECT_EQ(post(R"({"sql": "SELECT 1", "limit": "x"})").status, 400);
  EXPECT_EQ(send(*server_, "/api/meshflow/sql").status, 400);
  EXPECT_EQ(send(*server_, "/api/meshflow/sql?sql=SELECT%201&limit=0").status, 400);
  const auto nowhere = send(*server_, "/api/meshflow/nothing");
  EXPECT_EQ(nowhere.status, 404);
  EXPECT_THAT(error_of(nowhere), HasSubstr(R"("code":"not_found")"));
}

TEST_F(SqlApi, PagesOfOtherOriginsMayNotAsk) {
  const std::string body = R"({"sql":"SELECT 1"})";
  EXPECT_EQ(post(body).status, 200);
  EXPECT_EQ(post(body, {{"content-type", "text/plain"}}).status, 415);
  EXPECT_EQ(post(body, {}).status, 415);
  EXPECT_EQ(post(body, {{"content-type", "application/json"}, {"origin", "https://elsewhere.example"}}).status, 403);
  EXPECT_EQ(post(body, {{"content-type", "application/json"}, {"origin", "null"}}).status, 403);
  EXPECT_EQ(post(body, {{"content-type", "application/json"}, {"sec-fetch-site", "cross-site"}}).status, 403);
  EXPECT_EQ(post(body, {{"content-type", "application/json"},
                        {"sec-fetch-site", "same-origin"},
                        {"origin", "http://" + server_->address().text()}})
                .status,
            200);
  const auto by_address = send(*server_, "/api/meshflow/sql?sql=SELECT%201", {{"sec-fetch-site", "cross-site"}});
  EXPECT_EQ(by_address.status, 403);
  EXPECT_EQ(send(*server_, "/api/meshflow/sql?sql=SELECT%201", {{"host", "elsewhere.example"}}).status, 421);
}

TEST_F(SqlApi, AListenerForAllWithoutATokenAnswersSqlToThoseWhoSignedIn) {
  EXPECT_EQ(send(*closed_, "/api/meshflow/sql?sql=SELECT%201", {{"cookie", "s=1"}}).status, 200);
  const auto response = send(*closed_, "/api/meshflow/sql?sql=SELECT%201");
  EXPECT_EQ(response.status, 403);
  EXPECT_THAT(error_of(response), HasSubstr("permission_denied"));
}

TEST_F(SqlApi, AQueryEndsWhenItsClientGoes) {
  const auto begin = std::chrono::steady_clock::now();
  {
    net::HttpRequest request;
    const std::string url = "http://" + server_->address().text() +
                            "/api/meshflow/sql?sql=SELECT%20count(*)%20FROM%20"
                            "range(1000000000000)";
    request.url = url;
    request.method = "GET";
    request.total_timeout = std::chrono::milliseconds(200);
    EXPECT_FALSE(client_.send(request));
  }
  // A pool of one thread is free again long before the query's own time, 30 s, is up.
  EXPECT_EQ(ask("SELECT 1").status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(25));
}

TEST_F(SqlApi, ACommandSeesTheSameThroughTheServer) {
  net::HttpRouter control;
  add_sql_control_routes(*service_, control);
  const auto server = listen("control", control, render_control_error);
  const auto response =
      send(*server, "/sql", {},
           R"({"sql":"SELECT name, NULL AS n, '' AS e, true AS b, 0.5 AS r, 12 AS i FROM spans LIMIT 1"})", "POST");
  ASSERT_EQ(response.status, 200) << response.body;
  const auto read = sql_rows_from(response.body);
  ASSERT_TRUE(read) << read.error().text();
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const auto direct = query::sql::run(
      *snapshot, "SELECT name, NULL AS n, '' AS e, true AS b, 0.5 AS r, 12 AS i FROM spans LIMIT 1", {});
  ASSERT_TRUE(direct);
  EXPECT_EQ(read->rows.rows, direct->rows.rows);
  EXPECT_EQ(read->rows.columns, direct->rows.columns);
}

}  // namespace
}  // namespace meshflow::server::test
