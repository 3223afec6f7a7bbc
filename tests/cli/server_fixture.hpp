// What tests of `meshflow serve` share: a server on free ports, and requests to it.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/command_fixture.hpp"
#include "net/http_client.hpp"
#include "otlp/encode.hpp"

namespace meshflow::test {

class Served : public Command {
 protected:
  // `meshflow serve` with all ports free and these flags; returns when it is ready.
  void serve(const std::vector<std::string>& flags = {}) {
    std::vector<std::string> arguments{"serve"};
    for (const char* listener : {"--otlp-http", "--otlp-grpc", "--jaeger", "--tempo", "--metrics"}) {
      arguments.insert(arguments.end(), {listener, "127.0.0.1:0"});
    }
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    server_ = std::make_unique<Program>(with(arguments));
    ASSERT_TRUE(server_->wait_for("ready\n"));
  }

  // "127.0.0.1:43210" of a listener.
  [[nodiscard]] std::string address_of(const std::string& listener) const {
    const std::string& out = server_->out();
    const std::string line = fmt::format("listening {} ", listener);
    const auto at = out.find(line);
    return at == std::string::npos ? "" : out.substr(at + line.size(), out.find('\n', at) - at - line.size());
  }

  net::HttpResult get(const std::string& listener, const std::string& target, net::HttpHeaders headers = {}) {
    const std::string url = "http://" + address_of(listener) + target;
    net::HttpRequest request;
    request.url = url;
    request.method = "GET";
    request.headers = std::move(headers);
    return client_.send(request);
  }
  net::HttpResult post_traces(const otlp::TracesData& traces, net::HttpHeaders headers = {}) {
    const std::string url = "http://" + address_of("otlp-http") + "/v1/traces";
    const std::string body = otlp::encode(traces);
    net::HttpRequest request;
    request.url = url;
    request.body = body;
    request.headers = std::move(headers);
    request.headers.emplace_back("content-type", "application/x-protobuf");
    return client_.send(request);
  }

  // Asks again until it is so; false after 30 s. What was acknowledged, or left in the spool, is visible a moment
  // later.
  static bool eventually(const std::function<bool()>& is_so) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!is_so()) {
      if (std::chrono::steady_clock::now() > limit) return false;
    }
    return true;
  }
  bool is_seen(const std::string& trace_id) {
    return eventually([&] { return get("jaeger", "/api/traces/" + trace_id)->status == 200; });
  }

  // A trace of one span, its id made of `number`.
  static otlp::TracesData one_span(std::uint8_t number, const std::string& name = "work") {
    otlp::Span span;
    span.trace_id = {0xab, 0xcd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number};
    span.span_id = {number, 0, 0, 0, 0, 0, 0, 1};
    span.name = name;
    span.start_time_unix_nano = 1'700'000'000'000'000'000 + number;
    span.end_time_unix_nano = span.start_time_unix_nano + 5'000'000;
    otlp::ResourceSpans resource_spans;
    resource_spans.resource.attributes.push_back({"service.name", {std::string("shop")}});
    resource_spans.scope_spans.emplace_back().spans.push_back(std::move(span));
    return {{std::move(resource_spans)}};
  }

  Finished stop(int signal = SIGTERM) {
    server_->signal(signal);
    return server_->finish();
  }

  std::unique_ptr<Program> server_;
  net::HttpClient client_;
};

}  // namespace meshflow::test
