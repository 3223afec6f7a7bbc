#include "query/traceql_agreement.hpp"

#include <charconv>

#include <fmt/format.h>

#include "query/traceql/check.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql_case.hpp"

namespace meshflow::query::traceql::test {
namespace {

constexpr const char* kWhere[] = {"in memory", "in DuckDB", "in both"};

Answer oracle_answer(const Case& each) {
  if (const auto* pipeline = std::get_if<Pipeline>(&each.query.of)) return oracle_search(*pipeline, each.data);
  return oracle_metrics(std::get<Metrics>(each.query.of), each.data, each.range);
}

// Ten digits of a number: sums of doubles depend on the order.
std::string rounded(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? fmt::format("{:.10g}", number) : text;
}

// Without the words of by() and aggregates, which only the engine writes as the query does.
Answer without_names(Answer answer) {
  if (auto* const traces = std::get_if<Traces>(&answer)) {
    for (AnswerTrace& trace : *traces) {
      for (AnswerSpanset& set : trace.spansets) {
        for (auto& [name, value] : set.attributes) {
          name.clear();
          value = rounded(value);
        }
      }
    }
    sort(*traces);
  }
  return answer;
}

// What they say of a case; a refusal by both is agreement, whatever its words.
std::optional<std::string> compared(const Case& each, EngineStore& store) {
  const Answer expected = without_names(oracle_answer(each));
  const Answer got = without_names(store.ask(print(each.query), each.range));
  if (std::holds_alternative<Refusal>(expected) && std::holds_alternative<Refusal>(got)) return std::nullopt;
  return difference(expected, got);
}

}  // namespace

std::optional<std::string> disagreement(const Round& round) {
  Dice dice(round.seed);
  Case each{{}, random_traces(dice), {}};
  EngineStore store(each.data, round.where);
  for (int number = 0; number < round.queries; ++number) {
    each.query = random_query(dice);
    each.range = random_range(dice);
    if (!compared(each, store)) continue;
    const Case small = shrunk(each, [&](const Case& step) {
      if (!compile_query(print(step.query))) return false;  // smaller, but no query
      EngineStore of_step(step.data, round.where);
      return compared(step, of_step).has_value();
    });
    EngineStore of_small(small.data, round.where);
    return fmt::format("seed {}, query {}, spans {}:\n{}{}", round.seed, number, kWhere[static_cast<int>(round.where)],
                       text_of(small), compared(small, of_small).value_or("not seen again"));
  }
  return std::nullopt;
}

}  // namespace meshflow::query::traceql::test
