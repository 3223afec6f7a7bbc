// A reply whose size is not known beforehand: sent whole while it is small, as a stream once it grows.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "net/http_server.hpp"

namespace meshflow::server {

// Collects the body of a 200. Not on an IoThread: it waits for slow clients. One thread at a time. Destroyed without
// finish(), the client notices that the reply is not whole.
class ReplyWriter {
 public:
  ReplyWriter(net::HttpResponder responder, std::string content_type);

  // False once the client is gone or takes nothing for a while: the caller stops its work then.
  [[nodiscard]] bool write(std::string piece);
  void finish();
  // True where nothing has been sent yet: an error can still be answered as one.
  [[nodiscard]] bool is_unsent() const noexcept { return !stream_.has_value(); }
  [[nodiscard]] const net::HttpResponder& responder() const noexcept { return responder_; }

 private:
  bool flush();

  net::HttpResponder responder_;
  std::string content_type_;
  std::string body_;  // not yet sent
  std::optional<net::HttpStream> stream_;
  bool is_gone_ = false;
};

}  // namespace meshflow::server
