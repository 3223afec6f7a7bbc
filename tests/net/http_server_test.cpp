#include "net/http_server.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_client.hpp"
#include "net/http_router.hpp"
#include "net/raw_client.hpp"
#include "net/worker_pool.hpp"
#include "support/http_server.hpp"

namespace meshflow::net {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Answers with what it got: "METHOD PATH BODY-SIZE".
void echo(HttpServerRequest request, const HttpResponder& responder) {
  std::string text = fmt::format("{} {} {}", request.method, request.path, request.body.size());
  responder.send({.content_type = "text/plain", .body = std::move(text)});
}

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServer& listen(HttpHandler handler = echo, HttpServerOptions options = {}) {
    if (options.name.empty()) options.name = "test";
    auto server = HttpServer::listen(threads_, std::move(options), std::move(handler));
    if (!server) throw std::runtime_error(server.error().text());
    server_ = std::move(*server);
    return *server_;
  }
  std::uint16_t port() const { return server_->address().port; }
  std::string url(const std::string& path) const { return "http://" + server_->address().text() + path; }

  std::string exchange(std::string_view request) {
    RawClient client(port());
    client.send(request);
    return client.read_response();
  }
  static std::string get(std::string_view path, std::string_view headers = "") {
    return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, headers);
  }
  void wait_until(const std::function<bool(const HttpServerStats&)>& holds) {
    const auto limit = std::chrono::steady_clock::now() + 20s;
    while (!holds(server_->stats()) && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    ASSERT_TRUE(holds(server_->stats()));
  }

  IoThreads threads_{2};
  std::unique_ptr<HttpServer> server_;
};

// Keeps what it was asked, for a test to answer when it likes.
class Held {
 public:
  HttpHandler handler() {
    return [this](HttpServerRequest, HttpResponder responder) {
      const std::lock_guard lock(mutex_);
      responders_.push_back(std::move(responder));
      changed_.notify_all();
    };
  }
  HttpResponder next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 20s, [this] { return !responders_.empty(); })) throw std::runtime_error("no request");
    HttpResponder responder = std::move(responders_.front());
    responders_.pop_front();
    return responder;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<HttpResponder> responders_;
};

// ---- What works ---------------------------------------------------------------------------------------------------

TEST_F(HttpServerTest, HandsTheWholeRequestToTheHandlerAndItsReplyToTheClient) {
  HttpServerRequest seen;
  listen([&](HttpServerRequest request, const HttpResponder& responder) {
    seen = std::move(request);
    responder.send({.status = 202, .content_type = "text/plain", .headers = {{"X-Answer", "42"}}, .body = "taken"});
  });
  HttpClient client;
  const std::string body("\x00\x01\xff", 3);
  const auto response = client.send(
      {.url = url("/v1/a%20b?x=1&x=%26&y"), .headers = {{"Content-Type", "text/X; charset=a"}}, .body = body});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(response->body, "taken");
  EXPECT_EQ(response->header("content-type"), "text/plain");
  EXPECT_EQ(response->header("x-answer"), "42");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/v1/a%20b?x=1&x=%26&y");
  EXPECT_EQ(seen.path, "/v1/a b");
  EXPECT_EQ(seen.query, (HttpParameters{{"x", "1"}, {"x", "&"}, {"y", ""}}));
  EXPECT_EQ(seen.content_type(), "text/x");
  EXPECT_EQ(seen.body, body);
  EXPECT_THAT(seen.peer, StartsWith("127.0.0.1:"));
}

TEST_F(HttpServerTest, ServesManyRequestsOverOneConnection) {
  listen();
  RawClient client(port());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/a"));
    EXPECT_THAT(client.read_response(), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nGET /a 0")));
  }
  EXPECT_EQ(server_->stats().connections, 1u);
  EXPECT_EQ(server_->stats().requests, 3u);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInTheirOrder) {
  Held held;
  listen(held.handler());
  RawClient client(port());
  client.send(get("/1") + "POST /2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" + get("/3"));
  for (const char* text : {"one", "two", "three"}) {
    held.next().send({.body = text});
    EXPECT_THAT(client.read_response(), EndsWith(text));
  }
}

