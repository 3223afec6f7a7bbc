// The web UI's routes and headers, with files made up here: the real ones are the build's.
#include "server/ui_pages.hpp"

#include <gmock/gmock.h>

#include "net/content_encoding.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "server/jaeger_api.hpp"

namespace meshflow::server::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class UiPagesTest : public ::testing::Test {
 protected:
  void serve(UiOptions options) {
    options_ = std::move(options);
    add_ui_routes(options_, router_);
    net::HttpServerOptions http;
    http.name = "jaeger";
    http.render_error = render_ui_error(options_, render_jaeger_error);
    auto server = net::HttpServer::listen(threads_, std::move(http), net::handler_of(router_));
    ASSERT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
  }

  net::HttpResponse get(const std::string& path, net::HttpHeaders headers = {{"accept", "text/html,*/*"}},
                        const char* method = "GET") {
    const std::string url = "http://" + server_->address().text() + path;
    net::HttpRequest request;
    request.url = url;
    request.headers = std::move(headers);
    request.method = method;
    auto response = client_.send(request);
    if (!response) throw std::runtime_error(response.error().message);
    return std::move(*response);
  }

  const std::string script_ = *net::gzip_compress("export const a = 1;\n");
  const std::vector<UiFile> files_{
      {"assets/main-Ab12.js", "text/javascript; charset=utf-8", script_, true},
      {"index.html", "text/html; charset=utf-8", "<head><base href=\"/\"></head>", false},
  };
  UiOptions options_;
  net::HttpRouter router_;
  net::IoThreads threads_{1};
  std::unique_ptr<net::HttpServer> server_;
  net::HttpClient client_;
};

TEST_F(UiPagesTest, EachScreensAddressAnswersThePageUncached) {
  serve({.files = files_});
  for (const char* path : {"/", "/search?service=a", "/trace/4a01", "/trace/4a01...4a02", "/analytics", "/blocked",
                           "/alerts", "/differ", "/approvals", "/query?q=%7B%7D", "/sql", "/dependencies"}) {
    const auto page = get(path);
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_EQ(page.body, "<head><base href=\"/\"></head>") << path;
    EXPECT_EQ(page.header("cache-control"), "no-cache") << path;
    EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8") << path;
  }
}

TEST_F(UiPagesTest, NothingRunsOrLoadsButTheServersOwnFiles) {
  serve({.files = files_});
  for (const char* path : {"/", "/assets/main-Ab12.js"}) {
    const auto page = get(path);
    EXPECT_EQ(page.header("content-security-policy"),
              "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
              "base-uri 'self'; form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'; "
              "trusted-types 'none'")
        << path;
    EXPECT_EQ(page.header("x-content-type-options"), "nosniff") << path;
    EXPECT_EQ(page.header("referrer-policy"), "no-referrer") << path;
    EXPECT_EQ(page.header("cross-origin-opener-policy"), "same-origin") << path;
    EXPECT_EQ(page.header("cross-origin-resource-policy"), "same-origin") << path;
    EXPECT_EQ(page.header("access-control-allow-origin"), "") << path;
  }
}

TEST_F(UiPagesTest, FilesMayBeKeptForEverAndComeUncompressedToThoseWhoAskSo) {
  serve({.files = files_});
  const auto packed = get("/assets/main-Ab12.js");  // the client takes gzip, and undoes it
  EXPECT_EQ(packed.status, 200);
  EXPECT_EQ(packed.header("cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(packed.header("content-encoding"), "gzip");
  EXPECT_EQ(packed.body, "export const a = 1;\n");
  const auto plain = get("/assets/main-Ab12.js", {{"accept-encoding", "identity"}});
  EXPECT_EQ(plain.header("content-encoding"), "");
  EXPECT_EQ(plain.body, "export const a = 1;\n");
  EXPECT_EQ(plain.header("content-type"), "text/javascript; charset=utf-8");
}

TEST_F(UiPagesTest, AMistypedAddressIsThePageToABrowserAndJsonToAProgram) {
  serve({.files = files_});
  const auto page = get("/serach");
  EXPECT_EQ(page.status, 404);
  EXPECT_THAT(page.body, HasSubstr("<base"));
  for (const char* path : {"/api/nothing", "/api", "/tempo/api/nothing", "/tempo", "/assets/gone.js"}) {
    const auto json = get(path);
    EXPECT_EQ(json.status, 404) << path;
    EXPECT_EQ(json.header("content-type"), "application/json") << path;
    EXPECT_THAT(json.body, Not(HasSubstr("<base"))) << path;
  }
  EXPECT_EQ(get("/serach", {{"accept", "application/json"}}).header("content-type"), "application/json");
  EXPECT_EQ(get("/search", {{"accept", "text/html"}}, "DELETE").status, 405);
}

TEST_F(UiPagesTest, BehindAProxyTheBaseIsItsPath) {
  serve({.files = files_, .base_path = "/meshflow/", .frame_ancestors = "https://grafana.example"});
  const auto page = get("/trace/4a01");
  EXPECT_EQ(page.body, "<head><base href=\"/meshflow/\"></head>");
  EXPECT_THAT(std::string(page.header("content-security-policy")),
              HasSubstr("frame-ancestors https://grafana.example;"));
}

TEST_F(UiPagesTest, BuiltWithoutNodeThePageSaysWhatIsMissing) {
  serve({});
  const auto page = get("/search");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("built without its web UI"));
  EXPECT_THAT(page.body, HasSubstr("./dev build"));
}

}  // namespace
}  // namespace meshflow::server::test
