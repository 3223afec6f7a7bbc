// Which handler a request is for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http_server.hpp"

namespace meshflow::net {

// Routes by method and path pattern: "/api/traces/{id}" matches one segment, "/static/{file...}" (last) the rest of the
// path, which may be empty. Segments are split as sent and then decoded, so a value may contain "%2F". A literal
// segment beats a parameter. A trailing '/' counts. HEAD goes to GET's handler where it has none of its own.
// 404 for an unknown path, 405 with Allow for a known one with another method, 204 with Allow for OPTIONS.
// Set up by one thread; then handle() is const and may be called concurrently.
class HttpRouter {
 public:
  // The pattern is ours, not input: one that is malformed, or added twice for a method, ends the process.
  void add(std::string_view method, std::string_view pattern, HttpHandler handler);

  void handle(HttpServerRequest request, HttpResponder responder) const;

 private:
  struct Segment {
    enum class Kind { literal, parameter, rest };
    Kind kind = Kind::literal;
    std::string text;  // the literal, or the parameter's name
    friend bool operator==(const Segment&, const Segment&) = default;
  };
  struct Route {
    std::vector<Segment> segments;
    std::vector<std::pair<std::string, HttpHandler>> methods;
  };
  // True where the pattern fits; fills `parameters`.
  [[nodiscard]] static bool matches(const Route& route, const std::vector<std::string_view>& pieces,
                                    HttpParameters& parameters);

  std::vector<Route> routes_;  // in the order in which they are tried
};

// The router as a server's handler. It must outlive the server.
[[nodiscard]] HttpHandler handler_of(const HttpRouter& router);

}  // namespace meshflow::net
