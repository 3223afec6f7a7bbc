// tests/query/traceql/messages: what is wrong with a query, word for word.
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/traceql/check.hpp"
#include "support/test_paths.hpp"

namespace meshflow::query::traceql {
namespace {

struct Case {
  int line = 0;
  std::string query;
  std::string expected;
};

std::vector<Case> cases_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<Case> out;
  std::string line;
  bool is_query = false;
  for (int number = 1; std::getline(file, line); ++number) {
    const bool was_query = is_query;
    is_query = line.starts_with("> ");
    if (is_query && !was_query) out.push_back({number, {}, {}});
    if (is_query) out.back().query += (was_query ? "\n" : "") + line.substr(2);
    if (line.starts_with("  ")) out.back().expected += line.substr(2) + "\n";
  }
  return out;
}

// As the files have it.
std::string told(const Problem& problem, std::string_view query) {
  const std::string marked = marked_line(problem, query);
  std::string out = marked.substr(marked.find('\n') + 1);
  out += fmt::format("{}:{}+{} {}\n", problem.line, problem.column, problem.length, problem.message);
  return problem.hint.empty() ? out : out + problem.hint + "\n";
}

class TraceqlMessageFiles : public testing::TestWithParam<const char*> {};

TEST_P(TraceqlMessageFiles, TellWhatIsWrongWordForWord) {
  const std::string path =
      fmt::format("{}/tests/query/traceql/messages/{}.txt", meshflow::test::kSourceFolder, GetParam());
  const std::vector<Case> cases = cases_of(path);
  EXPECT_GT(cases.size(), 30U) << path;
  for (const Case& each : cases) {
    const auto query = check_query(each.query);
    const std::string what = query ? "accepted\n" : told(query.error(), each.query);
    EXPECT_EQ(what, each.expected) << path << ":" << each.line << ": " << each.query;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, TraceqlMessageFiles, testing::Values("syntax", "types"),
                         [](const auto& each) { return std::string(each.param); });

// docs/traceql.md: each line that begins a query in a fenced block, but the one that shows a mistake.
TEST(TraceqlMessages, TheQueriesOfTheUsersPageAreAccepted) {
  std::ifstream file(fmt::format("{}/docs/traceql.md", meshflow::test::kSourceFolder));
  std::string line;
  bool is_in_block = false;
  int queries = 0;
  while (std::getline(file, line)) {
    if (line.starts_with("```")) is_in_block = !is_in_block;
    const bool is_query = line.starts_with("{") || line.starts_with("100 *");
    if (!is_in_block || !is_query || line.find("statsu") != std::string::npos) continue;
    ++queries;
    EXPECT_TRUE(check_query(line).has_value()) << line;
  }
  EXPECT_EQ(queries, 8);
}

TEST(TraceqlProblem, ReadsAlikeAsAnError) {
  const auto query = compile_query("{ statsu = error }");
  ASSERT_FALSE(query.has_value());
  EXPECT_EQ(query.error().code, ErrorCode::invalid_input);
  EXPECT_EQ(query.error().text(), "1:3: unknown name \"statsu\" (did you mean status?)");
}

TEST(TraceqlProblem, ALongLineIsCutAroundTheMark) {
  const std::string query =
      "{ .a = \"" + std::string(200, 'x') + "\" && statsu = error && .b = \"" + std::string(200, 'y') + "\" }";
  const auto checked = check_query(query);
  ASSERT_FALSE(checked.has_value());
  const std::string marked = marked_line(checked.error(), query);
  const std::string shown =
      "…" + std::string(55, 'x') + "\" && statsu = error && .b = \"" + std::string(36, 'y') + "…\n";
  EXPECT_EQ(marked, shown + std::string(61, ' ') + "^~~~~~\n");
}

TEST(TraceqlCheck, KnowsTheTypeOfEveryExpression) {
  const auto type_of_condition = [](std::string_view left) {
    const auto checked = check_query(fmt::format("{{ {} != nil }}", left));
    EXPECT_TRUE(checked.has_value()) << left;
    const auto& spanset = std::get<Spanset>(std::get<Pipeline>(checked->query().of).stages.at(0));
    const auto& filter = std::get<SpansetFilter>(spanset.of);
    EXPECT_EQ(filter.condition.type, Type::boolean);
    return std::get<NilTest>(filter.condition.of).operand->type;
  };
  EXPECT_EQ(type_of_condition("name"), Type::text);
  EXPECT_EQ(type_of_condition(".a"), Type::any);
  EXPECT_EQ(type_of_condition("1 + 2"), Type::integer);
  EXPECT_EQ(type_of_condition("1 + .a"), Type::real);  // whatever number the attribute is
  EXPECT_EQ(type_of_condition("duration * 2"), Type::duration);
  EXPECT_EQ(type_of_condition("duration / 1s"), Type::real);
  EXPECT_EQ(type_of_condition("traceDuration - duration"), Type::duration);
  EXPECT_EQ(type_of_condition("span:childCount"), Type::integer);
  EXPECT_EQ(type_of_condition("(.a = 1)"), Type::boolean);
  EXPECT_EQ(type_of_condition("!.a"), Type::boolean);
  EXPECT_EQ(type_of_condition("kind"), Type::kind);
}

TEST(TraceqlCheck, PatternsMatchTheWholeTextOrNothing) {
  const auto checked = check_query("{ name =~ `a|b.*` || .x !~ \"\\\\d+\" }");
  ASSERT_TRUE(checked.has_value());
  const Pattern& pattern = checked->pattern("a|b.*");
  EXPECT_TRUE(pattern.matches("a"));
  EXPECT_TRUE(pattern.matches("bc"));
  EXPECT_FALSE(pattern.matches("ab"));
  EXPECT_TRUE(checked->pattern("\\d+").matches("42"));
  EXPECT_FALSE(checked->pattern("\\d+").matches("42x"));
}

TEST(TraceqlCheck, TooManyAndTooLongPatternsAreRefusedWithTheLimitsName) {
  std::string many = "{ .a =~ \"0\"";
  for (int i = 1; i <= 200; ++i) many += fmt::format(" || .a =~ \"{}\"", i);
  const auto refused = check_query(many + " }");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().limit, "kPatternsMax");
  const auto long_one = check_query("{ .a =~ \"" + std::string(5'000, 'x') + "\" }");
  ASSERT_FALSE(long_one.has_value());
  EXPECT_EQ(long_one.error().limit, "kPatternBytesMax");
  const auto large = check_query("{ .a =~ `[\\pL\\pN]{1000}` }");
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().limit, "kPatternMemoryBytesMax");
  EXPECT_EQ(large.error().code, ErrorCode::limit_exceeded);
}

}  // namespace
}  // namespace meshflow::query::traceql
