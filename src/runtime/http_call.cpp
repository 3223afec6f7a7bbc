// The request of an http node: filled in, sent on a thread that may block, its answer judged.
#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/try.hpp"
#include "net/http_client.hpp"
#include "net/retry_after.hpp"
#include "net/url.hpp"
#include "runtime/attributes.hpp"
#include "runtime/limits.hpp"
#include "runtime/remote_call.hpp"
#include "runtime/remote_url.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::size_t kHeaderBytesMax = std::size_t{16} << 10;
constexpr std::size_t kUrlBytesMax = 8192;

// A request ready to be sent; shared by the tries of a call.
struct PreparedRequest {
  std::string who;
  std::string method;
  std::string url;
  std::string place;  // for messages: scheme, host and path's literal part
  net::HttpHeaders headers;
  std::string body;
  std::size_t response_bytes_max = 0;
  std::chrono::milliseconds limit{0};
  std::int64_t unix_seconds = 0;  // when it was made, for Retry-After's dates
};

Result<std::string> percent_encoded(std::string value) {
  constexpr std::string_view kUnreserved = "-._~";  // RFC 3986, section 2.3, with letters and digits
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || kUnreserved.find(c) != std::string_view::npos)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

Result<std::string> header_value(std::string value) {
  const bool is_usable =
      std::ranges::all_of(value, [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
  if (is_usable) return value;
  return fail(ErrorCode::invalid_input, "a header's value may not hold line breaks and control characters");
}

// A value filled in could be ".." and lead out of the path that was written. `url` as it was filled in: a parser would
// have followed the dots already.
bool has_dot_segment(std::string_view url) {
  const auto authority = url.find("://") + 3;
  auto path = url.substr(0, url.find_first_of("?#"));
  path.remove_prefix(std::min(path.find('/', authority), path.size()));
  while (true) {
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

bool has_header(const net::HttpHeaders& headers, std::string_view lower_name) {
  return std::ranges::any_of(headers, [&](const auto& header) {
    return std::ranges::equal(header.first, lower_name, {}, [](unsigned char c) { return std::tolower(c); });
  });
}

// Sent twice, it has the effect of once (RFC 9110, section 9.2.2).
bool is_idempotent(std::string_view method) {
  static constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

Error error_of(const PreparedRequest& request, const net::HttpFailure& failure) {
  using Phase = net::HttpFailurePhase;
  Error error{ErrorCode::callback_failed,
              fmt::format("{}: {} {} failed: {}", request.who, request.method, request.place, failure.reason)};
  switch (failure.phase) {
    case Phase::resolve:
    case Phase::connect: error.code = ErrorCode::unavailable; break;  // nothing was sent
    case Phase::reset:
      if (is_idempotent(request.method)) error.code = ErrorCode::unavailable;
      break;
    case Phase::timeout: error.code = ErrorCode::timeout; break;
    case Phase::too_large: error.code = ErrorCode::limit_exceeded; break;
    case Phase::cancelled: error.code = ErrorCode::cancelled; break;
    case Phase::request: error.code = ErrorCode::invalid_input; break;
    case Phase::tls: break;
  }
  return error;
}

// An answer that is none of success; `unavailable` where the request may be sent again.
Error error_of(const PreparedRequest& request, const net::HttpResponse& response) {
  const int status = response.status;
  const bool was_refused = status == 429 || (status == 503 && !response.header("retry-after").empty());
  const bool passes = status == 408 || status == 502 || status == 503 || status == 504;
  const bool again = was_refused || (passes && is_idempotent(request.method));
  Error error{again ? ErrorCode::unavailable : ErrorCode::callback_failed,
              fmt::format("{}: {} {} answered {}", request.who, request.method, request.place, status)};
  if (status >= 300 && status < 400) error.hint = "redirects are not followed: write the address that it leads to";
  return error;
}

Result<std::string> send(const PreparedRequest& prepared, net::HttpClient& client, CallFacts& facts) {
  net::HttpRequest request;
  request.url = prepared.url;
  request.headers = prepared.headers;
  request.body = prepared.body;
  request.method = prepared.method;
  request.connect_timeout = prepared.limit;
  request.total_timeout = prepared.limit;
  request.response_bytes_max = prepared.response_bytes_max;
  auto response = client.send(request);
  if (!response) {
    // Who cancelled it knows why: the time was up, or the run was.
    if (response.error().phase != net::HttpFailurePhase::cancelled) {
      facts.set_error_type(std::string(net::http_failure_phase_name(response.error().phase)));
    }
    return tl::unexpected(error_of(prepared, response.error()));
  }
  facts.set(names::kHttpStatus, response->status);
  if (response->status >= 200 && response->status <= 299) return std::move(response->body);
  facts.set_error_type(std::to_string(response->status));
  if (const auto pause = net::parse_retry_after(response->header("retry-after"), prepared.unix_seconds)) {
    facts.set_retry_after(*pause);
  }
  return tl::unexpected(error_of(prepared, *response));
}

// One try. The span's context goes along, so that the server's spans hang under it.
Task<Result<std::string>> start_request(std::shared_ptr<Callee> callee, std::shared_ptr<CallFacts> facts,
                                        std::shared_ptr<const PreparedRequest> prepared) {
  CallState& call = *callee->call;
  auto request = std::make_shared<PreparedRequest>(*prepared);
  telemetry::Carrier carrier;
  telemetry::inject(call.span, carrier, call.run->services->propagators);
  for (auto& [name, value] : carrier) {
    if (!has_header(request->headers, name)) request->headers.emplace_back(name, value);
  }
  auto client = std::make_shared<net::HttpClient>();
  const auto token = call.cancellation.add([client](const Error&) { client->cancel(); });
  std::function<Result<std::string>()> work = [request, client, facts] { return send(*request, *client, *facts); };
  auto result = co_await run_user_function<std::string>(call.waiting(), std::move(work), request->who, callee);
  call.cancellation.remove(token);
  co_return result;
}

Result<void> fill_headers(PreparedRequest& out, const HeaderTemplates& headers, const TemplateScope& scope) {
  for (const auto& [name, text] : headers) {
    auto filled = text.fill(scope, kHeaderBytesMax, header_value);
    if (!filled) {
      filled.error().message = fmt::format("the header {} of {}: {}", name, out.who, filled.error().message);
      return tl::unexpected(std::move(filled.error()));
    }
    out.headers.emplace_back(name, std::move(filled->text));
  }
  return {};
}

Result<void> fill_body(PreparedRequest& out, const CompiledHttp& http, const TemplateScope& scope) {
  const char* type = "text/plain; charset=utf-8";
  if (const auto* text = std::get_if<Template>(&http.body)) {
    MESHFLOW_TRY(Template::Filled filled, text->fill(scope, kOutputBytesMax));
    out.body = std::move(filled.text);
  } else if (const auto* json = std::get_if<JsonTemplate>(&http.body)) {
    MESHFLOW_TRY(out.body, json->fill(scope, kOutputBytesMax));
    type = "application/json";
  } else {
    return {};
  }
  if (!has_header(out.headers, "content-type")) out.headers.emplace_back("Content-Type", type);
  return {};
}

std::string arguments_of(const PreparedRequest& request, const std::string& url) {
  boost::json::object arguments{{"method", request.method}, {"url", url}};
  if (!request.body.empty()) arguments["body"] = request.body;
  return boost::json::serialize(arguments);
}

}  // namespace

Result<RemoteCall> make_http_call(const RunState& run, const CompiledHttp& http, const TemplateScope& scope,
                                  RemoteCallOptions options) {
  auto prepared = std::make_shared<PreparedRequest>();
  prepared->who = options.who;
  prepared->method = http.method;
  prepared->response_bytes_max = http.response_bytes_max;
  // The run's own timer cuts the call off first, and says so in its words.
  prepared->limit = std::chrono::duration_cast<std::chrono::milliseconds>(options.limit) + std::chrono::seconds(1);
  prepared->unix_seconds = run.services->clock->wall_nanos() / 1'000'000'000;
  MESHFLOW_TRY(const Template::Filled filled, http.url.fill(scope, kUrlBytesMax, percent_encoded));
  MESHFLOW_TRY(const net::Url url, net::parse_endpoint_url(fmt::format("the url of {}", options.who), filled.text));
  if (!http.url.is_literal() && has_dot_segment(filled.text)) {
    return fail(ErrorCode::invalid_input,
                fmt::format("the url of {} leads out of its path: a value in it is dots", options.who));
  }
  prepared->url = url.text();
  MESHFLOW_CHECK(fill_headers(*prepared, http.headers, scope));
  MESHFLOW_CHECK(fill_body(*prepared, http, scope));

  // What came from a template is content: it is seen only where content may be.
  const std::string& seen = run.policy().capture_content ? filled.text : filled.shown;
  MESHFLOW_TRY(const net::Url seen_url, net::parse_endpoint_url("url", seen));
  const std::string shown = shown_url(seen_url);
  prepared->place = shown.substr(0, shown.find('?'));

  auto tool = std::make_shared<Tool>();
  tool->name = fmt::format("{} {}", http.method, server_address(url));
  tool->risk = options.risk;
  auto work = std::make_shared<ToolWork>();
  work->tool = std::move(tool);
  work->type = "extension";
  work->kind = telemetry::SpanKind::client;
  work->who = options.who;
  work->circuit = fmt::format("http {}", url.authority());
  work->tries = run.policy().retries + 1;
  work->limit = options.limit;
  work->attributes = {{names::kHttpMethod, http.method},
                      {names::kUrlFull, shown},
                      {names::kServerAddress, server_address(url)},
                      {names::kServerPort, static_cast<int>(url.port)}};
  std::string arguments = arguments_of(*prepared, shown);
  work->start = [prepared](std::shared_ptr<Callee> callee, std::shared_ptr<CallFacts> facts) {
    return start_request(std::move(callee), std::move(facts), prepared);
  };
  return RemoteCall{std::move(work), std::move(arguments)};
}

}  // namespace meshflow::runtime
