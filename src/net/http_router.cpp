#include "net/http_router.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace meshflow::net {
namespace {

// "/a/b" is "a", "b"; "/" is one empty piece, so that a trailing '/' counts.
std::vector<std::string_view> pieces_of(std::string_view path) {
  std::vector<std::string_view> pieces;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    pieces.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return pieces;
    path.remove_prefix(slash + 1);
  }
}

[[noreturn]] void reject(std::string_view pattern, const char* why) {
  fmt::print(stderr, "meshflow: route {}: {}\n", pattern, why);
  std::abort();
}

}  // namespace

void HttpRouter::add(std::string_view method, std::string_view pattern, HttpHandler handler) {
  if (!pattern.starts_with('/')) reject(pattern, "a pattern begins with '/'");
  Route route;
  for (const std::string_view piece : pieces_of(pattern)) {
    if (!route.segments.empty() && route.segments.back().kind == Segment::Kind::rest) {
      reject(pattern, "{name...} must be the last segment");
    }
    if (!piece.starts_with('{') || !piece.ends_with('}')) {
      route.segments.push_back({Segment::Kind::literal, std::string(piece)});
    } else if (piece.ends_with("...}")) {
      route.segments.push_back({Segment::Kind::rest, std::string(piece.substr(1, piece.size() - 5))});
    } else {
      route.segments.push_back({Segment::Kind::parameter, std::string(piece.substr(1, piece.size() - 2))});
    }
  }
  // Literals before parameters before rests, segment by segment: the first route that fits is then the closest.
  const auto kinds_less = [](const Route& a, const Route& b) {
    return std::lexicographical_compare(a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
                                        [](const Segment& x, const Segment& y) { return x.kind < y.kind; });
  };
  auto found =
      std::find_if(routes_.begin(), routes_.end(), [&](const Route& each) { return each.segments == route.segments; });
  if (found == routes_.end()) {
    const auto place = std::upper_bound(routes_.begin(), routes_.end(), route, kinds_less);
    found = routes_.insert(place, std::move(route));
  }
  for (const auto& [each, unused] : found->methods) {
    if (each == method) reject(pattern, "it was added before for this method");
  }
  found->methods.emplace_back(method, std::move(handler));
}

bool HttpRouter::matches(const Route& route, const std::vector<std::string_view>& pieces, HttpParameters& parameters) {
  parameters.clear();
  const auto& segments = route.segments;
  const bool has_rest = segments.back().kind == Segment::Kind::rest;
  if (has_rest ? pieces.size() < segments.size() : pieces.size() != segments.size()) return false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = segments[i];
    std::string_view piece = pieces[i];
    if (segment.kind == Segment::Kind::rest) {
      piece = {piece.data(), static_cast<std::size_t>(pieces.back().data() + pieces.back().size() - piece.data())};
    }
    auto decoded = percent_decode(piece, false);
    if (!decoded) return false;
    switch (segment.kind) {
      case Segment::Kind::literal:
        if (*decoded != segment.text) return false;
        break;
      case Segment::Kind::parameter:
        if (decoded->empty()) return false;
        [[fallthrough]];
      case Segment::Kind::rest: parameters.emplace_back(segment.text, std::move(*decoded)); break;
    }
  }
  return true;
}

void HttpRouter::handle(HttpServerRequest request, HttpResponder responder) const {
  const std::vector<std::string_view> pieces = pieces_of(request.raw_path());
  std::string allowed;
  const auto allow = [&allowed](std::string_view method) {
    if (allowed.find(method) != std::string::npos) return;
    allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", method);
  };
  const auto handler_for = [](const Route& route, std::string_view method) -> const HttpHandler* {
    for (const auto& [each, handler] : route.methods) {
      if (each == method) return &handler;
    }
    return nullptr;
  };
  HttpParameters parameters;
  for (const Route& route : routes_) {
    if (!matches(route, pieces, parameters)) continue;
    const HttpHandler* handler = handler_for(route, request.method);
    if (handler == nullptr && request.method == "HEAD") handler = handler_for(route, "GET");
    if (handler != nullptr) {
      request.path_parameters = std::move(parameters);
      return (*handler)(std::move(request), std::move(responder));
    }
    for (const auto& [method, unused] : route.methods) {
      allow(method);
      if (method == "GET") allow("HEAD");
    }
  }
  if (allowed.empty()) return responder.fail(404, fmt::format("there is nothing at {}", request.path));
  allow("OPTIONS");
  if (request.method == "OPTIONS") return responder.send({.status = 204, .headers = {{"Allow", allowed}}});
  responder.fail(405, fmt::format("{} does not take {}; it takes {}", request.path, request.method, allowed),
                 {{"Allow", allowed}});
}

HttpHandler handler_of(const HttpRouter& router) {
  return [&router](HttpServerRequest request, HttpResponder responder) {
    router.handle(std::move(request), std::move(responder));
  };
}

}  // namespace meshflow::net
