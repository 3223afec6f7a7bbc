#include "server/sql_api.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <boost/json/value.hpp>

#include "base/try.hpp"
#include "query/json_writer.hpp"
#include "query/number.hpp"
#include "query/sql/render.hpp"
#include "server/api_error.hpp"
#include "server/json_body.hpp"
#include "server/same_origin.hpp"
#include "server/trace_source.hpp"

namespace meshflow::server {
namespace {

namespace json = boost::json;
using net::HttpResponder;
using net::HttpServerRequest;
using store::TextValue;

constexpr std::string_view kJson = "application/json";

struct Question {
  std::string sql;
  std::size_t rows_max = query::sql::Limits{}.rows_max;
};

Result<std::size_t> rows_max_of(std::int64_t limit) {
  if (limit >= 1 && limit <= static_cast<std::int64_t>(query::sql::kRowsMax)) return static_cast<std::size_t>(limit);
  return fail(ErrorCode::invalid_argument, fmt::format("limit must be from 1 to {}", query::sql::kRowsMax));
}

Result<Question> question_in(std::string_view body) {
  const auto object = object_in(body);
  auto sql = text_member(object, "sql");
  if (!sql) {
    return fail(ErrorCode::invalid_argument, "the body must be a JSON object with a text \"sql\"",
                R"({"sql": "SELECT …", "limit": 100})");
  }
  Question question{.sql = std::move(*sql)};
  if (const json::value* const limit = member_of(*object, "limit")) {
    boost::system::error_code not_a_number;
    const auto number = limit->to_number<std::int64_t>(not_a_number);
    MESHFLOW_TRY(question.rows_max, rows_max_of(not_a_number ? 0 : number));
  }
  return question;
}

Result<Question> question_in(const HttpServerRequest& request) {
  if (request.method == "POST") return question_in(std::string_view(request.body));
  const auto sql = request.query_value("sql");
  if (!sql) return fail(ErrorCode::invalid_argument, "the parameter sql is missing", "?sql=SELECT …");
  Question question{.sql = std::string(*sql)};
  if (const auto limit = request.query_value("limit")) {
    const auto number = query::parse_number(*limit);
    MESHFLOW_TRY(question.rows_max, rows_max_of(number && number->integer ? *number->integer : 0));
  }
  return question;
}

query::sql::Options options_of(const QueryService& service, const Question& question, const HttpResponder& responder) {
  query::sql::Options options;
  options.limits.rows_max = question.rows_max;
  options.now_unix_nanos = service.now();
  options.is_wanted = [responder] { return responder.is_wanted(); };
  return options;
}

Result<query::sql::Answer> ask(const QueryService& service, const Question& question, const HttpResponder& responder) {
  MESHFLOW_TRY(store::Snapshot snapshot, service.store().snapshot());
  return query::sql::run(snapshot, question.sql, options_of(service, question, responder));
}

void send_json(const HttpResponder& responder, std::string body) {
  responder.send({.status = 200, .content_type = std::string(kJson), .body = std::move(body)});
}

void send_answer(const QueryService& service, const SqlApiOptions& options, const HttpServerRequest& request,
                 const HttpResponder& responder) {
  if (options.may_ask && !options.may_ask(request)) {
    return responder.send(
        error_reply({ErrorCode::permission_denied,
                     "SQL is answered on loopback, to those who have a token, and to those who signed in", std::nullopt,
                     "meshflow ui signs in; meshflow serve --auth-token-file takes a token"}));
  }
  const auto question = question_in(request);
  if (!question) return responder.send(error_reply(question.error()));
  const auto answer = ask(service, *question, responder);
  if (!answer) return responder.send(error_reply(answer.error()));
  send_json(responder, query::sql::answer_json(*answer));
}

void send_export(const QueryService& service, const HttpServerRequest& request, const HttpResponder& responder) {
  const auto name = text_member(object_in(request.body), "trace");
  if (!name) {
    return responder.send(
        error_reply({ErrorCode::invalid_argument, "the body must have a text \"trace\"", std::nullopt, {}}));
  }
  StoreTraceSource source(service.store());
  const auto file = source.export_parquet(*name);
  if (!file) return responder.send(error_reply(file.error()));
  query::JsonWriter out;
  out.begin_object();
  out.field("file", *file);
  out.end_object();
  send_json(responder, out.take());
}

char letter_of(TextValue::Kind kind) {
  switch (kind) {
    case TextValue::Kind::boolean: return 'b';
    case TextValue::Kind::integer: return 'i';
    case TextValue::Kind::real: return 'r';
    default: return 't';
  }
}

TextValue value_from(const json::value& value) {
  const json::string* const text = value.if_string();
  if (text == nullptr || text->empty()) return {};
  TextValue read{TextValue::Kind::text, std::string(*text).substr(1)};
  switch (text->front()) {
    case 'b': read.kind = TextValue::Kind::boolean; break;
    case 'i': read.kind = TextValue::Kind::integer; break;
    case 'r': read.kind = TextValue::Kind::real; break;
    default: break;
  }
  return read;
}

}  // namespace

void add_sql_routes(const QueryService& service, SqlApiOptions options, net::HttpRouter& router) {
  for (const std::string_view method : {"GET", "POST"}) {
    service.add(router, "meshflow", method, "/api/meshflow/sql", "sql",
                same_origin_only([&service, options](const auto& request, const auto& responder) {
                  send_answer(service, options, request, responder);
                }));
  }
}

void add_sql_control_routes(const QueryService& service, net::HttpRouter& router) {
  service.add(router, "control", "POST", "/sql", "sql", [&service](const auto& request, const auto& responder) {
    const auto question = question_in(std::string_view(request.body));
    if (!question) return responder.send(error_reply(question.error()));
    const auto answer = ask(service, *question, responder);
    if (!answer) return responder.send(error_reply(answer.error()));
    send_json(responder, sql_rows_json(*answer));
  });
  service.add(router, "control", "POST", "/export/parquet", "export",
              [&service](const auto& request, const auto& responder) { send_export(service, request, responder); });
}

std::string sql_rows_json(const query::sql::Answer& answer) {
  query::JsonWriter out;
  out.begin_object();
  out.key("columns");
  out.begin_array();
  for (const auto& column : answer.rows.columns) {
    out.begin_object();
    out.field("name", column.name);
    out.field("type", column.type);
    out.key("is_number");
    out.boolean(column.is_number);
    out.end_object();
  }
  out.end_array();
  out.key("rows");
  out.begin_array();
  for (const auto& row : answer.rows.rows) {
    out.begin_array();
    for (const TextValue& value : row) {
      value.kind == TextValue::Kind::null ? out.null() : out.string(letter_of(value.kind) + value.text);
    }
    out.end_array();
  }
  out.end_array();
  out.key("is_cut");
  out.boolean(answer.rows.is_cut);
  out.key("took_ns");
  out.integer(std::int64_t{answer.took.count()});
  out.end_object();
  return out.take();
}

Result<query::sql::Answer> sql_rows_from(std::string_view text) {
  const auto not_understood = [] {
    return fail(ErrorCode::internal, "the server's answer is not what this command understands",
                "is it of another version?");
  };
  const auto object = object_in(text);
  if (!object) return not_understood();
  const json::value* const columns = object->if_contains("columns");
  const json::value* const rows = object->if_contains("rows");
  const json::value* const is_cut = object->if_contains("is_cut");
  const json::value* const took = object->if_contains("took_ns");
  if (columns == nullptr || !columns->is_array() || rows == nullptr || !rows->is_array() || is_cut == nullptr ||
      !is_cut->is_bool() || took == nullptr || !took->is_int64()) {
    return not_understood();
  }
  query::sql::Answer answer;
  for (const json::value& each : columns->get_array()) {
    const json::object* const column = each.if_object();
    const json::value* const name = column == nullptr ? nullptr : column->if_contains("name");
    const json::value* const type = column == nullptr ? nullptr : column->if_contains("type");
    const json::value* const is_number = column == nullptr ? nullptr : column->if_contains("is_number");
    if (name == nullptr || !name->is_string() || type == nullptr || !type->is_string() || is_number == nullptr) {
      return not_understood();
    }
    answer.rows.columns.push_back({std::string(name->get_string()), std::string(type->get_string()),
                                   is_number->is_bool() && is_number->get_bool()});
  }
  for (const json::value& each : rows->get_array()) {
    const json::array* const row = each.if_array();
    if (row == nullptr || row->size() != answer.rows.columns.size()) return not_understood();
    auto& values = answer.rows.rows.emplace_back();
    for (const json::value& value : *row) values.push_back(value_from(value));
  }
  answer.rows.is_cut = is_cut->get_bool();
  answer.took = std::chrono::nanoseconds(took->get_int64());
  return answer;
}

}  // namespace meshflow::server