TEST_F(HttpServerTest, LetsAnyThreadAnswerLaterAndCountsOnlyTheFirstAnswer) {
  Held held;
  listen(held.handler());
  RawClient client(port());
  client.send(get("/"));
  const HttpResponder responder = held.next();
  std::thread([&] {
    responder.send({.body = "first"});
    responder.send({.body = "second"});
    responder.fail(500, "third");
  }).join();
  EXPECT_THAT(client.read_response(), EndsWith("first"));
  client.send(get("/"));
  held.next().send({.body = "next"});
  EXPECT_THAT(client.read_response(), EndsWith("next"));
}

TEST_F(HttpServerTest, AnswersForAHandlerThatThrowsOrForgets) {
  listen([](HttpServerRequest request, const HttpResponder&) {
    if (request.path == "/throw") throw std::runtime_error("secret");
  });
  const std::string thrown = exchange(get("/throw"));
  EXPECT_THAT(thrown, AllOf(StartsWith("HTTP/1.1 500 "), Not(HasSubstr("secret"))));
  EXPECT_THAT(exchange(get("/forget")),
              AllOf(StartsWith("HTTP/1.1 500 "), EndsWith("{\"error\":{\"code\":500,\"message\":\"the server did not "
                                                          "answer this request\"}}\n")));
}

TEST_F(HttpServerTest, LetsAnAnswerComeAfterTheServerIsGone) {
  Held held;
  listen(held.handler());
  RawClient client(port());
  client.send(get("/"));
  const HttpResponder responder = held.next();
  server_.reset();
  EXPECT_EQ(client.read_to_end(), "");
  responder.send({.body = "late"});
}

TEST_F(HttpServerTest, AnswersHeadWithTheHeadersOfGetAlone) {
  listen();
  RawClient client(port());
  client.send("HEAD /abc HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Content-Length: 11\r\n"));
  client.send(get("/"));
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, KeepsToHttp10) {
  listen();
  EXPECT_THAT(exchange("GET /old HTTP/1.0\r\n\r\n"), AllOf(HasSubstr("Connection: close"), EndsWith("GET /old 0")));
  RawClient client(port());
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(client.read_response(), HasSubstr("Connection: keep-alive"));
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_response(), HasSubstr("Connection: close"));
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST_F(HttpServerTest, ClosesWhereTheClientAsksForIt) {
  listen();
  RawClient client(port());
  client.send(get("/", "Connection: close\r\n"));
  EXPECT_THAT(client.read_response(), HasSubstr("Connection: close"));
  EXPECT_TRUE(client.is_closed_by_server());
}

TEST_F(HttpServerTest, AnswersAClientThatHasClosedItsHalf) {
  listen();
  RawClient client(port());
  client.send(get("/"));
  client.shutdown_send();
  EXPECT_EQ(client.read_status(), 200);
}

TEST_F(HttpServerTest, LeavesOutHeadersThatWouldBreakTheResponse) {
  listen([](HttpServerRequest, const HttpResponder& responder) {
    responder.send({.headers = {{"X-Good", "1"}, {"X-Bad", "1\r\nX-Injected: 2"}}, .body = "x"});
  });
  EXPECT_THAT(exchange(get("/")), AllOf(HasSubstr("X-Good: 1"), Not(HasSubstr("Injected"))));
}

