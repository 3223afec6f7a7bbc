// The store behind Jaeger's API on one loopback port, with POST /v1/traces for OTLP JSON that is visible once it is
// answered. For comparisons with a real Jaeger (run_jaeger_api).
//
// usage: jaeger_api_server STORE-DIRECTORY
// Prints "listening ADDRESS:PORT", and ends when its standard input does.
#include <chrono>
#include <cstdio>
#include <future>
#include <string>

#include "net/http_router.hpp"
#include "net/http_server.hpp"
#include "otlp/encode.hpp"
#include "otlp/json.hpp"
#include "server/jaeger_api.hpp"
#include "store/trace_store.hpp"

namespace {

using namespace meshflow;

void receive(store::TraceStore& store, const net::HttpServerRequest& request, const net::HttpResponder& responder) {
  const auto decoded = otlp::decode_traces_json(request.body);
  if (!decoded) return responder.fail(400, decoded.error().message);
  std::promise<std::string> failure;
  store.ingest(otlp::encode(decoded->value), [&failure](const Result<store::TraceStore::Received>& received) {
    failure.set_value(received ? "" : received.error().message);
  });
  if (const std::string message = failure.get_future().get(); !message.empty()) return responder.fail(500, message);
  if (!store.wait_until_visible(std::chrono::seconds(30))) return responder.fail(500, "the spans are not visible yet");
  responder.send({.content_type = "application/json", .body = "{}"});
}

int run(const std::string& directory) {
  store::StoreOptions store_options;
  store_options.directory = directory;
  auto store = store::TraceStore::open(std::move(store_options));
  if (!store) return report(store.error());
  net::WorkerPool workers(2, 100);
  const server::QueryService service(**store, workers);
  net::HttpRouter router;
  server::add_jaeger_routes(service, router);
  router.add("POST", "/v1/traces", net::on_workers(workers, [&store](const auto& request, const auto& responder) {
               receive(**store, request, responder);
             }));
  net::IoThreads threads(1);
  net::HttpServerOptions options;
  options.name = "jaeger";
  options.render_error = server::render_jaeger_error;
  auto server = net::HttpServer::listen(threads, std::move(options), net::handler_of(router));
  if (!server) return report(server.error());
  std::printf("listening %s\n", (*server)->address().text().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  (*server)->stop(std::chrono::seconds(5));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: jaeger_api_server STORE-DIRECTORY\n", stderr);
    return 2;
  }
  return run(argv[1]);
}
