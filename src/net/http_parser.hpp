// One HTTP/1.x request as it comes in. Keeps Boost.Beast out of the rest of the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "net/http_message.hpp"

namespace meshflow::net {

// Parses one request: first its head, then, where it is chunked, its body. One thread at a time.
class HttpRequestParser {
 public:
  explicit HttpRequestParser(std::size_t header_bytes_max);
  ~HttpRequestParser();
  HttpRequestParser(const HttpRequestParser&) = delete;
  HttpRequestParser& operator=(const HttpRequestParser&) = delete;

  // How many of `bytes` it has taken; 0: it needs more than these (give them again, with more behind). Stops at the end
  // of the head, and at the end of the body. Errors: limit_exceeded past `header_bytes_max`, invalid_input for what is
  // no HTTP/1.x request, and what `on_body` returns.
  [[nodiscard]] Result<std::size_t> put(std::string_view bytes);

  [[nodiscard]] bool is_head_done() const noexcept;
  [[nodiscard]] bool is_done() const noexcept;

  // Once the head is done: method, target and headers; the rest of it is the caller's to fill.
  [[nodiscard]] HttpServerRequest& head() noexcept;
  [[nodiscard]] bool is_http_1_0() const noexcept;
  [[nodiscard]] bool keep_alive() const noexcept;
  [[nodiscard]] bool is_chunked() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;

  // Gets a chunked body, piece by piece, from within put().
  void set_on_body(std::function<Result<void>(std::string_view)> on_body);

 private:
  class Beast;
  std::unique_ptr<Beast> beast_;
};

}  // namespace meshflow::net