TEST_F(HttpServerTest, CompressesALargeReplyForWhoeverTakesGzip) {
  const std::string text(20'000, 'x');
  listen([&](HttpServerRequest request, const HttpResponder& responder) {
    const bool is_small = request.path == "/small";
    responder.send({.content_type = "application/json", .body = is_small ? "{}" : text});
  });
  const std::string response = exchange(get("/", "Accept-Encoding: deflate, gzip;q=0.5\r\n"));
  EXPECT_THAT(response, AllOf(HasSubstr("Content-Encoding: gzip\r\n"), HasSubstr("Vary: Accept-Encoding\r\n")));
  EXPECT_EQ(test::gunzip(response.substr(response.find("\r\n\r\n") + 4)), text);
  EXPECT_THAT(exchange(get("/")), AllOf(Not(HasSubstr("Content-Encoding")), EndsWith(text)));
  EXPECT_THAT(exchange(get("/", "Accept-Encoding: gzip;q=0\r\n")), EndsWith(text));
  EXPECT_THAT(exchange(get("/small", "Accept-Encoding: gzip\r\n")), EndsWith("{}"));
}

TEST_F(HttpServerTest, SaysReadyOrWhyNot) {
  std::atomic<bool> is_ready{false};
  listen(echo, {.bearer_token = "secret",
                .readiness = [&]() -> HttpServerReadiness { return {is_ready, "replaying the log"}; }});
  EXPECT_THAT(exchange(get("/ready")),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: "), HasSubstr("replaying the log")));
  is_ready = true;
  EXPECT_THAT(exchange(get("/ready")), AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("ready\n")));
}

TEST_F(HttpServerTest, SpeaksTls) {
  const auto certificate = test::TestCertificate::make();
  const auto folder = std::filesystem::path(::testing::TempDir());
  const std::string file = (folder / fmt::format("{}-server.pem", ::getpid())).string();
  std::ofstream(file) << certificate.certificate_pem << certificate.key_pem;
  listen(echo, {.tls = {.certificate_file = file}});
  HttpClient client({.ca_file = file});
  const std::string body(300'000, 'b');
  for (int i = 0; i < 2; ++i) {
    const auto response =
        client.send({.url = fmt::format("https://127.0.0.1:{}/tls", port()), .headers = {}, .body = body});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "POST /tls 300000");
  }
  RawClient plain(port());
  plain.send(get("/"));
  EXPECT_THAT(plain.read_to_end(), Not(HasSubstr("HTTP/1.1 200")));
  const auto missing = HttpServer::listen(threads_, {.name = "x", .tls = {.certificate_file = file + ".no"}}, echo);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text(), HasSubstr(file + ".no"));
}

