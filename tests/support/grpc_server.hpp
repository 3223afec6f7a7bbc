// A real gRPC server on a free loopback port that answers any unary method as a test scripts, on raw bytes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/http_server.hpp"

namespace meshflow::test {

struct GrpcReply {
  int code = 0;  // grpc::StatusCode
  std::string message = {};
  std::string details = {};   // grpc-status-details-bin: an encoded google.rpc.Status
  std::string response = {};  // the response message, where code is 0
  bool hangs = false;         // no answer until the client goes away or the server is destroyed
};

struct GrpcRequest {
  std::string method;
  std::map<std::string, std::string> metadata;  // of equal keys the last
  std::string message;                          // decompressed
};

// Listens from construction to destruction. Thread-safe.
class GrpcServer {
 public:
  explicit GrpcServer(const TestCertificate* certificate = nullptr);
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // The next request gets this reply; they are used up in order, then every request gets an empty response.
  void script(GrpcReply reply);
  [[nodiscard]] std::vector<GrpcRequest> requests() const;
  [[nodiscard]] bool wait_for_requests(std::size_t count,
                                       std::chrono::milliseconds limit = std::chrono::seconds(20)) const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace meshflow::test
