// What run_prometheus asks: PromQL of ours over series from standard input.
//
// in:  {"series": [{"labels": {}, "samples": [[ms, value], …]}], "queries": [{"expr", "time_ms"}]}
// out: a line for each query: {"result": [{"labels": {}, "value": "…"}]} or {"error": "…"}
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "query/json_writer.hpp"
#include "query/promql/evaluator.hpp"
#include "query/promql/parser.hpp"

namespace {

namespace json = boost::json;
namespace promql = meshflow::query::promql;

class Given final : public promql::SeriesSource {
 public:
  explicit Given(const json::array& series) {
    for (const json::value& each : series) {
      promql::Series made;
      for (const auto& [name, value] : each.at("labels").as_object()) made.labels.emplace(name, value.as_string());
      for (const json::value& sample : each.at("samples").as_array()) {
        made.samples.push_back({sample.at(0).to_number<std::int64_t>(), sample.at(1).to_number<double>()});
      }
      series_.push_back(std::move(made));
    }
  }
  std::int64_t lookback_ms(const promql::Expr& /*selector*/) const override { return promql::kLookbackMs; }
  meshflow::Result<std::vector<promql::Series>> select(const promql::SeriesRequest& /*request*/) override {
    return series_;
  }

 private:
  std::vector<promql::Series> series_;
};

std::string answer(Given& source, const json::value& query) {
  meshflow::query::JsonWriter out;
  out.begin_object();
  const auto expr = promql::parse(std::string(query.at("expr").as_string()));
  meshflow::Result<promql::Vector> made = promql::Vector{};
  if (!expr) {
    made = tl::unexpected(expr.error());
  } else {
    made = promql::evaluate(*expr, source, query.at("time_ms").to_number<std::int64_t>());
  }
  if (!made) {
    out.field("error", made.error().text());
  } else {
    out.key("result");
    out.begin_array();
    for (const auto& sample : *made) {
      out.begin_object();
      out.key("labels");
      out.begin_object();
      for (const auto& [name, value] : sample.labels) out.field(name, value);
      out.end_object();
      out.field("value", fmt::format("{}", sample.value));
      out.end_object();
    }
    out.end_array();
  }
  out.end_object();
  return out.take();
}

}  // namespace

int main() {
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  const json::value asked = json::parse(text);
  Given source(asked.at("series").as_array());
  for (const json::value& query : asked.at("queries").as_array()) std::cout << answer(source, query) << "\n";
  return 0;
}
