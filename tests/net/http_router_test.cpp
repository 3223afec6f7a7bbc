#include "net/http_router.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "net/raw_client.hpp"

namespace meshflow::net {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpRouterTest : public ::testing::Test {
 protected:
  HttpRouterTest() {
    for (const char* pattern : {"/", "/api/traces", "/api/traces/{id}", "/api/traces/newest", "/api/{kind}/all",
                                "/api/services/{name}/operations", "/static/{file...}", "/api/"}) {
      router_.add("GET", pattern, [pattern](HttpServerRequest request, const HttpResponder& responder) {
        std::string body = pattern;
        for (const auto& [name, value] : request.path_parameters) body += fmt::format(" {}={}", name, value);
        responder.send({.body = std::move(body)});
      });
    }
    router_.add("POST", "/api/traces", [](HttpServerRequest, const HttpResponder& responder) {
      responder.send({.status = 201, .body = "made"});
    });
    server_ = std::move(*HttpServer::listen(threads_, {.name = "test"}, handler_of(router_)));
  }

  std::string ask(std::string_view path, std::string_view method = "GET") {
    RawClient client(server_->address().port);
    client.send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n\r\n", method, path));
    return client.read_response();
  }
  std::string body_of(std::string_view path) {
    const std::string response = ask(path);
    return response.substr(response.find("\r\n\r\n") + 4);
  }

  IoThreads threads_{1};
  HttpRouter router_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpRouterTest, FindsTheClosestPattern) {
  EXPECT_EQ(body_of("/"), "/");
  EXPECT_EQ(body_of("/api/traces"), "/api/traces");
  EXPECT_EQ(body_of("/api/traces?a=/b"), "/api/traces");
  EXPECT_EQ(body_of("/api/traces/abc"), "/api/traces/{id} id=abc");
  EXPECT_EQ(body_of("/api/traces/newest"), "/api/traces/newest");
  EXPECT_EQ(body_of("/api/other/all"), "/api/{kind}/all kind=other");
  EXPECT_EQ(body_of("/%61pi/traces"), "/api/traces");
  EXPECT_EQ(body_of("/api/"), "/api/");
}

TEST_F(HttpRouterTest, DecodesParametersSegmentBySegment) {
  EXPECT_EQ(body_of("/api/services/a%2Fb%20c/operations"), "/api/services/{name}/operations name=a/b c");
  EXPECT_EQ(body_of("/static/css/a.css"), "/static/{file...} file=css/a.css");
  EXPECT_EQ(body_of("/static/"), "/static/{file...} file=");
}

TEST_F(HttpRouterTest, SaysThatThereIsNothing) {
  for (const char* path : {"/api", "/api/traces/", "/api/traces/a/b", "/static", "/api/services//operations"}) {
    EXPECT_THAT(ask(path), AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("{\"error\":"))) << path;
  }
}

TEST_F(HttpRouterTest, SaysWhichMethodsAPathTakes) {
  EXPECT_THAT(ask("/api/traces", "POST"), EndsWith("made"));
  EXPECT_THAT(ask("/api/traces", "DELETE"),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD, POST, OPTIONS\r\n")));
  EXPECT_THAT(ask("/api/traces", "OPTIONS"), AllOf(StartsWith("HTTP/1.1 204 "), HasSubstr("Allow: GET, HEAD, POST")));
}

}  // namespace
}  // namespace meshflow::net
