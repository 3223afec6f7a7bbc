#include "server/control_api.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "otlp/decode.hpp"
#include "otlp/encode.hpp"
#include "query/json_writer.hpp"
#include "server/api_error.hpp"
#include "server/report_api.hpp"
#include "server/sql_api.hpp"

namespace meshflow::server {
namespace {

namespace json = boost::json;

constexpr std::string_view kProtobuf = "application/x-protobuf";
constexpr std::string_view kJson = "application/json";
constexpr std::size_t kNewestByDefault = 20;
// A trace of a million spans is what a store gives at most.
constexpr std::size_t kAnswerBytesMax = std::size_t{2} << 30;
constexpr std::chrono::seconds kConnectLimit{2};
// All spans as Parquet: some minutes for a hundred million.
constexpr std::chrono::hours kExportLimit{1};

// What comes from a store of our own has passed the limits of receivers.
constexpr otlp::DecodeLimits kOwnLimits = [] {
  otlp::DecodeLimits limits;
  limits.input_bytes_max = kAnswerBytesMax;
  limits.spans_max = std::size_t{1} << 22;
  limits.items_max = std::size_t{1} << 26;
  return limits;
}();

void send_error(const net::HttpResponder& responder, const Error& error) { responder.send(error_reply(error)); }

// Sends what `text_of` makes of the value, or the error.
template <typename Value, typename TextOf>
void answer(const net::HttpResponder& responder, const Result<Value>& result, std::string_view type, TextOf text_of) {
  if (!result) return send_error(responder, result.error());
  responder.send({.status = 200, .content_type = std::string(type), .body = text_of(*result)});
}

std::string rows_json(const std::vector<query::TraceRow>& rows) {
  query::JsonWriter out;
  out.begin_array();
  for (const query::TraceRow& row : rows) write_json(out, row);
  out.end_array();
  return out.take();
}

std::string traces_bytes(const std::vector<store::StoredTrace>& traces) {
  std::string bytes;  // messages of one type, one after the other, are their sum
  for (const store::StoredTrace& trace : traces) bytes += otlp::encode(trace.data);
  return bytes;
}

std::string received_json(const store::TraceStore::Received& received) {
  query::JsonWriter out;
  out.begin_object();
  out.key("spans");
  out.integer(received.spans);
  out.key("rejected_spans");
  out.integer(received.rejected_spans);
  out.field("rejection", received.rejection);
  out.end_object();
  return out.take();
}

std::string status_json(const ServerStatus& status) {
  query::JsonWriter out;
  out.begin_object();
  out.key("pid");
  out.integer(status.pid);
  out.key("listeners");
  out.begin_array();
  for (const ServerListener& listener : status.listeners) {
    out.begin_object();
    out.field("name", listener.name);
    out.field("ip", listener.address.ip);
    out.key("port");
    out.integer(std::uint64_t{listener.address.port});
    out.end_object();
  }
  out.end_array();
  out.key("tls");
  out.boolean(status.is_tls);
  out.end_object();
  return out.take();
}

std::size_t limit_of(const net::HttpServerRequest& request) {
  const std::string text(request.query_value("limit").value_or(""));
  const bool is_number = !text.empty() && text.size() < 8 && text.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? std::stoul(text) : kNewestByDefault;
}

Result<std::optional<otlp::TraceId>> trace_id_of(std::string_view digits) {
  const auto bytes = from_hex(digits);
  otlp::TraceId id{};
  if (!bytes || bytes->size() != id.size()) return fail(ErrorCode::invalid_argument, "id: not a trace id");
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return std::optional(id);
}

// Back to traces: their spans come trace by trace.
std::vector<store::StoredTrace> split(otlp::TracesData data) {
  std::vector<store::StoredTrace> traces;
  for (otlp::ResourceSpans& resource_spans : data.resource_spans) {
    if (resource_spans.scope_spans.empty() || resource_spans.scope_spans.front().spans.empty()) continue;
    const otlp::TraceId id = resource_spans.scope_spans.front().spans.front().trace_id;
    if (traces.empty() || traces.back().trace_id != id) traces.push_back({id, {}});
    traces.back().data.resource_spans.push_back(std::move(resource_spans));
  }
  return traces;
}

Result<std::vector<store::StoredTrace>> decode_stored(std::string_view bytes) {
  MESHFLOW_TRY(auto decoded, otlp::decode_traces(bytes, kOwnLimits));
  return split(std::move(decoded.value));
}

// ---- the client's side of JSON ----------------------------------------------------------------------------------

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::optional<std::int64_t> integer_at(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  boost::system::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  return error ? std::nullopt : std::optional(number);
}

std::uint64_t count_at(const json::object& object, std::string_view key) {
  return static_cast<std::uint64_t>(integer_at(object, key).value_or(0));
}

query::TraceRow row_from(const json::object& object) {
  query::TraceRow row;
  if (const auto id = trace_id_of(text_at(object, "trace_id"))) row.trace_id = **id;
  row.root = text_at(object, "root");
  row.service = text_at(object, "service");
  row.run_id = text_at(object, "run_id");
  row.status = text_at(object, "status");
  row.start_unix_nanos = std::strtoull(text_at(object, "start_unix_nanos").c_str(), nullptr, 10);
  row.end_unix_nanos = std::strtoull(text_at(object, "end_unix_nanos").c_str(), nullptr, 10);
  row.spans = count_at(object, "spans");
  row.error_spans = count_at(object, "error_spans");
  row.blocked = count_at(object, "blocked");
  row.cost_nano_usd = integer_at(object, "cost_nano_usd");
  row.tokens = integer_at(object, "tokens");
  return row;
}

tl::unexpected<Error> not_understood() {
  return fail(ErrorCode::internal, "the server's answer is not what this command understands",
              "is it of another version?");
}

// The Error that a server sent.
Error error_from(int status, const std::string& body) {
  boost::system::error_code broken;
  const json::value parsed = json::parse(body, broken);
  const json::value* error = nullptr;
  if (!broken && parsed.is_object()) error = parsed.as_object().if_contains("error");
  if (error == nullptr || !error->is_object()) {
    return {ErrorCode::internal, fmt::format("the server answered {}", status), std::nullopt, {}};
  }
  const std::string code = text_at(error->as_object(), "code");
  Error made{ErrorCode::internal, text_at(error->as_object(), "message"), std::nullopt,
             text_at(error->as_object(), "hint")};
  if (const auto line = static_cast<int>(count_at(error->as_object(), "line")); line > 0) {
    made.position = SourcePosition{"", line, static_cast<int>(count_at(error->as_object(), "column"))};
  }
  for (int each = 0; each <= static_cast<int>(ErrorCode::internal); ++each) {
    if (code == error_code_name(static_cast<ErrorCode>(each))) made.code = static_cast<ErrorCode>(each);
  }
  return made;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    out += is_plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return out;
}

}  // namespace

void add_control_routes(store::TraceStore& store, net::WorkerPool& workers, std::function<ServerStatus()> status,
                        net::HttpRouter& router) {
  router.add(
      "GET", "/status",
      [status = std::move(status)](const net::HttpServerRequest& /*request*/, const net::HttpResponder& responder) {
        responder.send({.status = 200, .content_type = std::string(kJson), .body = status_json(status())});
      });
  router.add(
      "GET", "/traces",
      net::on_workers(workers, [&store](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
        answer(responder, StoreTraceSource(store).newest(limit_of(request)), kJson, rows_json);
      }));
  router.add(
      "GET", "/trace",
      net::on_workers(workers, [&store](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
        const auto name = request.query_value("name").value_or("");
        answer(responder, StoreTraceSource(store).trace(name), kProtobuf,
               [](const store::StoredTrace& trace) { return otlp::encode(trace.data); });
      }));
  router.add(
      "GET", "/traces/after",
      net::on_workers(workers, [&store](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
        std::optional<otlp::TraceId> after;
        if (const auto digits = request.query_value("id")) {
          auto id = trace_id_of(*digits);
          if (!id) return send_error(responder, id.error());
          after = *id;
        }
        answer(responder, StoreTraceSource(store).traces_after(after), kProtobuf, traces_bytes);
      }));
  router.add(
      "GET", "/report",
      net::on_workers(workers, [&store](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
        const auto wanted = report_request_of(request);
        if (!wanted) return send_error(responder, wanted.error());
        answer(responder, StoreTraceSource(store).report(*wanted), kJson, report_json);
      }));
  router.add("POST", "/import",
             net::on_workers(workers, [&store](net::HttpServerRequest request, const net::HttpResponder& responder) {
               answer(responder, StoreTraceSource(store).import(std::move(request.body)), kJson, received_json);
             }));
}

net::HttpReply render_control_error(const net::HttpServerRequest& /*request*/, int status, std::string_view sentence) {
  const ErrorCode code = status == 503   ? ErrorCode::unavailable
                         : status == 413 ? ErrorCode::limit_exceeded
                         : status == 404 ? ErrorCode::unsupported
                                         : ErrorCode::internal;
  return error_reply(status, {code, std::string(sentence), std::nullopt, {}});
}

Result<std::string> ControlClient::ask(std::string_view method, const std::string& target, std::string_view body,
                                       std::chrono::milliseconds limit) {
  const std::string url = "http://localhost" + target;
  net::HttpRequest request;
  request.url = url;
  request.method = method;
  request.body = body;
  request.unix_socket_path = socket_path_;
  request.connect_timeout = kConnectLimit;
  request.total_timeout = limit;
  request.response_bytes_max = kAnswerBytesMax;
  if (!body.empty()) request.headers.emplace_back("content-type", kProtobuf);
  net::HttpResult response = client_.send(request);
  if (!response) {
    const bool is_nobody = response.error().phase == net::HttpFailurePhase::connect;
    return fail(is_nobody ? ErrorCode::unavailable : ErrorCode::io,
                fmt::format("the server at {} does not answer: {}", socket_path_, response.error().reason));
  }
  if (response->status != 200) return tl::unexpected(error_from(response->status, response->body));
  return std::move(response->body);
}

Result<void> ControlClient::check_ready() {
  net::HttpRequest request;
  request.url = "http://localhost/ready";
  request.method = "GET";
  request.unix_socket_path = socket_path_;
  request.connect_timeout = kConnectLimit;
  request.total_timeout = kConnectLimit;
  const net::HttpResult response = client_.send(request);
  if (!response) return fail(ErrorCode::unavailable, response.error().reason);
  if (response->status != 200) return fail(ErrorCode::unavailable, response->body);
  return {};
}

Result<ServerStatus> ControlClient::status() {
  MESHFLOW_TRY(const std::string body, ask("GET", "/status", {}));
  boost::system::error_code broken;
  const json::value parsed = json::parse(body, broken);
  const json::value* const listeners =
      broken || !parsed.is_object() ? nullptr : parsed.as_object().if_contains("listeners");
  if (listeners == nullptr || !listeners->is_array()) return not_understood();
  ServerStatus status{.pid = integer_at(parsed.as_object(), "pid").value_or(0), .listeners = {}};
  const json::value* const tls = parsed.as_object().if_contains("tls");
  status.is_tls = tls != nullptr && tls->is_bool() && tls->get_bool();
  for (const json::value& each : listeners->as_array()) {
    if (!each.is_object()) return not_understood();
    const json::object& listener = each.as_object();
    status.listeners.push_back(
        {text_at(listener, "name"), {text_at(listener, "ip"), static_cast<std::uint16_t>(count_at(listener, "port"))}});
  }
  return status;
}

Result<std::string> ControlClient::sign_in_code(std::string_view by) {
  query::JsonWriter out;
  out.begin_object();
  out.field("by", by);
  out.end_object();
  MESHFLOW_TRY(const std::string body, ask("POST", "/sign-in", out.take()));
  boost::system::error_code broken;
  const json::value parsed = json::parse(body, broken);
  std::string code = broken || !parsed.is_object() ? std::string() : text_at(parsed.as_object(), "code");
  if (code.empty()) return not_understood();
  return code;
}

Result<std::vector<query::TraceRow>> ControlClient::newest(std::size_t limit) {
  MESHFLOW_TRY(const std::string body, ask("GET", fmt::format("/traces?limit={}", limit), {}));
  boost::system::error_code broken;
  const json::value parsed = json::parse(body, broken);
  if (broken || !parsed.is_array()) return not_understood();
  std::vector<query::TraceRow> rows;
  for (const json::value& each : parsed.as_array()) {
    if (!each.is_object()) return not_understood();
    rows.push_back(row_from(each.as_object()));
  }
  return rows;
}

Result<store::StoredTrace> ControlClient::trace(std::string_view name) {
  MESHFLOW_TRY(const std::string body, ask("GET", "/trace?name=" + percent_encoded(name), {}));
  MESHFLOW_TRY(auto traces, decode_stored(body));
  if (traces.size() != 1) return not_understood();
  return std::move(traces.front());
}

Result<std::vector<store::StoredTrace>> ControlClient::traces_after(const std::optional<otlp::TraceId>& after) {
  MESHFLOW_TRY(const std::string body,
               ask("GET", after ? "/traces/after?id=" + query::hex_of(*after) : "/traces/after", {}));
  return decode_stored(body);
}

Result<store::TraceStore::Received> ControlClient::import(std::string request) {
  MESHFLOW_TRY(const std::string body, ask("POST", "/import", request));
  boost::system::error_code broken;
  const json::value parsed = json::parse(body, broken);
  if (broken || !parsed.is_object()) return not_understood();
  const json::object& object = parsed.as_object();
  return store::TraceStore::Received{.spans = count_at(object, "spans"),
                                     .rejected_spans = count_at(object, "rejected_spans"),
                                     .rejection = text_at(object, "rejection")};
}

Result<query::sql::Answer> ControlClient::sql(std::string_view text, std::size_t rows_max) {
  query::JsonWriter out;
  out.begin_object();
  out.field("sql", text);
  out.key("limit");
  out.integer(std::uint64_t{rows_max});
  out.end_object();
  MESHFLOW_TRY(const std::string body, ask("POST", "/sql", out.take()));
  return sql_rows_from(body);
}

Result<std::string> ControlClient::search(const query::TempoSearch& search) {
  return ask("POST",
             fmt::format("/search?from={}&to={}&limit={}", search.range.from, search.range.to, search.traces_max),
             search.query);
}

Result<std::string> ControlClient::metrics(const query::TempoMetrics& metrics) {
  return ask("POST", fmt::format("/metrics?from={}&to={}&step={}", metrics.range.from, metrics.range.to, metrics.step),
             metrics.query);
}

Result<std::string> ControlClient::export_parquet(std::string_view name) {
  query::JsonWriter out;
  out.begin_object();
  out.field("trace", name);
  out.end_object();
  MESHFLOW_TRY(const std::string body, ask("POST", "/export/parquet", out.take(), kExportLimit));
  boost::system::error_code broken;
  const json::value parsed = json::parse(body, broken);
  if (broken || !parsed.is_object()) return not_understood();
  return text_at(parsed.as_object(), "file");
}

Result<query::Report> ControlClient::report(const query::ReportRequest& request) {
  std::string target = fmt::format("/report?from={}&to={}&limit={}", request.from, request.to, request.limit_nano_usd);
  if (request.by) target += fmt::format("&by={}", query::kReportGroupNames.at(static_cast<std::size_t>(*request.by)));
  MESHFLOW_TRY(const std::string body, ask("GET", target, {}));
  auto report = query::report_from_json(body);
  return report ? std::move(report) : not_understood();
}

}  // namespace meshflow::server
