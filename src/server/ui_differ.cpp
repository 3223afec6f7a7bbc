// POST /api/meshflow/differ: what the selection has in common that the rest lacks.
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <boost/json/value.hpp>

#include "base/try.hpp"
#include "query/differ.hpp"
#include "query/traceql/check.hpp"
#include "server/api_error.hpp"
#include "server/json_body.hpp"
#include "server/same_origin.hpp"
#include "server/ui_api.hpp"

namespace meshflow::server {
namespace {

namespace json = boost::json;
using net::HttpResponder;
using net::HttpServerRequest;
namespace traceql = query::traceql;

// Reading and evaluating what kDifferTracesMax lets in: some seconds.
constexpr std::chrono::seconds kDifferLimit{15};

tl::unexpected<Error> bad(std::string message, std::string hint = {}) {
  return fail(ErrorCode::invalid_argument, std::move(message), std::move(hint));
}

// A number, or the decimal text of one.
Result<std::optional<std::uint64_t>> integer_in(const json::object& object, std::string_view name) {
  const json::value* const value = member_of(object, name);
  if (value == nullptr) return std::optional<std::uint64_t>();
  if (value->is_number()) {
    boost::system::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    if (!error) return std::optional(number);
  } else if (const json::string* const text = value->if_string()) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error == std::errc() && end == text->data() + text->size()) return std::optional(number);
  }
  return bad(fmt::format("{}: it must be a whole number", name));
}

// The texts of the body, and what else it says.
struct Asked {
  std::string selection;
  std::string baseline;
  query::DifferQuestion question;
};

Result<Asked> asked_in(std::string_view body) {
  const auto object = object_in(body);
  auto selection = text_member(object, "selection");
  if (!selection) {
    return bad("the body must be a JSON object with a text \"selection\"", R"({"selection": "{ status = error }"})");
  }
  Asked asked{std::move(*selection), {}, {}};
  if (const json::value* const baseline = member_of(*object, "baseline")) {
    if (!baseline->is_string()) return bad("baseline: it must be a text in TraceQL");
    asked.baseline = std::string(baseline->get_string());
  }
  if (const json::value* const unit = member_of(*object, "unit")) {
    const json::string* const name = unit->if_string();
    if (name == nullptr || (*name != "span" && *name != "run")) return bad("unit: it must be \"span\" or \"run\"");
    if (*name == "run") asked.question.unit = query::DifferUnit::run;
  }
  MESHFLOW_TRY(const auto start, integer_in(*object, "start"));
  MESHFLOW_TRY(const auto end, integer_in(*object, "end"));
  MESHFLOW_TRY(const auto limit, integer_in(*object, "limit"));
  asked.question.range = {start.value_or(0), end.value_or(UINT64_MAX)};
  if (limit && (*limit == 0 || *limit > query::kDifferAttributesMax)) {
    return bad(fmt::format("limit: it must be from 1 to {}", query::kDifferAttributesMax));
  }
  asked.question.attributes_max = limit.value_or(query::kDifferAttributesDefault);
  return asked;
}

traceql::Outcome<traceql::Pipeline> pipeline_of(std::string_view text) {
  TRACEQL_TRY(const traceql::CheckedQuery checked, traceql::check_query(text));
  if (const auto* const pipeline = std::get_if<traceql::Pipeline>(&checked.query().of)) return *pipeline;
  traceql::Problem problem;
  problem.message = "a query for metrics selects no spans";
  problem.hint = "leave the metric out";
  return tl::unexpected(located(std::move(problem), text, {0, static_cast<std::uint32_t>(text.size())}));
}

}  // namespace

void UiApi::add_differ_routes(net::HttpRouter& router) {
  service_.add(
      router, "meshflow", "POST", "/api/meshflow/differ", "differ",
      same_origin_only([this](const auto& request, const auto& responder) { send_differences(request, responder); }));
}

void UiApi::send_differences(const HttpServerRequest& request, const HttpResponder& responder) const {
  auto asked = asked_in(request.body);
  if (!asked) return responder.send(error_reply(asked.error()));
  auto selection = pipeline_of(asked->selection);
  if (!selection) return responder.send(error_reply(selection.error(), asked->selection));
  asked->question.selection = std::move(*selection);
  if (!asked->baseline.empty()) {
    auto baseline = pipeline_of(asked->baseline);
    if (!baseline) return responder.send(error_reply(baseline.error(), asked->baseline));
    asked->question.baseline = std::move(*baseline);
  }
  asked->question.limits = service_.limits();
  asked->question.limits.time_max = kDifferLimit;
  auto snapshot = service_.store().snapshot();
  if (!snapshot) return responder.send(error_reply(snapshot.error()));
  const auto differences = query::differences(*snapshot, asked->question);
  if (!differences) return responder.send(error_reply(differences.error()));
  query::JsonWriter out;
  write_json(out, *differences);
  responder.send({.status = 200, .content_type = "application/json", .body = out.take()});
}

}  // namespace meshflow::server
