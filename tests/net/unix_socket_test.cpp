// An HTTP server and client over a unix-domain socket.
#include "net/unix_socket.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/io_threads.hpp"

namespace meshflow::net {
namespace {

class UnixSocket : public ::testing::Test {
 protected:
  UnixSocket() {
    std::string name = (std::filesystem::temp_directory_path() / "meshflow-unix-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~UnixSocket() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<HttpServer> listen(const std::string& path) {
    HttpServerOptions options;
    options.name = "control";
    options.unix_socket_path = path;
    auto server = HttpServer::listen(threads_, options, [](HttpServerRequest request, const HttpResponder& responder) {
      responder.send({.status = 200, .content_type = "text/plain", .body = request.path + " " + request.body});
    });
    EXPECT_TRUE(server) << server.error().message;
    return server ? std::move(*server) : nullptr;
  }

  static HttpResult ask(const std::string& path, std::string_view body) {
    HttpClient client;
    HttpRequest request;
    request.url = "http://localhost/echo";
    request.body = body;
    request.unix_socket_path = path;
    return client.send(request);
  }

  std::string folder_;
  IoThreads threads_;
};

TEST_F(UnixSocket, AnswersComeAsOverTcp) {
  const std::string path = folder_ + "/socket";
  const auto server = listen(path);
  const auto answer = ask(path, "hello");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "/echo hello");
}

TEST_F(UnixSocket, TheFileIsItsOwnersAndGoesWithTheServer) {
  const std::string path = folder_ + "/socket";
  auto server = listen(path);
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
  server->stop(std::chrono::seconds(5));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(UnixSocket, WhatADeadServerLeftIsReplaced) {
  const std::string path = folder_ + "/socket";
  ASSERT_EQ(ask(path, "").error().phase, HttpFailurePhase::connect);
  std::filesystem::create_directories(folder_);
  const auto first = listen(path);
  const auto second = listen(path);
  EXPECT_EQ(ask(path, "x")->body, "/echo x");
}

TEST_F(UnixSocket, APathMayBeLongerThanTheKernelTakes) {
  const std::string deep = folder_ + "/" + std::string(150, 'd');
  std::filesystem::create_directories(deep);
  const auto server = listen(deep + "/socket");
  EXPECT_EQ(ask(deep + "/socket", "deep")->body, "/echo deep");
}

TEST_F(UnixSocket, AFolderThatIsNotThereIsAnError) {
  const auto path = UnixSocketPath::open(folder_ + "/" + std::string(150, 'n') + "/socket");
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace meshflow::net
