#include "cli/traceql_question.hpp"

#include <cstdint>
#include <iostream>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/clock.hpp"
#include "base/try.hpp"
#include "cli/quantity.hpp"
#include "cli/text.hpp"
#include "query/traceql/check.hpp"
#include "query/traceql/from_tags.hpp"
#include "query/traceql/honeycomb.hpp"
#include "query/traceql/limits.hpp"
#include "query/traceql/problem.hpp"

namespace meshflow::cli {

void TraceqlQuestion::add_flags(CLI::App& app) {
  app.add_option("QUERY", text_, "The question; - reads it from standard input")->required();
  app.add_flag("--honeycomb", is_honeycomb_, "QUERY is Honeycomb's JSON");
  CLI::Option* const since = app.add_option("--since", since_, "How far back: 90s, 30m, 24h, 7d")->type_name("AGE");
  if (!since_.empty()) since->capture_default_str();
  app_ = &app;
}

Result<query::traceql::Query> TraceqlQuestion::read(const Session& session) {
  namespace traceql = query::traceql;
  is_since_given_ = app_->count("--since") > 0;
  if (text_ == "-") {
    // One byte more than a query may have, so that a longer one is refused and not cut.
    text_.assign(traceql::kQueryBytesMax + 1, '\0');
    std::cin.read(text_.data(), static_cast<std::streamsize>(text_.size()));
    text_.resize(static_cast<std::size_t>(std::cin.gcount()));
  }
  const auto refused = [&](const traceql::Problem& problem) {
    session.print_error(many_lines(traceql::marked_line(problem, text_)));
    return tl::unexpected(to_error(problem));
  };
  if (is_honeycomb_) {
    MESHFLOW_TRY(traceql::Query query, traceql::query_of_honeycomb(text_));
    auto checked = traceql::check(std::move(query));
    if (!checked) return tl::unexpected(to_error(checked.error()));
    return checked->query();
  }
  auto query = traceql::read_lenient(text_);
  if (!query) return refused(query.error());
  lookback_ = query->lookback;
  auto checked = traceql::check(std::move(query->query), text_);
  if (!checked) return refused(checked.error());
  return checked->query();
}

Result<store::TimeRange> TraceqlQuestion::range() const {
  const bool is_typed = !is_since_given_ && !lookback_.empty();
  const std::string& age_text = is_typed ? lookback_ : since_;
  if (age_text.empty()) return store::TimeRange{};
  auto age = parse_age(age_text);
  if (!age) {
    age.error().message = fmt::format("{}: {}", is_typed ? "lookback" : "--since", age.error().message);
    return tl::unexpected(std::move(age).error());
  }
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const auto now = static_cast<std::uint64_t>(system_clock().wall_nanos());
  const auto length = static_cast<std::uint64_t>(age->count());
  if (length == 0) return fail(ErrorCode::invalid_argument, "--since: no time at all", "24h, say");
  return store::TimeRange{length > now / kSecond ? 0 : now - length * kSecond, now};
}

}  // namespace meshflow::cli
