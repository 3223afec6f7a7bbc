// The web UI on Jaeger's port: its files, the routes that its page answers, and the headers that guard both.
//
//   /, /search, /trace/{id}, …   the page; no-cache
//   /assets/{file}               what the page loads; names carry a digest, so they may be kept for ever
//
// The files are made by the build (web/). Where it had no Node.js there are none, and the page says what is missing.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "net/http_router.hpp"

namespace meshflow::server {

// A file as it was linked in. Views live as long as the program.
struct UiFile {
  std::string_view path;  // "index.html", "assets/main-Ck3xV2.js"
  std::string_view content_type;
  std::string_view bytes;
  bool is_gzipped = false;
};

// Those of this program; defined by the target meshflow_web. Empty where it was built without Node.js.
[[nodiscard]] std::span<const UiFile> built_in_ui_files() noexcept;

struct UiOptions {
  std::span<const UiFile> files = {};
  // The path below which browsers reach this server, behind a proxy that takes it off: "/", "/meshflow/".
  std::string base_path = "/";
  // Who may show the page in a frame (CSP frame-ancestors): "'self'", "'none'", "https://grafana.example".
  std::string frame_ancestors = "'self'";
};

// Adds the routes above. The options must outlive the server.
void add_ui_routes(const UiOptions& options, net::HttpRouter& router);

// The page with status 404 for a browser that asks for a path that nothing is at; `otherwise` for everybody else, and
// for every other error.
[[nodiscard]] net::HttpErrorRenderer render_ui_error(const UiOptions& options, net::HttpErrorRenderer otherwise);

}  // namespace meshflow::server
