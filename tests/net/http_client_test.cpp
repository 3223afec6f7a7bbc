#include "net/http_client.hpp"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <unistd.h>

#include "support/http_server.hpp"

namespace meshflow::net {
namespace {

using namespace std::chrono_literals;
using test::HttpServer;
using test::ScriptedReply;
using test::TestCertificate;
using ::testing::HasSubstr;

std::string write_file(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::path(::testing::TempDir()) / (std::to_string(::getpid()) + "-" + name);
  std::ofstream(path) << text;
  return path.string();
}

HttpResult post_to(const std::string& url, HttpClient& client, std::chrono::milliseconds timeout = 10s) {
  return client.send({.url = url, .body = "hello", .total_timeout = timeout});
}

TEST(HttpClient, SendsBodyAndHeadersAndReturnsTheWholeAnswer) {
  HttpServer server;
  server.script({.status = 202, .headers = {{"X-Answer", "42"}}, .body = std::string("b\0c", 3)});
  HttpClient client;
  const std::string body("\x00\x01\xff", 3);
  const auto response = client.send({.url = server.url("/v1/traces?x=1"),
                                     .headers = {{"Content-Type", "application/x-protobuf"}, {"X-Empty", ""}},
                                     .body = body});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(response->header("x-answer"), "42");
  EXPECT_EQ(response->body, std::string("b\0c", 3));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/v1/traces?x=1");
  EXPECT_EQ(requests[0].headers.at("content-type"), "application/x-protobuf");
  EXPECT_EQ(requests[0].headers.at("x-empty"), "");
  EXPECT_EQ(requests[0].headers.count("expect"), 0u);
  EXPECT_EQ(requests[0].body, body);
}

TEST(HttpClient, SendsWhicheverMethodIsAsked) {
  HttpServer server;
  HttpClient client;
  EXPECT_TRUE(client.send({.url = server.url("/"), .method = "GET"}));
  EXPECT_TRUE(client.send({.url = server.url("/"), .body = "x", .method = "GET"}));
  EXPECT_TRUE(client.send({.url = server.url("/"), .method = "HEAD"}));
  EXPECT_TRUE(client.send({.url = server.url("/"), .body = "put", .method = "PUT"}));
  EXPECT_TRUE(client.send({.url = server.url("/"), .method = "DELETE"}));
  EXPECT_TRUE(client.send({.url = server.url("/"), .body = "post"}));
  const auto bad = client.send({.url = server.url("/"), .method = "GET /x HTTP/1.1\r\nA:"});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().phase, HttpFailurePhase::request);
  std::vector<std::string> seen;
  for (const auto& request : server.requests()) seen.push_back(request.method + " " + request.body);
  EXPECT_THAT(seen, ::testing::ElementsAre("GET ", "GET x", "HEAD ", "PUT put", "DELETE ", "POST post"));
}

TEST(HttpClient, AnAnswerThatIsEnoughEndsAnExchangeThatTheServerKeepsOpen) {
  HttpServer server;
  server.script({.status = 201, .body = "data: 1\n\n", .ending = ScriptedReply::Ending::stays_open});
  HttpClient client;
  int status_seen = 0;
  const auto response = client.send({.url = server.url("/"), .is_enough = [&](const HttpResponse& so_far) {
                                       status_seen = so_far.status;
                                       return so_far.body.ends_with("\n\n");
                                     }});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(status_seen, 201);
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "data: 1\n\n");
}

TEST(HttpClient, AnErrorStatusIsAnAnswerAndARedirectIsNotFollowed) {
  HttpServer server;
  server.script({.status = 503, .headers = {{"Retry-After", "1"}}});
  server.script({.status = 302, .headers = {{"Location", server.url("/elsewhere")}}});
  HttpClient client;
  EXPECT_EQ(post_to(server.url("/"), client)->status, 503);
  EXPECT_EQ(post_to(server.url("/"), client)->status, 302);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(HttpClient, KeepsItsConnectionOpenBetweenRequests) {
  HttpServer server;
  HttpClient client;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(post_to(server.url("/"), client));
  EXPECT_EQ(server.connections(), 1u);
}

TEST(HttpClient, SaysWhichPhaseFailed) {
  HttpServer server;
  server.script({.ending = ScriptedReply::Ending::reset});
  server.script({.body = std::string(1000, 'x'), .ending = ScriptedReply::Ending::half_a_body});
  server.script({.ending = ScriptedReply::Ending::hang});
  HttpClient client;
  EXPECT_EQ(post_to(server.url("/"), client).error().phase, HttpFailurePhase::reset);
  EXPECT_EQ(post_to(server.url("/"), client).error().phase, HttpFailurePhase::reset);
  EXPECT_EQ(post_to(server.url("/"), client, 100ms).error().phase, HttpFailurePhase::timeout);
  const auto refused = post_to("http://127.0.0.1:" + std::to_string(test::unused_port()) + "/", client);
  EXPECT_EQ(refused.error().phase, HttpFailurePhase::connect);
  EXPECT_THAT(refused.error().message, HasSubstr("127.0.0.1"));
  EXPECT_EQ(post_to("http://host.invalid/", client).error().phase, HttpFailurePhase::resolve);
  EXPECT_EQ(post_to("https://127.0.0.1:" + std::to_string(server.port()) + "/", client).error().phase,
            HttpFailurePhase::tls);
}

TEST(HttpClient, AnAnswerPastTheLimitIsRefused) {
  HttpServer server;
  server.reply_always({.body = std::string(2000, 'x')});
  HttpClient client;
  const auto response = client.send({.url = server.url("/"), .response_bytes_max = 1999});
  EXPECT_EQ(response.error().phase, HttpFailurePhase::too_large);
  EXPECT_TRUE(client.send({.url = server.url("/"), .response_bytes_max = 2000}));
}

TEST(HttpClient, AHeaderWithALineBreakIsNotSent) {
  HttpServer server;
  HttpClient client;
  const auto response = client.send({.url = server.url("/"), .headers = {{"X-A", "1\r\nX-B: 2"}}});
  EXPECT_EQ(response.error().phase, HttpFailurePhase::request);
  EXPECT_EQ(server.requests().size(), 0u);
}

TEST(HttpClient, CancelFromAnotherThreadReturnsAtOnceAndForGood) {
  HttpServer server;
  server.reply_always({.ending = ScriptedReply::Ending::hang});
  HttpClient client;
  std::thread canceller([&] {
    EXPECT_TRUE(server.wait_for_requests(1));
    client.cancel();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(post_to(server.url("/"), client, 60s).error().phase, HttpFailurePhase::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
  canceller.join();
  EXPECT_EQ(post_to(server.url("/"), client).error().phase, HttpFailurePhase::cancelled);
}

TEST(HttpClient, TlsIsVerifiedAgainstTheGivenAuthority) {
  const auto certificate = TestCertificate::make();
  const auto other = TestCertificate::make();
  HttpServer server(certificate);
  HttpClient trusting({.ca_file = write_file("ca.pem", certificate.certificate_pem)});
  const auto response = post_to(server.url("/"), trusting);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  HttpClient distrusting({.ca_file = write_file("other.pem", other.certificate_pem)});
  EXPECT_EQ(post_to(server.url("/"), distrusting).error().phase, HttpFailurePhase::tls);
  HttpClient without;
  EXPECT_EQ(post_to(server.url("/"), without).error().phase, HttpFailurePhase::tls);
  HttpClient misconfigured({.ca_file = "/no/such/file.pem"});
  EXPECT_EQ(post_to(server.url("/"), misconfigured).error().phase, HttpFailurePhase::tls);
}

}  // namespace
}  // namespace meshflow::net
