// A real HTTP/1.1 server on a free loopback port that does what a test scripts: answers, delays, hangs, breaks off.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace meshflow::test {

struct ScriptedReply {
  enum class Ending {
    whole,         // the whole reply
    hang,          // nothing ever comes, the connection stays open
    close,         // the connection closes before a reply
    reset,         // the same, with a TCP reset
    half_a_body,   // Content-Length says all, half of it comes, then the connection closes
    stays_open,    // the whole body comes, but no end of it: the connection stays open
  };
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  Ending ending = Ending::whole;
  std::chrono::milliseconds delay{0};  // before the reply
};

struct RecordedRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case; of equal ones the last
  std::string wire_body;                       // as it came
  std::string body;                            // the same after Content-Encoding gzip was undone
};

// Certificate and key, PEM, for 127.0.0.1 and localhost; self-signed, so that it is its own authority.
struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
  static TestCertificate make();
};

// Listens from construction to destruction, which ends every connection. Thread-safe.
class HttpServer {
 public:
  HttpServer();
  explicit HttpServer(const TestCertificate& certificate);  // speaks TLS
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // "http://127.0.0.1:PORT" + path (https with a certificate).
  [[nodiscard]] std::string url(const std::string& path = "") const;

  // The next request without a script of its own gets this one; they are used up in order.
  void script(ScriptedReply reply);
  // What every request gets once the scripts are used up. Until set: 200, no body.
  void reply_always(ScriptedReply reply);

  [[nodiscard]] std::vector<RecordedRequest> requests() const;
  [[nodiscard]] std::size_t connections() const;  // accepted so far
  // Waits until `count` requests came; false after `limit`.
  [[nodiscard]] bool wait_for_requests(std::size_t count,
                                       std::chrono::milliseconds limit = std::chrono::seconds(20)) const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

// A loopback port on which nothing listens (it was free a moment ago).
[[nodiscard]] std::uint16_t unused_port();

// gzip (RFC 1952), undone; throws std::runtime_error for what is none.
[[nodiscard]] std::string gunzip(const std::string& bytes);

}  // namespace meshflow::test
