#include "server/api_error.hpp"

#include <algorithm>
#include <string>

#include "server/query_service.hpp"

namespace meshflow::server {
namespace {

// The name in "… (limit NAME)".
std::string_view limit_in(std::string_view message) {
  constexpr std::string_view kBegin = "(limit ";
  const auto begin = message.find(kBegin);
  if (begin == std::string_view::npos) return {};
  const auto name = message.substr(begin + kBegin.size());
  return name.substr(0, name.find(')'));
}

void write_count(query::JsonWriter& out, std::string_view name, std::size_t count) {
  out.key(name);
  out.integer(std::uint64_t{count});
}

net::HttpReply reply_of(int status, query::JsonWriter& out) {
  return {.status = status, .content_type = "application/json", .body = out.take()};
}

ErrorCode code_of(int status) {
  switch (status) {
    case 404: return ErrorCode::not_found;
    case 413:
    case 431: return ErrorCode::limit_exceeded;
    case 503: return ErrorCode::unavailable;
    default: return status < 500 ? ErrorCode::invalid_argument : ErrorCode::internal;
  }
}

// Of the character that begins with `byte`; 0 in the middle of one.
std::size_t units_of(char byte) {
  const auto first = static_cast<unsigned char>(byte);
  return (first & 0xC0) == 0x80 ? 0 : first >= 0xF0 ? 2 : 1;
}

}  // namespace

void write_error(query::JsonWriter& out, const Error& error) {
  out.begin_object();
  out.field("code", error_code_name(error.code));
  out.field("message", error.message);
  if (const std::string_view limit = limit_in(error.message); !limit.empty()) out.field("limit", limit);
  if (error.position && error.position->line > 0) {
    write_count(out, "line", static_cast<std::size_t>(error.position->line));
    if (error.position->column > 0) write_count(out, "column", static_cast<std::size_t>(error.position->column));
  }
  if (!error.hint.empty()) out.field("hint", error.hint);
  out.end_object();
}

void write_error(query::JsonWriter& out, const query::traceql::Problem& problem, std::string_view text) {
  out.begin_object();
  out.field("code", error_code_name(problem.code));
  out.field("message", problem.message);
  if (!problem.limit.empty()) out.field("limit", problem.limit);
  if (problem.line > 0) {
    write_count(out, "line", problem.line);
    write_count(out, "column", problem.column);
    write_count(out, "length", problem.length);
    write_count(out, "from", utf16_units(text, problem.place.at));
    write_count(out, "to", utf16_units(text, problem.place.end()));
  }
  if (!problem.hint.empty()) out.field("hint", problem.hint);
  out.end_object();
}

net::HttpReply error_reply(int status, const Error& error) {
  query::JsonWriter out;
  out.begin_object();
  out.key("error");
  write_error(out, error);
  out.end_object();
  return reply_of(status, out);
}

net::HttpReply error_reply(const Error& error) { return error_reply(http_status_of(error), error); }

net::HttpReply error_reply(const query::traceql::Problem& problem, std::string_view text) {
  query::JsonWriter out;
  out.begin_object();
  out.key("error");
  write_error(out, problem, text);
  out.end_object();
  return reply_of(http_status_of({problem.code, problem.message, std::nullopt, {}}), out);
}

net::HttpReply render_api_error(const net::HttpServerRequest& /*request*/, int status, std::string_view sentence) {
  return error_reply(status, {code_of(status), std::string(sentence), std::nullopt, {}});
}

std::size_t utf16_units(std::string_view text, std::size_t bytes) {
  std::size_t units = 0;
  for (const char byte : text.substr(0, bytes)) units += units_of(byte);
  return units;
}

std::size_t bytes_of_utf16(std::string_view text, std::size_t units) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at) {
    if (seen >= units && units_of(text[at]) > 0) break;
    seen += units_of(text[at]);
  }
  return at;
}

}  // namespace meshflow::server
