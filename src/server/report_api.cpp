#include "server/report_api.hpp"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/json_writer.hpp"
#include "server/api_error.hpp"
#include "server/trace_source.hpp"

namespace meshflow::server {
namespace {

// A decimal integer of the query; the default where the parameter is not there.
template <typename Integer>
Result<Integer> integer_of(const net::HttpServerRequest& request, std::string_view name,
                           std::optional<Integer> otherwise) {
  const auto text = request.query_value(name);
  Integer value = 0;
  if (!text) {
    if (otherwise) return *otherwise;
    return fail(ErrorCode::invalid_argument, fmt::format("the parameter {} is missing", name),
                "from and to are nanoseconds since 1970");
  }
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc{} && end == text->data() + text->size()) return value;
  return fail(ErrorCode::invalid_argument, fmt::format("{}: \"{}\" is no whole number", name, *text));
}

Result<query::Report> answer(const QueryService& service, const net::HttpServerRequest& request) {
  MESHFLOW_TRY(const query::ReportRequest wanted, report_request_of(request));
  return StoreTraceSource(service.store()).report(wanted);
}

}  // namespace

Result<query::ReportRequest> report_request_of(const net::HttpServerRequest& request) {
  query::ReportRequest wanted;
  MESHFLOW_TRY(wanted.from, integer_of<std::uint64_t>(request, "from", {}));
  MESHFLOW_TRY(wanted.to, integer_of<std::uint64_t>(request, "to", {}));
  MESHFLOW_TRY(wanted.limit_nano_usd, integer_of<std::int64_t>(request, "limit", wanted.limit_nano_usd));
  if (wanted.from >= wanted.to) return fail(ErrorCode::invalid_argument, "to must be later than from");
  if (const auto name = request.query_value("by"); name && !name->empty()) {
    wanted.by = query::report_group_of(*name);
    if (!wanted.by) {
      return fail(ErrorCode::invalid_argument, fmt::format("by: there is no group \"{}\"", *name),
                  fmt::format("groups are {}", fmt::join(query::kReportGroupNames, ", ")));
    }
  }
  return wanted;
}

std::string report_json(const query::Report& report) {
  query::JsonWriter out;
  write_json(out, report);
  return out.take();
}

void add_report_routes(const QueryService& service, net::HttpRouter& router) {
  service.add(router, "meshflow", "/api/meshflow/report", "report",
              [&service](const net::HttpServerRequest& request, const net::HttpResponder& responder) {
                const auto report = answer(service, request);
                if (!report) return responder.send(error_reply(report.error()));
                responder.send({.status = 200, .content_type = "application/json", .body = report_json(*report)});
              });
}

}  // namespace meshflow::server
