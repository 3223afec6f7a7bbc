// Requests over HTTP, for exporters, model providers and tools: bounded in time and size, errors as values.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

namespace meshflow::net {

// Certificates for https. The peer's certificate and name are always verified.
struct TlsSettings {
  std::string ca_file = {};                  // PEM; empty: the system's authorities
  std::string client_certificate_file = {};  // PEM; empty: none
  std::string client_key_file = {};          // PEM; empty: the key is in the certificate file
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;  // names in lower case, in the order they came
  std::string body;

  // The first value of a header given in lower case; empty if there is none. Lives as long as the response.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

// One request. The views must live until send() returns.
struct HttpRequest {
  std::string_view url = {};  // absolute, http or https
  HttpHeaders headers = {};
  std::string_view body = {};
  std::chrono::milliseconds connect_timeout{10'000};  // resolving and TLS included
  std::chrono::milliseconds total_timeout{10'000};
  std::size_t response_bytes_max = 4u << 20;  // of the body, after decompression
  std::string_view unix_socket_path = {};     // not empty: the server listens there, whatever the URL's host
  std::string_view method = "POST";           // a token (RFC 9110, section 9.1)
  // Asked after each piece of the body that came, on the thread in send(): true ends the exchange, and what is there
  // counts as the whole response (for event streams, which a server may keep open). Empty: the body's own end counts.
  std::function<bool(const HttpResponse& so_far)> is_enough = {};
};

// Why no whole response came.
enum class HttpFailurePhase {
  request,  // the URL or a header is not usable; nothing was sent
  resolve,  // the host (or the proxy's) has no address
  connect,  // nothing accepts connections there
  tls,  // handshake, certificate, or a file of TlsSettings
  timeout,  // one of the time limits passed
  reset,  // the connection broke before the response was whole
  too_large,  // the response passed response_bytes_max
  cancelled,  // cancel() was called
};

[[nodiscard]] std::string_view http_failure_phase_name(HttpFailurePhase phase) noexcept;

struct HttpFailure {
  HttpFailurePhase phase;
  std::string message;  // a sentence that names the address, without its query and password
  std::string reason;  // the same without the address
};

using HttpResult = tl::expected<HttpResponse, HttpFailure>;

// Keeps its connections open between requests. One thread at a time calls send(); cancel() comes from any thread.
// Proxies as libcurl reads them from the environment (http_proxy, https_proxy, no_proxy). Redirects are not
// followed: their response is returned as it is.
class HttpClient {
 public:
  explicit HttpClient(TlsSettings tls = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Returns by `total_timeout` (plus scheduling). Any status is a response; a failure means none came whole.
  [[nodiscard]] HttpResult send(const HttpRequest& request);

  // Makes a running send() and every later one return `cancelled`, at once.
  void cancel() noexcept;

  // In a forked child, before anything else there: connections and their TLS sessions belong to the parent, and a
  // thread of the parent may have been in the middle of send(). They are left alone, and the next send() opens others.
  void after_fork_in_child() noexcept;

 private:
  class Transport;
  std::unique_ptr<Transport> transport_;
};

}  // namespace meshflow::net
