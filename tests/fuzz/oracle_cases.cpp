// oracle_cases [CASES] [SEED]: that many random TraceQL queries, asked of the engine over a real store and of the
// oracle (tests/query/traceql_oracle.hpp). Exits with 1 at the first that they answer differently, made smaller.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <random>
#include <string_view>

#include "query/traceql_agreement.hpp"

namespace {

using meshflow::query::traceql::test::disagreement;
using meshflow::query::traceql::test::Where;

constexpr std::uint64_t kQueriesOfRound = 100;
constexpr std::uint64_t kRoundsBetweenLines = 100;

bool read_number(std::string_view text, std::uint64_t& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc{} && end == text.data() + text.size();
}

int run(std::uint64_t cases, std::uint64_t seed) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  for (std::uint64_t asked = 0, round = 0; asked < cases; asked += kQueriesOfRound, ++round) {
    const auto where = static_cast<Where>(round % 3);
    if (const auto found = disagreement({seed + round, static_cast<int>(kQueriesOfRound), where})) {
      std::printf("%s\n", found->c_str());
      return 1;
    }
    if (round % kRoundsBetweenLines == kRoundsBetweenLines - 1) {
      std::printf("%llu cases agree\n", static_cast<unsigned long long>(asked + kQueriesOfRound));
      (void)std::fflush(stdout);
    }
  }
  std::printf("%llu cases agree\n", static_cast<unsigned long long>(cases));
  return 0;
}

}  // namespace

int main(int count, char** arguments) try {
  std::uint64_t cases = 100'000;
  std::uint64_t seed = std::random_device{}();
  if (count > 3 || (count > 1 && !read_number(arguments[1], cases)) ||
      (count > 2 && !read_number(arguments[2], seed))) {
    std::fprintf(stderr, "usage: oracle_cases [CASES] [SEED]\n");
    return 2;
  }
  return run(cases, seed);
} catch (const std::exception& failed) {
  std::fprintf(stderr, "%s\n", failed.what());
  return 1;
}
