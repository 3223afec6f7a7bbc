#include "net/http_parser.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace meshflow::net {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

class HttpRequestParser::Beast final : public http::basic_parser<true> {
 public:
  explicit Beast(std::size_t header_bytes_max) {
    header_limit(
        static_cast<std::uint32_t>(std::min<std::size_t>(header_bytes_max, std::numeric_limits<std::uint32_t>::max())));
    body_limit(boost::none);  // the connection counts
  }

  HttpServerRequest head;
  std::function<Result<void>(std::string_view)> on_body;
  std::optional<Error> body_error;
  bool is_http_1_0 = false;

 private:
  void on_request_impl(http::verb, string_view method, string_view target, int version, error_code&) override {
    head.method.assign(method.data(), method.size());
    head.target.assign(target.data(), target.size());
    is_http_1_0 = version < 11;
  }
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
    if (is_header_done()) return;  // trailers mean nothing here
    auto& [own_name, own_value] = head.headers.emplace_back();
    own_name.assign(name.data(), name.size());
    for (char& c : own_name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    own_value.assign(value.data(), value.size());
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code& error) override { return take(body, error); }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code& error) override {
    return take(body, error);
  }
  void on_finish_impl(error_code&) override {}

  std::size_t take(string_view body, error_code& error) {
    if (on_body) {
      if (auto taken = on_body({body.data(), body.size()}); !taken) {
        body_error = std::move(taken).error();
        error = http::error::body_limit;  // any would do: ours is told in its place
      }
    }
    return body.size();
  }
};

HttpRequestParser::HttpRequestParser(std::size_t header_bytes_max)
    : beast_(std::make_unique<Beast>(header_bytes_max)) {}
HttpRequestParser::~HttpRequestParser() = default;

Result<std::size_t> HttpRequestParser::put(std::string_view bytes) {
  // A chunked body ends with "0" and two line ends at the least. Beast looks at a last chunk again when more has come,
  // and takes for granted (it asserts) that it is given as much.
  constexpr std::size_t kLastChunkBytes = 5;
  if (is_head_done() && is_chunked() && bytes.size() < kLastChunkBytes) return 0;
  error_code error;
  const std::size_t taken = beast_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (beast_->body_error) return tl::unexpected<Error>(*std::move(beast_->body_error));
  if (!error) return taken;
  if (error == http::error::need_more) return taken;
  if (error == http::error::header_limit) {
    return fail(ErrorCode::limit_exceeded, "the request line and headers are too large");
  }
  return fail(ErrorCode::invalid_input, fmt::format("this is no HTTP/1.1 request: {}", error.message()));
}

bool HttpRequestParser::is_head_done() const noexcept { return beast_->is_header_done(); }
bool HttpRequestParser::is_done() const noexcept { return beast_->is_done(); }
HttpServerRequest& HttpRequestParser::head() noexcept { return beast_->head; }
bool HttpRequestParser::is_http_1_0() const noexcept { return beast_->is_http_1_0; }
bool HttpRequestParser::keep_alive() const noexcept { return beast_->keep_alive(); }
bool HttpRequestParser::is_chunked() const noexcept { return beast_->chunked(); }
std::optional<std::uint64_t> HttpRequestParser::content_length() const noexcept {
  const auto length = beast_->content_length();
  if (!length) return std::nullopt;
  return *length;
}
void HttpRequestParser::set_on_body(std::function<Result<void>(std::string_view)> on_body) {
  beast_->on_body = std::move(on_body);
}

}  // namespace meshflow::net