TEST_F(HttpServerTest, RunsLongWorkOnWorkersAndRefusesWhatDoesNotFitTheirQueue) {
  std::promise<void> gate;
  const auto opened = gate.get_future().share();
  std::atomic<int> running{0};
  WorkerPool workers(1, 1);
  listen(on_workers(workers, [&](HttpServerRequest request, const HttpResponder& responder) {
    ++running;
    opened.wait();
    responder.send({.body = request.path});
  }));
  RawClient first(port());
  first.send(get("/1"));
  while (running == 0) std::this_thread::yield();
  RawClient second(port());
  second.send(get("/2"));
  wait_until([](const auto& stats) { return stats.requests == 2; });
  EXPECT_THAT(exchange(get("/3")), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1\r\n")));
  gate.set_value();
  EXPECT_THAT(first.read_response(), EndsWith("/1"));
  EXPECT_THAT(second.read_response(), EndsWith("/2"));
  server_.reset();
}

// ---- Streams ------------------------------------------------------------------------------------------------------

TEST_F(HttpServerTest, StreamsPiecesAsTheyCome) {
  Held held;
  listen(held.handler());
  RawClient client(port());
  client.send(get("/"));
  HttpStream stream = held.next().stream({.content_type = "text/event-stream"});
  EXPECT_THAT(client.read_until("\r\n\r\n"),
              AllOf(HasSubstr("Transfer-Encoding: chunked\r\n"), Not(HasSubstr("Length"))));
  EXPECT_TRUE(stream.write("one"));
  EXPECT_EQ(client.read_until("one\r\n"), "3\r\none\r\n");
  EXPECT_TRUE(stream.write(std::string(20, 'x')));
  EXPECT_EQ(client.read_exactly(26), "14\r\n" + std::string(20, 'x') + "\r\n");
  stream.end();
  EXPECT_EQ(client.read_exactly(5), "0\r\n\r\n");
  EXPECT_FALSE(stream.write("more"));
  client.send(get("/"));
  held.next().send({.body = "next"});
  EXPECT_THAT(client.read_response(), EndsWith("next"));
}

TEST_F(HttpServerTest, CutsAStreamOffWhereItsProducerGivesUp) {
  Held held;
  listen(held.handler());
  RawClient client(port());
  client.send(get("/"));
  {
    HttpStream stream = held.next().stream({.body = "abc"});
  }
  EXPECT_THAT(client.read_to_end(), EndsWith("\r\n\r\n3\r\nabc\r\n"));
}

TEST_F(HttpServerTest, TellsTheProducerOfAQuietStreamThatItsClientHasLeft) {
  Held held;
  listen(held.handler());
  std::optional<RawClient> client(std::in_place, port());
  client->send(get("/"));
  HttpStream stream = held.next().stream({});
  client->read_until("\r\n\r\n");
  EXPECT_TRUE(stream.is_open());
  client.reset();
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (stream.is_open() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_FALSE(stream.is_open());
}

TEST_F(HttpServerTest, HoldsAProducerBackWhileTheClientDoesNotRead) {
  Held held;
  HttpServerOptions options;
  options.limits.stream_bytes_max = 1 << 16;
  listen(held.handler(), options);
  RawClient client(port());
  client.send(get("/"));
  HttpStream stream = held.next().stream({});
  const std::string piece(1 << 16, 'x');
  std::size_t sent = 0;
  // What the kernel's buffers take goes out; then there is no room.
  while (stream.write(piece) || stream.wait_for_room(200ms)) sent += piece.size();
  EXPECT_TRUE(stream.is_open());
  EXPECT_LT(sent, std::size_t{64} << 20);
  client.read_exactly(sent / 2);
  EXPECT_TRUE(stream.wait_for_room(20s));
}

TEST_F(HttpServerTest, TellsAProducerThatTheClientIsGone) {
  Held held;
  listen(held.handler());
  auto client = std::make_unique<RawClient>(port());
  client->send(get("/"));
  HttpStream stream = held.next().stream({});
  client.reset();
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (stream.is_open() && std::chrono::steady_clock::now() < limit) (void)stream.write("x");
  EXPECT_FALSE(stream.is_open());
}

TEST_F(HttpServerTest, StreamsOnToAClientThatWantsTheConnectionClosedAfterwards) {
  Held held;
  listen(held.handler());
  RawClient client(port());
  client.send(get("/", "Connection: close\r\n"));
  HttpStream stream = held.next().stream({});
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("Connection: close\r\n"));
  for (const char* piece : {"abc", "def", "ghi"}) {
    EXPECT_TRUE(stream.write(piece));
    EXPECT_EQ(client.read_exactly(8), fmt::format("3\r\n{}\r\n", piece));
  }
  stream.end();
  EXPECT_EQ(client.read_to_end(), "0\r\n\r\n");
}

TEST_F(HttpServerTest, EndsStreamsWhenItStops) {
  Held held;
  listen(held.handler());
  RawClient client(port());
  client.send(get("/"));
  HttpStream stream = held.next().stream({});
  client.read_until("\r\n\r\n");
  auto stopped = std::async(std::launch::async, [this] { return server_->stop(20s); });
  while (stream.wait_for_room(20s)) std::this_thread::yield();  // what a producer does between its pieces
  EXPECT_FALSE(stream.is_open());
  stream.end();
  EXPECT_EQ(client.read_to_end(), "0\r\n\r\n");
  EXPECT_TRUE(stopped.get());
}

TEST_F(HttpServerTest, StreamsToHttp10UntilTheConnectionCloses) {
  Held held;
  listen(held.handler());
  RawClient client(port());
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  HttpStream stream = held.next().stream({.body = "abc"});
  EXPECT_TRUE(stream.write("def"));
  stream.end();
  EXPECT_THAT(client.read_to_end(), AllOf(Not(HasSubstr("chunked")), EndsWith("\r\n\r\nabcdef")));
}

// ---- Who may call -------------------------------------------------------------------------------------------------

TEST_F(HttpServerTest, RefusesRequestsForAnotherHostBeforeAnythingElse) {
  std::atomic<int> handled{0};
  listen(
      [&](HttpServerRequest, const HttpResponder& responder) {
        ++handled;
        responder.send({});
      },
      {.allowed_hosts = {"Traces.example"}});
  const auto status_for = [&](std::string_view host) {
    RawClient client(port());
    client.send(fmt::format("GET /ready HTTP/1.1\r\nHost: {}\r\n\r\n", host));
    return client.read_status();
  };
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "256.1.1.1"}) {
    EXPECT_EQ(status_for(host), 421) << host;
  }
  for (const char* host :
       {"localhost", "LOCALHOST.:4318", "127.0.0.1:4318", "10.1.2.3", "[::1]:4318", "traces.example"}) {
    EXPECT_EQ(status_for(host), 200) << host;
  }
  EXPECT_THAT(exchange(fmt::format("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")), HasSubstr("evil.example"));
  // The absolute form names the host once more.
  EXPECT_THAT(exchange("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), StartsWith("HTTP/1.1 421 "));
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(status_for(""), 400);
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(handled, 0);
}

TEST_F(HttpServerTest, AsksForItsToken) {
  listen(echo, {.bearer_token = "s3cret"});
  for (const char* header : {"", "Authorization: Bearer\r\n", "Authorization: Bearer s3creT\r\n",
                             "Authorization: Bearer s3cret2\r\n", "Authorization: Basic s3cret\r\n"}) {
    EXPECT_THAT(exchange(get("/", header)),
                AllOf(StartsWith("HTTP/1.1 401 "), HasSubstr("WWW-Authenticate: Bearer\r\n")));
  }
  EXPECT_THAT(exchange(get("/", "Authorization: bearer s3cret\r\n")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, AnswersPreflightsOfTheOriginsItKnows) {
  listen(echo, {.cors_origins = {"https://grafana.example"}, .bearer_token = "t"});
  const std::string preflight =
      "OPTIONS /v1/traces HTTP/1.1\r\nHost: localhost\r\nOrigin: {}\r\n"
      "Access-Control-Request-Method: POST\r\n"
      "Access-Control-Request-Headers: content-type, x-a\r\n\r\n";
  const auto for_origin = [&](const char* origin) { return exchange(fmt::format(fmt::runtime(preflight), origin)); };
  EXPECT_THAT(for_origin("https://grafana.example"),
              AllOf(StartsWith("HTTP/1.1 204 "), HasSubstr("Access-Control-Allow-Origin: https://grafana.example\r\n"),
                    HasSubstr("Access-Control-Allow-Headers: content-type, x-a\r\n"), HasSubstr("POST")));
  EXPECT_THAT(for_origin("https://evil.example"),
              AllOf(StartsWith("HTTP/1.1 403 "), Not(HasSubstr("Access-Control-Allow-Origin"))));
  EXPECT_THAT(
      exchange(get("/", "Authorization: Bearer t\r\nOrigin: https://grafana.example\r\n")),
      AllOf(HasSubstr("Access-Control-Allow-Origin: https://grafana.example\r\n"), HasSubstr("Vary: Origin\r\n")));
  EXPECT_THAT(exchange(get("/", "Authorization: Bearer t\r\nOrigin: https://evil.example\r\n")),
              AllOf(StartsWith("HTTP/1.1 200 "), Not(HasSubstr("Access-Control-Allow-Origin"))));
}

TEST_F(HttpServerTest, DoesNotListenPubliclyWithoutATokenOrConsent) {
  const ListenAddress everywhere{"0.0.0.0", 0};
  const auto refused = HttpServer::listen(threads_, {.name = "jaeger", .address = everywhere}, echo);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_THAT(refused.error().text(),
              AllOf(HasSubstr("jaeger"), HasSubstr("--auth-token-file"), HasSubstr("--insecure-public")));
  EXPECT_TRUE(HttpServer::listen(threads_, {.name = "jaeger", .address = everywhere, .bearer_token = "t"}, echo));
  EXPECT_TRUE(HttpServer::listen(threads_, {.name = "jaeger", .address = everywhere, .insecure_public = true}, echo));
}

TEST_F(HttpServerTest, SaysThatAnAddressIsTaken) {
  listen();
  const auto second = HttpServer::listen(threads_, {.name = "otlp-http", .address = server_->address()}, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_THAT(second.error().message, AllOf(HasSubstr("otlp-http"), HasSubstr(server_->address().text())));
}

// ---- Bodies -------------------------------------------------------------------------------------------------------

TEST_F(HttpServerTest, TakesBodiesInChunksOfAnySize) {
  std::string seen;
  listen([&](HttpServerRequest request, const HttpResponder& responder) {
    seen = request.body;
    responder.send({});
  });
  RawClient client(port());
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char* piece : {"3\r", "\nab", "c\r\n", "A;name=value\r\n0123456789\r\n", "0\r\nTrailer: x\r\n", "\r\n"}) {
    client.send(piece);
  }
  EXPECT_EQ(client.read_status(), 200);
  EXPECT_EQ(seen, "abc0123456789");
  client.send(get("/"));
  EXPECT_EQ(client.read_status(), 200);
}

TEST_F(HttpServerTest, TellsAClientThatWaitsToGoOn) {
  listen();
  RawClient client(port());
  client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_THAT(client.read_response(), EndsWith("POST /x 3"));
}

TEST_F(HttpServerTest, RefusesALargeBodyBeforeItIsSent) {
  listen();
  RawClient client(port());
  client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 67108865\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.read_response(),
              AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("67108864"), HasSubstr("Connection: close")));
}

TEST_F(HttpServerTest, LetsAClientThatSendsTooMuchSeeTheRefusal) {
  HttpServerOptions options;
  options.limits.body_bytes_max = 1 << 20;
  listen(echo, options);
  for (const char* framing : {"Content-Length: 2000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1E8480\r\n"}) {
    RawClient client(port());
    client.send(std::string("POST /x HTTP/1.1\r\nHost: localhost\r\n") + framing);
    EXPECT_TRUE(client.send(std::string(2'000'000, 'x')));  // all of it, before it looks for an answer
    EXPECT_EQ(client.read_status(), 413) << framing;
  }
}

TEST_F(HttpServerTest, TakesABodyOfExactlyTheLimit) {
  HttpServerOptions options;
  options.limits.body_bytes_max = 3 << 20;
  listen(echo, options);
  HttpClient client;
  const std::string body(3 << 20, 'x');
  const auto response = client.send({.url = url("/x"), .headers = {}, .body = body});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "POST /x 3145728");
}

