// What an HTTP server's handler gets and gives: requests taken apart, replies as values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_client.hpp"

namespace meshflow::net {

// Parameters of a query or a path, decoded, in order; a name may come more than once.
using HttpParameters = std::vector<std::pair<std::string, std::string>>;

// A request whose body came whole. A value; the accessors' views live as long as it is not changed.
struct HttpServerRequest {
  std::string method;  // as sent: "GET", "POST"
  std::string target;  // path and query as sent: "/api/traces?service=a%20b"
  std::string path;    // percent-decoded; begins with '/' (or is "*", for OPTIONS)
  HttpParameters query;
  HttpParameters path_parameters;  // what HttpRouter matched with {name}
  HttpHeaders headers;             // names in lower case, in the order they came
  std::string body;                // after Content-Encoding was undone
  std::string peer;                // "127.0.0.1:51234"

  // The first value of a header given in lower case; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
  // The media type of Content-Type in lower case, without parameters: "application/json".
  [[nodiscard]] std::string content_type() const;
  // The first value of a query parameter ("?name" alone has the empty value); nothing where there is none.
  [[nodiscard]] std::optional<std::string_view> query_value(std::string_view name) const noexcept;
  [[nodiscard]] std::vector<std::string_view> query_values(std::string_view name) const;
  // Empty where the route has no such {name}.
  [[nodiscard]] std::string_view path_parameter(std::string_view name) const noexcept;
  // The path as sent, percent-encoded.
  [[nodiscard]] std::string_view raw_path() const noexcept;
};

// A whole answer. Content-Length, Date, Connection, Content-Encoding and CORS headers are the server's to add.
struct HttpReply {
  int status = 200;
  std::string content_type = {};  // empty: none is sent
  HttpHeaders headers = {};       // a name or value with control characters in it is left out
  std::string body = {};          // compressed with gzip where it is large and the client accepts that
};

// The reason phrase of a status: "Not Found"; "Unknown" for one that this server does not use. Lives for ever.
[[nodiscard]] std::string_view http_reason(int status) noexcept;

// `text` with %XX undone, and '+' as a blank where `plus_is_blank` (queries, not paths). Nothing for a '%' without two
// hexadecimal digits after it, and for a NUL. Pure.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);

// "a=1&b=x%20y&a" as parameters; empty pieces are skipped. Nothing where percent_decode has nothing, or past
// kQueryParametersMax. Pure.
inline constexpr std::size_t kQueryParametersMax = 1000;
[[nodiscard]] std::optional<HttpParameters> parse_query(std::string_view text);

}  // namespace meshflow::net
