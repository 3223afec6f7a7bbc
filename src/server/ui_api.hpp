// What the web UI asks beside Jaeger's and Tempo's APIs, under /api/meshflow/:
//
//   GET capabilities, runs, resolve, traces/{id}/outline, traces/{id}/spans/{span}, traces/{id}/find, complete, check
//   POST differ
//   GET, POST views; DELETE views/{id}
//
// Errors are those of api_error.hpp; what is posted or deleted passes same_origin.hpp.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_router.hpp"
#include "query/json_writer.hpp"
#include "server/control_api.hpp"
#include "server/outline_cache.hpp"
#include "server/query_service.hpp"
#include "server/saved_views.hpp"

namespace meshflow::server {

struct UiApiOptions {
  std::function<std::vector<ServerListener>()> listeners = {};
  // Whether SQL is answered to whoever sent the request. Empty: to nobody.
  std::function<bool(const net::HttpServerRequest&)> may_ask_sql = {};
  std::string views_file = {};  // of SavedViews
  // Further members of the answer about capabilities, of whoever asks.
  std::function<void(const net::HttpServerRequest&, query::JsonWriter&)> more_capabilities = {};
  // Further members of a trace's outline.
  std::function<void(const otlp::TraceId&, query::JsonWriter&)> more_of_outline = {};
};

class UiApi {
 public:
  // `service` must outlive it.
  UiApi(const QueryService& service, UiApiOptions options);

  // Adds all routes. This object must outlive the server.
  void add_routes(net::HttpRouter& router);

  // The outline as GET …/outline answers it: what came after `since`, or all of it where that revision is not known
  // (any more). Errors as of query::read_outline(). Any thread.
  struct OutlineText {
    std::string json;
    std::string revision;
    bool is_whole = true;
    std::size_t new_rows = 0;
  };
  [[nodiscard]] Result<OutlineText> outline(store::Snapshot& snapshot, const otlp::TraceId& trace_id,
                                            std::string_view since);

 private:
  void add_trace_routes(net::HttpRouter& router);
  void add_query_routes(net::HttpRouter& router);
  void add_view_routes(net::HttpRouter& router);
  void add_differ_routes(net::HttpRouter& router);

  void send_capabilities(const net::HttpServerRequest& request, const net::HttpResponder& responder) const;
  void send_runs(const net::HttpServerRequest& request, const net::HttpResponder& responder) const;
  void send_resolved(const net::HttpServerRequest& request, const net::HttpResponder& responder) const;
  void send_outline(const net::HttpServerRequest& request, const net::HttpResponder& responder);
  void send_span(const net::HttpServerRequest& request, const net::HttpResponder& responder) const;
  void send_found(const net::HttpServerRequest& request, const net::HttpResponder& responder);
  void send_completions(const net::HttpServerRequest& request, const net::HttpResponder& responder) const;
  void send_checked(const net::HttpServerRequest& request, const net::HttpResponder& responder) const;
  void send_differences(const net::HttpServerRequest& request, const net::HttpResponder& responder) const;
  void send_views(const net::HttpResponder& responder);
  void add_view(const net::HttpServerRequest& request, const net::HttpResponder& responder);
  void remove_view(const net::HttpServerRequest& request, const net::HttpResponder& responder);

  const QueryService& service_;
  const UiApiOptions options_;
  OutlineCache outlines_;
  SavedViews views_;
};

}  // namespace meshflow::server