TEST_F(HttpServerTest, BoundsTheBodiesOfAllRequestsTogether) {
  HttpServerOptions options;
  options.limits.bodies_bytes_max = 3 << 20;
  Held held;
  listen(held.handler(), options);
  const std::string request =
      "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n" + std::string(2'000'000, 'x');
  RawClient first(port());
  first.send(request);
  const HttpResponder responder = held.next();
  RawClient second(port());
  second.send(request);
  EXPECT_THAT(second.read_response(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1\r\n")));
  responder.send({});
  EXPECT_EQ(first.read_status(), 200);
  first.send(request);
  held.next().send({});
  EXPECT_EQ(first.read_status(), 200);
}

// ---- Limits and bad input -----------------------------------------------------------------------------------------

TEST_F(HttpServerTest, AnswersWhatIsNoRequestWith400) {
  listen();
  for (const char* bytes : {
           "hello\r\n\r\n",
           "GET /\r\n\r\n",
           "GET / HTTP/2.0\r\n\r\n",
           "GET / HTTP/1.1\nHost: localhost\n\n",
           "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
           "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
           "GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
           "GET /?a=%f HTTP/1.1\r\nHost: localhost\r\n\r\n",
           "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
           "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n",
           "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
       }) {
    EXPECT_THAT(exchange(bytes), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("{\"error\":"))) << bytes;
  }
  EXPECT_EQ(server_->stats().requests, 0u);
}

TEST_F(HttpServerTest, RefusesTransferEncodingsAndExpectationsThatItDoesNotKnow) {
  listen();
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
              StartsWith("HTTP/1.1 501 "));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nExpect: magic\r\n\r\nx"),
              StartsWith("HTTP/1.1 417 "));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Encoding: br\r\n\r\nx"),
              AllOf(StartsWith("HTTP/1.1 415 "), HasSubstr("br")));
}

