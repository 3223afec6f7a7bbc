#include "runtime/condition.hpp"

#include <map>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace meshflow::runtime {
namespace {

// Node "plan" gave JSON, "draft" gave plain text, "skipped" gave nothing.
class FixedScope final : public ConditionScope {
 public:
  std::optional<std::string_view> output() const override { return output_; }
  std::optional<std::string_view> output_of(std::string_view node_id) const override {
    const auto found = outputs_.find(node_id);
    return found == outputs_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
  std::string_view task() const override { return "Compare databases"; }
  std::optional<double> uncertainty() const override { return uncertainty_; }
  double cost_usd() const override { return 0.0024; }
  double tokens() const override { return 312; }
  std::string_view verdict() const override { return "allowed"; }
  std::string_view status() const override { return "ok"; }
  double iteration() const override { return 2; }

  std::optional<std::string> output_ = "REVISE: cite the source";
  std::optional<double> uncertainty_ = 0.18;
  std::map<std::string, std::string, std::less<>> outputs_ = {
      {"plan",
       R"({"steps": [{"id": 1, "name": "search"}, {"id": 2}], "approved": true, "score": 0.9, "tags": ["a", 7],
           "note": null, "odd key": "x", "or": "y", "huge": 18446744073709551615})"},
      {"draft", "plain text"}};
};

struct Case {
  const char* text;
  bool holds;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.text; }

class ConditionTruth : public testing::TestWithParam<Case> {};

TEST_P(ConditionTruth, IsAsTheLanguageSays) {
  const auto condition = parse_condition(GetParam().text);
  ASSERT_TRUE(condition.has_value()) << condition.error().text();
  EXPECT_EQ(condition->evaluate(FixedScope()), GetParam().holds);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConditionTruth,
    testing::Values(Case{"true", true}, Case{"false", false}, Case{"not false", true}, Case{"not not true", true},
                    Case{"output starts_with 'REVISE'", true}, Case{"output ends_with \"source\"", true},
                    Case{"output contains 'cite the'", true}, Case{"output == 'REVISE'", false},
                    Case{"output != 'REVISE'", true}, Case{"output matches '^REVISE: [a-z ]+$'", true},
                    Case{"output matches 'revise'", false}, Case{"output matches '(?i)revise'", true},
                    Case{"'REVISE' contains 'VIS'", true}, Case{"uncertainty < 0.2", true},
                    Case{"uncertainty <= 0.18", true}, Case{"uncertainty > 0.18", false},
                    Case{"0.18 >= uncertainty", true}, Case{"cost_usd < 0.01 and tokens == 312", true},
                    Case{"tokens < -1", false}, Case{"iteration >= 2", true}, Case{"task contains 'databases'", true},
                    Case{"verdict == 'allowed'", true}, Case{"status != \"blocked\"", true},
        // not binds tighter than and, and tighter than or
                    Case{"true or false and false", true}, Case{"(true or false) and false", false},
                    Case{"not false and false", false}, Case{"not (false and false)", true},
        // JSON
                    Case{"outputs.plan.approved", true}, Case{"json(outputs.plan).approved == true", true},
                    Case{"not outputs.plan.approved", false}, Case{"outputs.plan.score >= 0.9", true},
                    Case{"outputs.plan.steps[0].name == 'search'", true}, Case{"outputs.plan.steps[1].id == 2", true},
                    Case{"outputs.plan['odd key'] == 'x'", true}, Case{"outputs.plan.or == 'y'", true},
                    Case{"outputs.plan.tags contains 'a'", true}, Case{"outputs.plan.tags contains 7", true},
                    Case{"outputs.plan.tags contains 'b'", false}, Case{"outputs.plan.huge > 1e19", true},
        // a value of another type is unequal, and in no order
                    Case{"outputs.plan.score == 'high'", false}, Case{"outputs.plan.score != 'high'", true},
                    Case{"outputs.plan.steps[0].name > 3", false},
        // what is missing makes every comparison false, != too
                    Case{"outputs.skipped == 'x'", false}, Case{"outputs.skipped != 'x'", false},
                    Case{"not outputs.skipped == 'x'", true}, Case{"outputs.draft.field == 1", false},
                    Case{"outputs.plan.none != 1", false}, Case{"outputs.plan.note == 'x'", false},
                    Case{"outputs.plan.steps[9].id == 1", false}, Case{"outputs.plan.steps.id == 1", false},
                    Case{"outputs.plan.steps != 1", false}, Case{"outputs.plan.none", false},
                    Case{"output.field", false}));

TEST(Condition, UncertaintyThatIsNotKnownMakesComparisonsFalse) {
  FixedScope scope;
  scope.uncertainty_ = std::nullopt;
  EXPECT_FALSE(parse_condition("uncertainty < 2")->evaluate(scope));
  EXPECT_FALSE(parse_condition("uncertainty >= 0")->evaluate(scope));
}

TEST(Condition, JsonDeeperOrLongerThanTheLimitIsMissing) {
  FixedScope scope;
  const auto condition = *parse_condition("not json(output) == 1 and output.a == 1");
  scope.output_ = "{\"a\": 1}";
  EXPECT_TRUE(condition.evaluate(scope));
  scope.output_ = "{\"a\": 1, \"b\": " + std::string(kConditionJsonDepthMax + 1, '[') +
                  std::string(kConditionJsonDepthMax + 1, ']') + "}";
  EXPECT_FALSE(condition.evaluate(scope));
  scope.output_ = "{\"a\": 1}" + std::string(kConditionJsonBytesMax, ' ');
  EXPECT_FALSE(condition.evaluate(scope));
}

struct Refusal {
  const char* text;
  int column;
  const char* message;
  const char* hint = "";
};
void PrintTo(const Refusal& one, std::ostream* out) { *out << one.text; }

class ConditionRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(ConditionRefusal, NamesTheColumnAndWhatWouldBeRight) {
  // The text stands in the file from line 7, column 11 on.
  const auto condition = parse_condition(GetParam().text, {"flow.yaml", 7, 11});
  ASSERT_FALSE(condition.has_value());
  const auto& error = condition.error();
  EXPECT_EQ(error.position, (SourcePosition{"flow.yaml", 7, 10 + GetParam().column})) << error.text();
  EXPECT_NE(error.message.find(GetParam().message), std::string::npos) << error.text();
  EXPECT_NE(error.hint.find(GetParam().hint), std::string::npos) << error.text();
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConditionRefusal,
    testing::Values(
        Refusal{"", 1, "empty"}, Refusal{"   ", 1, "empty"}, Refusal{"output", 1, "is text", "compare it"},
        Refusal{"tokens", 1, "is a number"}, Refusal{"output contians 'x'", 8, "expected an operator", "contains"},
        Refusal{"outptu == 'x'", 1, "unknown variable outptu", "output"},
        Refusal{"output = 'x'", 8, "no operator", "write \"==\""},
        Refusal{"true && false", 6, "no operator", "write \"and\""},
        Refusal{"true || false", 6, "no operator", "write \"or\""}, Refusal{"!true", 1, "no operator", "write \"not\""},
        Refusal{"output == 'x", 11, "does not end"}, Refusal{"output == \"a\\q\"", 13, "unknown escape"},
        Refusal{"output == ", 11, "ends before a value"}, Refusal{"(true", 6, "ends before \")\""},
        Refusal{"true)", 5, "expected the end"}, Refusal{"true true", 6, "expected"},
        Refusal{"output == 3", 8, "values of one type", "json(output)"},
        Refusal{"tokens == 'x'", 8, "values of one type"}, Refusal{"output > 3", 8, "compares numbers"},
        Refusal{"tokens contains 3", 8, "compares texts"}, Refusal{"output matches task", 8, "pattern in quotes"},
        Refusal{"output matches '('", 16, "unusable pattern"}, Refusal{"1 < 2 < 3", 7, "can't be chained"},
        Refusal{"verdict == 'block'", 12, "never", "blocked"}, Refusal{"status == 'done'", 11, "never", "ok"},
        Refusal{"tokens.x == 1", 7, "no fields"}, Refusal{"json(tokens) == 1", 6, "json() reads"},
        Refusal{"outputs == 'x'", 9, "expected \".\""}, Refusal{"output[-1] == 1", 8, "element's number"},
        Refusal{"output[1.5] == 1", 8, "element's number"}, Refusal{"1x == 1", 2, "after a number"},
        Refusal{"1e999 == tokens", 1, "no usable number"}, Refusal{"\xC3\xA9 == 1", 1, "in a string only"},
        Refusal{"output == 'x' ; true", 15, "unexpected \";\""}));

TEST(Condition, LineBreaksInsideMoveThePosition) {
  const auto condition = parse_condition("true and\n  wrong == 1", {"flow.yaml", 7, 11});
  ASSERT_FALSE(condition.has_value());
  EXPECT_EQ(condition.error().position, (SourcePosition{"flow.yaml", 8, 3}));
}

TEST(Condition, WithoutAPositionTheColumnIsInTheMessage) {
  const auto condition = parse_condition("true and wrong == 1");
  ASSERT_FALSE(condition.has_value());
  EXPECT_EQ(condition.error().position, std::nullopt);
  EXPECT_NE(condition.error().message.find("at column 10"), std::string::npos) << condition.error().text();
}

TEST(Condition, LimitsAreNamed) {
  const std::string deep = std::string(kConditionDepthMax, '(') + "true" + std::string(kConditionDepthMax, ')');
  EXPECT_TRUE(parse_condition(deep).has_value());
  EXPECT_EQ(parse_condition("(" + deep + ")").error().code, ErrorCode::limit_exceeded);
  std::string nots = "true";
  for (std::size_t i = 0; i <= kConditionDepthMax; ++i) nots = "not " + nots;
  EXPECT_EQ(parse_condition(nots).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(parse_condition("true" + std::string(kConditionBytesMax, ' ')).error().code, ErrorCode::limit_exceeded);
  std::string path = "output";
  for (std::size_t i = 0; i <= kConditionPathMax; ++i) path += ".a";
  EXPECT_EQ(parse_condition(path).error().code, ErrorCode::limit_exceeded);
}

TEST(Condition, ReferencesAreTheNodesItNames) {
  const auto condition = parse_condition("outputs.a == 'x' or json(outputs.b-2).c and outputs.a != 'y'", {"f", 3, 1});
  ASSERT_TRUE(condition.has_value()) << condition.error().text();
  ASSERT_EQ(condition->references().size(), 2U);
  EXPECT_EQ(condition->references()[0].node_id, "a");
  EXPECT_EQ(condition->references()[1].node_id, "b-2");
  EXPECT_EQ(condition->references()[1].position, (SourcePosition{"f", 3, 34}));
}

TEST(Condition, OnlyVerdictAndStatusAskAboutBlocks) {
  EXPECT_TRUE(parse_condition("verdict == 'blocked'")->asks_about_blocks());
  EXPECT_TRUE(parse_condition("not status == 'ok'")->asks_about_blocks());
  EXPECT_FALSE(parse_condition("output contains 'verdict'")->asks_about_blocks());
}

struct Printed {
  const char* text;
  const char* canonical;
};
void PrintTo(const Printed& one, std::ostream* out) { *out << one.text; }

class ConditionText : public testing::TestWithParam<Printed> {};

TEST_P(ConditionText, IsCanonicalAndParsesToTheSameCondition) {
  const auto condition = parse_condition(GetParam().text);
  ASSERT_TRUE(condition.has_value()) << condition.error().text();
  EXPECT_EQ(condition->text(), GetParam().canonical);
  const auto again = parse_condition(condition->text());
  ASSERT_TRUE(again.has_value()) << again.error().text();
  EXPECT_TRUE(*again == *condition);
  EXPECT_EQ(again->text(), condition->text());
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConditionText,
    testing::Values(Printed{"((true))", "true"}, Printed{"output=='a'", "output == \"a\""},
                    Printed{"(true and false) or true", "true and false or true"},
                    Printed{"true and (false or true)", "true and (false or true)"},
                    Printed{"(true or false) or true", "(true or false) or true"},
                    Printed{"not (true or false)", "not (true or false)"}, Printed{"not(tokens<1)", "not tokens < 1"},
                    Printed{"tokens >= -0.50", "tokens >= -0.5"}, Printed{"tokens < 1e20", "tokens < 1e+20"},
                    Printed{"json( output ) . a [ 0 ] == 1", "output.a[0] == 1"},
                    Printed{"json(outputs.n)==1", "json(outputs.n) == 1"},
                    Printed{"output['a b']['c'] == 1", "output[\"a b\"].c == 1"},
                    Printed{R"(output contains 'it\'s "so"\n\t\\')", R"(output contains "it's \"so\"\n\t\\")"},
                    Printed{"output matches '\\\\d+'", "output matches \"\\\\d+\""}));

TEST(Condition, DifferentConditionsAreNotEqual) {
  EXPECT_FALSE(*parse_condition("tokens < 1") == *parse_condition("tokens <= 1"));
  EXPECT_FALSE(*parse_condition("tokens < 1") == *parse_condition("tokens < 2"));
  EXPECT_FALSE(*parse_condition("true and false") == *parse_condition("true or false"));
}

}  // namespace
}  // namespace meshflow::runtime
