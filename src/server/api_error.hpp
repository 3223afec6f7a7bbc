// How errors of the control socket and of /api/meshflow/ look: the one writer of them.
//
//   {"error": {"code", "message", "limit"?, "line"?, "column"?, "length"?, "from"?, "to"?, "hint"?}}
//
// `code` is an ErrorCode's name. `line`, `column` and `length` count characters (code points), the first two from 1;
// `from` and `to` are the same place as JavaScript counts a text (UTF-16). `limit` is the name of the limit that was
// passed.
#pragma once

#include <string_view>

#include "meshflow/base/error.hpp"
#include "net/http_message.hpp"
#include "query/json_writer.hpp"
#include "query/traceql/problem.hpp"

namespace meshflow::server {

// The members of "error", as an object. `text` is the query that a problem is of.
void write_error(query::JsonWriter& out, const Error& error);
void write_error(query::JsonWriter& out, const query::traceql::Problem& problem, std::string_view text);

[[nodiscard]] net::HttpReply error_reply(int status, const Error& error);
// With the status that fits the error.
[[nodiscard]] net::HttpReply error_reply(const Error& error);
[[nodiscard]] net::HttpReply error_reply(const query::traceql::Problem& problem, std::string_view text);

// Errors of the server itself (404, 413, …): for HttpServerOptions::render_error.
[[nodiscard]] net::HttpReply render_api_error(const net::HttpServerRequest& request, int status,
                                              std::string_view sentence);

// How many UTF-16 units the first `bytes` of a text are, and back: the bytes before a unit, at most all. Pure.
[[nodiscard]] std::size_t utf16_units(std::string_view text, std::size_t bytes);
[[nodiscard]] std::size_t bytes_of_utf16(std::string_view text, std::size_t units);

}  // namespace meshflow::server
