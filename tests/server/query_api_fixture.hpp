// A real store behind the query APIs, asked over HTTP.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "server/jaeger_api.hpp"
#include "server/tempo_api.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::server::test {

using store::test::kStart;
using store::test::make_span;
using store::test::request_of;

class QueryApiTest : public store::test::StoreTest {
 protected:
  static constexpr std::int64_t kNow = static_cast<std::int64_t>(kStart) + 3'600'000'000'000;

  void SetUp() override {
    open();
    QueryServiceOptions options;
    options.clock = &clock_;
    service_ = std::make_unique<QueryService>(*store_, workers_, std::move(options));
    add_jaeger_routes(*service_, jaeger_router_);
    add_tempo_routes(*service_, tempo_router_);
    jaeger_ = listen("jaeger", jaeger_router_, render_jaeger_error);
    tempo_ = listen("tempo", tempo_router_, render_tempo_error);
  }

  std::unique_ptr<net::HttpServer> listen(const char* name, const net::HttpRouter& router,
                                          net::HttpErrorRenderer render_error) {
    net::HttpServerOptions options;
    options.name = name;
    options.render_error = std::move(render_error);
    auto server = net::HttpServer::listen(threads_, std::move(options), net::handler_of(router));
    if (!server) throw std::runtime_error(server.error().text());
    return std::move(*server);
  }

  net::HttpResponse send(const net::HttpServer& server, const std::string& path, net::HttpHeaders headers = {},
                         const std::string& body = {}, const char* method = "GET") {
    const std::string url = "http://" + server.address().text() + path;
    net::HttpRequest request;
    request.url = url;
    request.headers = std::move(headers);
    request.body = body;
    request.method = method;
    request.total_timeout = std::chrono::seconds(60);
    request.response_bytes_max = std::size_t{256} << 20;
    auto response = client_.send(request);
    if (!response) throw std::runtime_error(response.error().message);
    return std::move(*response);
  }
  net::HttpResponse jaeger(const std::string& path) { return send(*jaeger_, path); }
  net::HttpResponse tempo(const std::string& path, net::HttpHeaders headers = {}) {
    return send(*tempo_, path, std::move(headers));
  }

  ManualClock clock_{kNow};
  net::IoThreads threads_{1};
  std::unique_ptr<QueryService> service_;  // goes after the workers
  net::WorkerPool workers_{2, 100};
  net::HttpRouter jaeger_router_;
  net::HttpRouter tempo_router_;
  std::unique_ptr<net::HttpServer> jaeger_;
  std::unique_ptr<net::HttpServer> tempo_;
  net::HttpClient client_;
};

}  // namespace meshflow::server::test
