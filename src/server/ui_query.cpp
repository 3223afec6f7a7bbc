// Completion and errors for the web UI's editors.
#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/sql/complete.hpp"
#include "query/sql/run.hpp"
#include "query/traceql/check.hpp"
#include "query/traceql/complete.hpp"
#include "query/traceql/limits.hpp"
#include "query/traceql/store_completion.hpp"
#include "server/api_error.hpp"
#include "server/ui_api.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;
using query::JsonWriter;
namespace traceql = query::traceql;

enum class Language { traceql, sql };

Result<Language> language_of(const HttpServerRequest& request) {
  const std::string_view name = request.query_value("lang").value_or("traceql");
  if (name == "traceql") return Language::traceql;
  if (name == "sql") return Language::sql;
  return fail(ErrorCode::invalid_argument, fmt::format("lang: there is no language \"{}\"", name), "traceql or sql");
}

void write_completions(JsonWriter& out, const traceql::Completions& completions, std::string_view text) {
  out.begin_object();
  out.key("from");
  out.integer(std::uint64_t{utf16_units(text, completions.from)});
  out.key("to");
  out.integer(std::uint64_t{utf16_units(text, completions.to)});
  out.key("items");
  out.begin_array();
  for (const traceql::Completion& item : completions.items) {
    out.begin_object();
    out.field("label", item.label);
    out.field("kind", name_of(item.kind));
    out.field("detail", item.detail);
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

void send(const HttpResponder& responder, int status, JsonWriter& out) {
  responder.send({.status = status, .content_type = "application/json", .body = out.take()});
}

}  // namespace

void UiApi::add_query_routes(net::HttpRouter& router) {
  constexpr std::string_view kApi = "meshflow";
  service_.add(router, kApi, "/api/meshflow/complete", "complete",
               [this](const auto& request, const auto& responder) { send_completions(request, responder); });
  service_.add(router, kApi, "/api/meshflow/check", "check",
               [this](const auto& request, const auto& responder) { send_checked(request, responder); });
}

void UiApi::send_completions(const HttpServerRequest& request, const HttpResponder& responder) const {
  const auto language = language_of(request);
  if (!language) return responder.send(error_reply(language.error()));
  const std::string_view q = request.query_value("q").value_or("");
  if (q.size() > traceql::kQueryBytesMax) {
    return responder.send(
        error_reply({ErrorCode::limit_exceeded,
                     fmt::format("the query has more than {} bytes (limit query_bytes_max)", traceql::kQueryBytesMax),
                     std::nullopt,
                     {}}));
  }
  std::size_t units = SIZE_MAX;
  if (const auto pos = request.query_value("pos")) {
    const auto [end, error] = std::from_chars(pos->data(), pos->data() + pos->size(), units);
    if (error != std::errc() || end != pos->data() + pos->size()) {
      return responder.send(
          error_reply({ErrorCode::invalid_argument, "pos: it must be a place in the query", std::nullopt, {}}));
    }
  }
  const std::size_t cursor = bytes_of_utf16(q, units);
  JsonWriter out;
  if (*language == Language::sql) {
    write_completions(out, query::sql::complete(q, cursor), q);
  } else {
    auto snapshot = service_.store().snapshot();
    if (!snapshot) return responder.send(error_reply(snapshot.error()));
    const traceql::StoreCompletion known(*snapshot);
    write_completions(out, traceql::complete(q, cursor, &known), q);
  }
  send(responder, 200, out);
}

void UiApi::send_checked(const HttpServerRequest& request, const HttpResponder& responder) const {
  const auto language = language_of(request);
  if (!language) return responder.send(error_reply(language.error()));
  const std::string_view q = request.query_value("q").value_or("");
  JsonWriter out;
  out.begin_object();
  out.key("ok");
  if (*language == Language::traceql) {
    const auto checked = traceql::check_query(q);
    out.boolean(checked.has_value());
    if (!checked) {
      out.key("error");
      write_error(out, checked.error(), q);
    }
  } else {
    auto snapshot = service_.store().snapshot();
    if (!snapshot) return responder.send(error_reply(snapshot.error()));
    const auto checked = query::sql::check_statement(*snapshot, q, {.now_unix_nanos = service_.now()});
    out.boolean(checked.has_value());
    if (!checked) {
      out.key("error");
      write_error(out, checked.error());
    }
  }
  out.end_object();
  send(responder, 200, out);
}

}  // namespace meshflow::server