TEST_F(HttpServerTest, RefusesHeadersThatAreTooLarge) {
  listen();
  EXPECT_THAT(exchange(get("/?" + std::string(60'000, 'a'))), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(exchange(get("/?" + std::string(70'000, 'a'))), StartsWith("HTTP/1.1 431 "));
  RawClient client(port());
  client.send("GET / HTTP/1.1\r\n");
  while (client.send("X-A: 0123456789012345678901234567890123456789\r\n") && server_->stats().refused < 2) {
  }
  EXPECT_EQ(client.read_status(), 431);
}

TEST_F(HttpServerTest, EndsConnectionsThatAreSlow) {
  HttpServerOptions options;
  options.limits.idle_timeout = 100ms;
  options.limits.header_timeout = 100ms;
  options.limits.body_timeout = 100ms;
  listen(echo, options);
  RawClient idle(port());
  EXPECT_TRUE(idle.is_closed_by_server());
  RawClient slow_head(port());
  slow_head.send("GET / HT");
  EXPECT_EQ(slow_head.read_status(), 408);
  EXPECT_TRUE(slow_head.is_closed_by_server());
  RawClient slow_body(port());
  slow_body.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(slow_body.read_status(), 408);
  EXPECT_TRUE(slow_body.is_closed_by_server());
  EXPECT_EQ(server_->stats().timeouts, 2u);
}

