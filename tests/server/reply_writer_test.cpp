#include "server/reply_writer.hpp"

#include <future>

#include <gmock/gmock.h>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/raw_client.hpp"
#include "net/worker_pool.hpp"

namespace meshflow::server {
namespace {

const std::string kPiece(100'000, 'x');

class ReplyWriterTest : public ::testing::Test {
 protected:
  void listen(net::HttpHandler handler) {
    net::HttpServerOptions options;
    options.name = "test";
    auto server = net::HttpServer::listen(threads_, std::move(options), net::on_workers(workers_, std::move(handler)));
    if (!server) throw std::runtime_error(server.error().text());
    server_ = std::move(*server);
  }
  net::HttpResponse get() {
    const std::string url = "http://" + server_->address().text() + "/";
    net::HttpRequest request;
    request.url = url;
    request.method = "GET";
    request.total_timeout = std::chrono::seconds(60);
    request.response_bytes_max = std::size_t{64} << 20;
    auto response = client_.send(request);
    if (!response) throw std::runtime_error(response.error().message);
    return std::move(*response);
  }

  net::IoThreads threads_{1};
  net::WorkerPool workers_{1, 10};
  std::unique_ptr<net::HttpServer> server_;
  net::HttpClient client_;
};

TEST_F(ReplyWriterTest, ASmallReplyHasALength) {
  listen([](const auto& /*request*/, const net::HttpResponder& responder) {
    ReplyWriter reply(responder, "text/plain");
    EXPECT_TRUE(reply.write("a"));
    EXPECT_TRUE(reply.write("b"));
    EXPECT_TRUE(reply.is_unsent());
    reply.finish();
  });
  const net::HttpResponse response = get();
  EXPECT_EQ(response.body, "ab");
  EXPECT_EQ(response.header("content-length"), "2");
  EXPECT_EQ(response.header("content-type"), "text/plain");
}

TEST_F(ReplyWriterTest, ALargeReplyIsAStreamAndWhole) {
  constexpr int kPieces = 100;
  listen([](const auto& /*request*/, const net::HttpResponder& responder) {
    ReplyWriter reply(responder, "text/plain");
    for (int i = 0; i < kPieces; ++i) EXPECT_TRUE(reply.write(kPiece));
    EXPECT_FALSE(reply.is_unsent());
    reply.finish();
  });
  const net::HttpResponse response = get();
  EXPECT_EQ(response.header("transfer-encoding"), "chunked");
  EXPECT_EQ(response.body.size(), kPieces * kPiece.size());
}

TEST_F(ReplyWriterTest, AReplyThatIsNotFinishedIsSeenToBeCutOff) {
  listen([](const auto& /*request*/, const net::HttpResponder& responder) {
    ReplyWriter reply(responder, "text/plain");
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(reply.write(kPiece));
  });
  EXPECT_THROW(get(), std::runtime_error);
}

TEST_F(ReplyWriterTest, AClientThatGoesAwayEndsTheWriting) {
  std::promise<std::size_t> written;
  listen([&written](const auto& /*request*/, const net::HttpResponder& responder) {
    ReplyWriter reply(responder, "text/plain");
    constexpr std::size_t kPiecesMax = 100'000;  // 10 GB: never all of it
    std::size_t pieces = 0;
    while (pieces < kPiecesMax && reply.write(kPiece)) ++pieces;
    written.set_value(pieces);
  });
  {
    net::RawClient client(server_->address().port);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.read_until("\r\n\r\n");
  }
  EXPECT_LT(written.get_future().get(), 100'000u);
}

}  // namespace
}  // namespace meshflow::server
