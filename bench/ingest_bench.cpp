// The sender of ./dev bench ingest: agent-like spans over OTLP/HTTP, OTLP/gRPC or into a spool, as fast as they are
// taken.
//
// usage: bench_ingest http PORT SPANS | grpc PORT SPANS | spool DIRECTORY SPANS   [SEED]
//
// Prints a line of JSON: spans, bytes, seconds from the first request to the last acknowledgement, how often the server
// asked to try again, the last trace's id.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent_load.hpp"
#include "otlp/encode.hpp"
#include "spool/writer.hpp"

namespace {

using namespace meshflow;

constexpr std::size_t kSpansPerRequest = 512;
constexpr int kConnections = 8;

struct Sent {
  std::atomic<std::uint64_t> again{0};
  std::atomic<std::size_t> next{0};
};

[[noreturn]] void give_up(const std::string& what) {
  fmt::print(stderr, "bench_ingest: {}\n", what);
  std::_Exit(1);
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("nothing listens there");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// Reads one response; its status.
int read_status(int fd) {
  std::string head;
  char piece[4096];
  std::size_t end = std::string::npos;
  while ((end = head.find("\r\n\r\n")) == std::string::npos) {
    const ssize_t size = ::recv(fd, piece, sizeof piece, 0);
    if (size <= 0) give_up("the connection broke");
    head.append(piece, static_cast<std::size_t>(size));
  }
  const auto at = head.find("Content-Length: ");
  const std::size_t length = at == std::string::npos ? 0 : std::strtoull(head.c_str() + at + 16, nullptr, 10);
  std::size_t have = head.size() - end - 4;
  while (have < length) {
    const ssize_t size = ::recv(fd, piece, sizeof piece, 0);
    if (size <= 0) give_up("the connection broke");
    have += static_cast<std::size_t>(size);
  }
  return std::atoi(head.c_str() + 9);
}

void send_http(std::uint16_t port, const std::vector<std::string>& requests, Sent& sent) {
  const int fd = connect_to(port);
  for (std::size_t i = sent.next++; i < requests.size(); i = sent.next++) {
    for (;;) {
      const std::string head = fmt::format(
          "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\nContent-Length: "
          "{}\r\n\r\n",
          requests[i].size());
      for (std::string_view bytes : {std::string_view(head), std::string_view(requests[i])}) {
        while (!bytes.empty()) {
          const ssize_t size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
          if (size <= 0) give_up("the connection broke");
          bytes.remove_prefix(static_cast<std::size_t>(size));
        }
      }
      const int status = read_status(fd);
      if (status == 200) break;
      if (status != 503 && status != 429) give_up(fmt::format("status {}", status));
      ++sent.again;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  ::close(fd);
}

void send_grpc(std::uint16_t port, const std::vector<std::string>& requests, Sent& sent) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto channel =
      grpc::CreateCustomChannel(fmt::format("127.0.0.1:{}", port), grpc::InsecureChannelCredentials(), arguments);
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  for (std::size_t i = sent.next++; i < requests.size(); i = sent.next++) {
    for (;;) {
      grpc::ClientContext context;
      const grpc::Slice slice(requests[i].data(), requests[i].size(), grpc::Slice::STATIC_SLICE);
      const grpc::ByteBuffer request(&slice, 1);
      grpc::ByteBuffer response;
      grpc::Status status;
      auto call = stub.PrepareUnaryCall(&context, "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                                        request, &queue);
      call->StartCall();
      call->Finish(&response, &status, nullptr);
      void* tag = nullptr;
      bool ok = false;
      if (!queue.Next(&tag, &ok)) give_up("gRPC gave up");
      if (status.ok()) break;
      if (status.error_code() != grpc::RESOURCE_EXHAUSTED && status.error_code() != grpc::UNAVAILABLE) {
        give_up(fmt::format("status {}: {}", static_cast<int>(status.error_code()), status.error_message()));
      }
      ++sent.again;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

void send_spool(const std::string& directory, const std::vector<std::string>& requests) {
  spool::WriterOptions options;
  options.directory = directory;
  options.directory_bytes_max = UINT64_MAX;
  spool::Writer writer(options);
  for (const std::string& request : requests) {
    const std::array<std::string_view, 1> payloads{request};
    if (auto written = writer.append(spool::FrameType::traces, payloads); !written) give_up(written.error().text());
    if (auto rolled = writer.roll_over_when_full(); !rolled) give_up(rolled.error().text());
  }
  if (auto synced = writer.sync(); !synced) give_up(synced.error().text());
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) give_up("usage: bench_ingest http|grpc PORT SPANS [SEED], bench_ingest spool DIRECTORY SPANS [SEED]");
  const std::string_view way = arguments[1];
  const auto port = static_cast<std::uint16_t>(std::atoi(arguments[2]));
  const std::size_t spans = std::strtoull(arguments[3], nullptr, 10);
  bench::Load load(count > 4 ? std::strtoull(arguments[4], nullptr, 10) : 1);
  std::vector<std::string> requests;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < spans; i += kSpansPerRequest) {
    requests.push_back(otlp::encode(load.request(kSpansPerRequest)));
    bytes += requests.back().size();
  }
  Sent sent;
  const auto begin = std::chrono::steady_clock::now();
  if (way == "spool") {
    send_spool(arguments[2], requests);
  } else {
    std::vector<std::thread> threads;
    for (int i = 0; i < kConnections; ++i) {
      threads.emplace_back([&] {
        if (way == "grpc") {
          send_grpc(port, requests, sent);
        } else {
          send_http(port, requests, sent);
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::string trace;
  for (const auto byte : load.trace) trace += fmt::format("{:02x}", byte);
  fmt::print("{{\"spans\": {}, \"bytes\": {}, \"seconds\": {:.3f}, \"again\": {}, \"trace\": \"{}\"}}\n",
             requests.size() * kSpansPerRequest, bytes, seconds, sent.again.load(), trace);
}