TEST_F(HttpServerTest, EndsAConnectionThatDripsItsBody) {
  HttpServerOptions options;
  options.limits.body_timeout = 100ms;
  listen(echo, options);
  RawClient client(port());
  client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n");
  // (Larger than the limit: refused at once.)
  EXPECT_EQ(client.read_status(), 413);
  RawClient dripping(port());
  dripping.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n");
  // A byte every few milliseconds is less than the pace that a body must keep.
  while (!dripping.has_answer(5ms)) dripping.send("x");
  EXPECT_EQ(dripping.read_status(), 408);
}

TEST_F(HttpServerTest, EndsAConnectionThatDoesNotReadItsAnswer) {
  HttpServerOptions options;
  options.limits.write_timeout = 100ms;
  listen(
      [](HttpServerRequest, const HttpResponder& responder) { responder.send({.body = std::string(32 << 20, 'x')}); },
      options);
  RawClient client(port());
  client.send(get("/"));
  wait_until([](const auto& stats) { return stats.timeouts == 1 && stats.connections_open == 0; });
}

TEST_F(HttpServerTest, TellsClientsBeyondItsLimitsToComeBack) {
  HttpServerOptions options;
  options.limits.connections_max = 2;
  options.limits.requests_max = 1;
  Held held;
  listen(held.handler(), options);
  RawClient first(port());
  first.send(get("/"));
  const HttpResponder responder = held.next();
  RawClient second(port());
  second.send(get("/"));
  EXPECT_THAT(second.read_response(),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1\r\n"), HasSubstr("requests")));
  RawClient third(port());
  third.send(get("/"));
  EXPECT_THAT(third.read_response(),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After: 1\r\n"), HasSubstr("clients")));
  EXPECT_TRUE(third.is_closed_by_server());
  responder.send({});
  EXPECT_EQ(first.read_status(), 200);
  wait_until([](const auto& stats) { return stats.requests_open == 0; });
  second.send(get("/"));
  held.next().send({});
  EXPECT_EQ(second.read_status(), 200);
}

// ---- Stopping -----------------------------------------------------------------------------------------------------

TEST_F(HttpServerTest, FinishesWhatHasBegunBeforeItStops) {
  Held held;
  listen(held.handler());
  const std::uint16_t old_port = port();
  RawClient idle(port());
  RawClient busy(port());
  busy.send(get("/"));
  const HttpResponder responder = held.next();
  auto stopped = std::async(std::launch::async, [this] { return server_->stop(20s); });
  EXPECT_TRUE(idle.is_closed_by_server());
  EXPECT_THROW(for (;;) RawClient another(old_port), std::runtime_error);
  responder.send({.body = "done"});
  EXPECT_THAT(busy.read_response(), AllOf(HasSubstr("Connection: close"), EndsWith("done")));
  EXPECT_TRUE(stopped.get());
}

TEST_F(HttpServerTest, StopsAtItsLimitAllTheSame) {
  Held held;
  listen(held.handler());
  RawClient busy(port());
  busy.send(get("/"));
  const HttpResponder responder = held.next();
  EXPECT_FALSE(server_->stop(50ms));
  EXPECT_TRUE(busy.is_closed_by_server());
  server_->stop(0ms);  // once more does no harm
}

// ---- HTTP/2 on the same port ----------------------------------------------------------------------------------------

TEST_F(HttpServerTest, AConnectionOfHttp2IsGivenAwayUntouched) {
  std::promise<int> given;
  HttpServerOptions options;
  options.take_http2 = [&given](int socket) { given.set_value(socket); };
  listen(echo, std::move(options));
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  RawClient client(port());
  // The first bytes alone decide nothing.
  client.send(kPreface.substr(0, 2));
  client.send(kPreface.substr(2));
  auto taken = given.get_future();
  ASSERT_EQ(taken.wait_for(20s), std::future_status::ready);
  const int socket = taken.get();
  wait_until([](const HttpServerStats& stats) { return stats.connections_open == 0; });
  std::string read;
  while (read.size() < kPreface.size()) {
    char piece[64];
    const ssize_t size = ::recv(socket, piece, sizeof piece, 0);
    if (size > 0) read.append(piece, static_cast<std::size_t>(size));
  }
  EXPECT_EQ(read, kPreface);
  EXPECT_EQ(::send(socket, "hello", 5, MSG_NOSIGNAL), 5);
  ::close(socket);
  EXPECT_EQ(client.read_to_end(), "hello");
}

TEST_F(HttpServerTest, OtherConnectionsStayWhereSomeAreGivenAway) {
  HttpServerOptions options;
  options.take_http2 = [](int socket) { ::close(socket); };
  listen(echo, std::move(options));
  RawClient slow(port());
  for (const char each : get("/slow")) ASSERT_TRUE(slow.send(std::string_view(&each, 1)));
  EXPECT_THAT(slow.read_response(), EndsWith("GET /slow 0"));
  EXPECT_THAT(exchange(get("/whole")), EndsWith("GET /whole 0"));
  // One that ends after a byte, and one that never sends any, are over when the server stops.
  RawClient ended(port());
  ended.send("P");
  ended.shutdown_send();
  EXPECT_TRUE(ended.is_closed_by_server());
  RawClient silent(port());
  EXPECT_TRUE(server_->stop(5s));
  EXPECT_TRUE(silent.is_closed_by_server());
}

}  // namespace
}  // namespace meshflow::net
