#include "server/ui_pages.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "net/content_encoding.hpp"

namespace meshflow::server {
namespace {

using net::HttpReply;
using net::HttpResponder;
using net::HttpServerRequest;

constexpr std::string_view kHtml = "text/html; charset=utf-8";
// A file is ours, and small.
constexpr std::size_t kFileBytesMax = std::size_t{16} << 20;

// The screens' addresses (web/src/app/screens.ts).
constexpr std::array kScreenPaths{"/",       "/search",    "/trace/{id}", "/analytics", "/blocked",     "/alerts",
                                  "/differ", "/approvals", "/query",      "/sql",       "/dependencies"};

constexpr std::string_view kPageWithout =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>MeshFlow</title></head><body>\n"
    "<h1>MeshFlow</h1>\n"
    "<p>This program was built without its web UI: there was no Node.js when it was built. <code>./dev build</code>, "
    "in "
    "the folder of the sources, fetches Node.js and builds it with the UI.</p>\n"
    "<p>The traces are all here: <code>meshflow traces</code> lists them on the command line, and "
    "<a href=\"api/traces?limit=20\">api/traces</a> answers in Jaeger's JSON.</p>\n</body></html>\n";

const UiFile* find_file(std::span<const UiFile> files, std::string_view path) {
  for (const UiFile& file : files) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

net::HttpHeaders guarding_headers(const UiOptions& options) {
  return {{"Content-Security-Policy",
           fmt::format("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
                       "'self'; base-uri 'self'; form-action 'none'; frame-ancestors {}; require-trusted-types-for "
                       "'script'; trusted-types 'none'",
                       options.frame_ancestors)},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"}};
}

// The file's bytes as they are without compression; empty where they are not what the build wrote.
std::string plain_bytes(const UiFile& file) {
  if (!file.is_gzipped) return std::string(file.bytes);
  const auto decoder = net::ContentDecoder::make(net::ContentEncoding::gzip, file.bytes.size() * 4, kFileBytesMax);
  if (!decoder->feed(file.bytes)) return {};
  return decoder->finish().value_or(std::string());
}

// index.html with the <base> of this server: every other address in the UI is relative to it.
std::string page_text(const UiOptions& options) {
  const UiFile* const index = find_file(options.files, "index.html");
  if (index == nullptr) return std::string(kPageWithout);
  constexpr std::string_view kBase = "<base href=\"/\">";
  std::string text = plain_bytes(*index);
  if (const auto at = text.find(kBase); at != std::string::npos) {
    text.replace(at, kBase.size(), fmt::format("<base href=\"{}\">", options.base_path));
  }
  return text;
}

HttpReply page_reply(const UiOptions& options, std::string text, int status) {
  HttpReply reply{.status = status, .content_type = std::string(kHtml), .headers = guarding_headers(options)};
  reply.headers.emplace_back("Cache-Control", "no-cache");
  reply.body = std::move(text);
  return reply;
}

void send_file(const UiOptions& options, const HttpServerRequest& request, const HttpResponder& responder) {
  const UiFile* const file = find_file(options.files, fmt::format("assets/{}", request.path_parameter("file")));
  if (file == nullptr) return responder.fail(404, fmt::format("there is nothing at {}", request.path));
  HttpReply reply{.content_type = std::string(file->content_type), .headers = guarding_headers(options)};
  reply.headers.emplace_back("Cache-Control", "public, max-age=31536000, immutable");
  reply.headers.emplace_back("Vary", "Accept-Encoding");
  if (file->is_gzipped && net::accepts_gzip(request.header("accept-encoding"))) {
    reply.headers.emplace_back("Content-Encoding", "gzip");
    reply.body = std::string(file->bytes);
  } else {
    reply.body = plain_bytes(*file);
  }
  responder.send(std::move(reply));
}

}  // namespace

void add_ui_routes(const UiOptions& options, net::HttpRouter& router) {
  const std::string text = page_text(options);
  for (const char* path : kScreenPaths) {
    router.add("GET", path, [&options, text](const auto& /*request*/, const auto& responder) {
      responder.send(page_reply(options, text, 200));
    });
  }
  router.add("GET", "/assets/{file}",
             [&options](const auto& request, const auto& responder) { send_file(options, request, responder); });
}

net::HttpErrorRenderer render_ui_error(const UiOptions& options, net::HttpErrorRenderer otherwise) {
  return [&options, text = page_text(options), otherwise = std::move(otherwise)](
             const HttpServerRequest& request, int status, std::string_view sentence) {
    const auto is_under = [&](std::string_view folder) {
      return request.path.starts_with(folder) &&
             (request.path.size() == folder.size() || request.path[folder.size()] == '/');
    };
    const bool is_page = (request.method == "GET" || request.method == "HEAD") && !is_under("/api") &&
                         !is_under("/tempo") && !is_under("/assets") &&
                         request.header("accept").find("text/html") != std::string_view::npos;
    return status == 404 && is_page ? page_reply(options, text, 404) : otherwise(request, status, sentence);
  };
}

}  // namespace meshflow::server
