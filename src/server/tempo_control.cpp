#include "server/tempo_control.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "base/try.hpp"
#include "query/parameters.hpp"
#include "query/tempo_requests.hpp"
#include "server/api_error.hpp"
#include "server/tempo_answers.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;

Result<std::uint64_t> number_of(const HttpServerRequest& request, std::string_view name) {
  return query::parse_go_uint(request.query_value(name).value_or(""), std::numeric_limits<std::uint64_t>::max());
}

template <typename Asked>
Result<Asked> asked_of(const HttpServerRequest& request) {
  Asked asked;
  asked.query = request.body;
  MESHFLOW_TRY(asked.range.from, number_of(request, "from"));
  MESHFLOW_TRY(asked.range.to, number_of(request, "to"));
  return asked;
}

Result<query::TempoSearch> search_of(const HttpServerRequest& request) {
  MESHFLOW_TRY(auto search, asked_of<query::TempoSearch>(request));
  MESHFLOW_TRY(search.traces_max, number_of(request, "limit"));
  MESHFLOW_CHECK(query::check_bounds(search));
  return search;
}

Result<query::TempoMetrics> metrics_of(const HttpServerRequest& request) {
  MESHFLOW_TRY(auto metrics, asked_of<query::TempoMetrics>(request));
  MESHFLOW_TRY(metrics.step, number_of(request, "step"));
  return metrics;
}

template <typename Asked, typename Answer>
void send(const QueryService& service, const HttpResponder& responder, const Result<Asked>& asked, Answer answer) {
  if (!asked) return responder.send(error_reply(asked.error()));
  const ClientWatch::Guard client(service.clients(), [responder] { return responder.is_wanted(); });
  TempoAsking asking{service.store(), service.limits()};
  asking.limits.cancelled = &client.is_gone();
  auto body = answer(asking, *asked);
  if (!body) return responder.send(error_reply(body.error().error));
  responder.send({.status = 200, .content_type = "application/json", .body = std::move(*body)});
}

}  // namespace

void add_tempo_control_routes(const QueryService& service, net::HttpRouter& router) {
  service.add(router, "control", "POST", "/search", "search",
              [&service](const HttpServerRequest& request, const HttpResponder& responder) {
                send(service, responder, search_of(request),
                     [](const TempoAsking& asking, const auto& search) { return answer_search(asking, search); });
              });
  service.add(router, "control", "POST", "/metrics", "metrics",
              [&service](const HttpServerRequest& request, const HttpResponder& responder) {
                send(service, responder, metrics_of(request), [](const TempoAsking& asking, const auto& metrics) {
                  return metrics.step > 0 ? answer_query_range(asking, metrics) : answer_query_instant(asking, metrics);
                });
              });
}

}  // namespace meshflow::server
