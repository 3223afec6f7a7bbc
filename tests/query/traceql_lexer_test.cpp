#include "query/traceql/lexer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/traceql/limits.hpp"

namespace meshflow::query::traceql {
namespace {

using Kind = Token::Kind;

// The only token of `text`.
Token token_of(std::string_view text) {
  const Tokens tokens = tokenize(text);
  EXPECT_FALSE(tokens.problem.has_value()) << text << ": " << tokens.problem->message;
  EXPECT_EQ(tokens.tokens.size(), 2U) << text;
  EXPECT_EQ(tokens.tokens.back().kind, Kind::end) << text;
  return tokens.tokens.front();
}

std::vector<std::string> signs_of(std::string_view text) {
  std::vector<std::string> out;
  for (const Token& token : tokenize(text).tokens) {
    if (token.kind == Kind::sign) out.push_back(token.text);
  }
  return out;
}

std::string problem_of(std::string_view text) {
  const Tokens tokens = tokenize(text);
  return tokens.problem ? to_error(*tokens.problem).text() : "none";
}

TEST(TraceqlLexer, ReadsAttributesWithTheirScope) {
  const auto is = [](const Token& token, Scope scope, bool of_parent, std::string_view name) {
    return token.kind == Kind::attribute && token.scope == scope && token.of_parent == of_parent && token.text == name;
  };
  EXPECT_TRUE(is(token_of(".foo"), Scope::any, false, "foo"));
  EXPECT_TRUE(is(token_of("span.http.status_code"), Scope::span, false, "http.status_code"));
  EXPECT_TRUE(is(token_of("resource.service.name"), Scope::resource, false, "service.name"));
  EXPECT_TRUE(is(token_of("event.a"), Scope::event, false, "a"));
  EXPECT_TRUE(is(token_of("link.a"), Scope::link, false, "a"));
  EXPECT_TRUE(is(token_of("instrumentation.a"), Scope::instrumentation, false, "a"));
  EXPECT_TRUE(is(token_of("parent.a"), Scope::any, true, "a"));
  EXPECT_TRUE(is(token_of("parent.span.a"), Scope::span, true, "a"));
  EXPECT_TRUE(is(token_of("parent.resource.a"), Scope::resource, true, "a"));
  // Only span and resource are scopes behind parent.; a scope behind another is a part of the name.
  EXPECT_TRUE(is(token_of("parent.event.a"), Scope::any, true, "event.a"));
  EXPECT_TRUE(is(token_of("span.resource.a"), Scope::span, false, "resource.a"));
}

TEST(TraceqlLexer, AnAttributesNameGoesOnUntilABlankOrASignThatEndsIt) {
  EXPECT_EQ(token_of(".foo+bar-3/x:y").text, "foo+bar-3/x:y");
  EXPECT_EQ(token_of("span.größe").text, "größe");
  for (const char* end : {" ", "{", "}", "(", ")", "=", "~", "!", "<", ">", "&", "|", "^", ",", "\u00a0", "\n"}) {
    const Tokens tokens = tokenize(std::string("span.foo") + end);
    ASSERT_FALSE(tokens.tokens.empty());
    EXPECT_EQ(tokens.tokens.front().text, "foo") << end;
  }
}

TEST(TraceqlLexer, QuotedPartsOfANameMayHaveAnyCharacter) {
  EXPECT_EQ(token_of(R"(span."a b")").text, "a b");
  EXPECT_EQ(token_of(R"(span.x."a b".y)").text, "x.a b.y");
  EXPECT_EQ(token_of(R"(."a\"b\\c")").text, R"(a"b\c)");
  EXPECT_EQ(token_of("span.\"a\nb\"").text, "a\nb");
  EXPECT_EQ(problem_of(R"(span."a\n")"), R"(1:8: unknown escape in an attribute's name (known: \" and \\))");
  EXPECT_EQ(problem_of(R"(span."a)"), "1:6: this quoted name does not end (close it with \")");
  EXPECT_EQ(
      problem_of("{ span. }"),
      "1:8: an attribute's name must follow \"span.\" (for example span.http.method or span.\"a name with spaces\")");
}

TEST(TraceqlLexer, DurationsHaveAnyUnitsInAnyOrder) {
  const auto nanos = [](std::string_view text) {
    const Token token = token_of(text);
    EXPECT_EQ(token.kind, Kind::duration) << text;
    return token.integer;
  };
  EXPECT_EQ(nanos("1ns"), 1U);
  EXPECT_EQ(nanos("2us"), 2'000U);
  EXPECT_EQ(nanos("2µs"), 2'000U);  // micro sign
  EXPECT_EQ(nanos("2μs"), 2'000U);  // Greek mu
  EXPECT_EQ(nanos("3ms"), 3'000'000U);
  EXPECT_EQ(nanos("4s"), 4'000'000'000U);
  EXPECT_EQ(nanos("1h30m"), 5'400'000'000'000U);
  EXPECT_EQ(nanos("1d"), 86'400'000'000'000U);
  EXPECT_EQ(nanos("1w"), 604'800'000'000'000U);
  EXPECT_EQ(nanos("1y"), 31'536'000'000'000'000U);
  EXPECT_EQ(nanos("1h15m30.918273645s"), 4'530'918'273'645U);
  EXPECT_EQ(nanos(".5s"), 500'000'000U);
  EXPECT_EQ(nanos("1.5ns"), 1U);  // rounded down
  EXPECT_EQ(nanos("0.000000000999999999999999999999s"), 0U);
}

TEST(TraceqlLexer, AWordAtANumberThatIsNoUnitIsNoDuration) {
  EXPECT_EQ(problem_of("5sec"),
            "1:1: \"5sec\" is no duration (a number and a unit (ns, us, ms, s, m, h, d, w, y), as in 1h30m or 2.5s, at "
            "most 292 years)");
  EXPECT_THAT(problem_of("300y"), testing::HasSubstr("is no duration"));
  EXPECT_EQ(problem_of("0x1f"), "1:1: 0x1f is no number (numbers are written in decimal digits)");
  EXPECT_FALSE(duration_of(""));
  EXPECT_FALSE(duration_of("1"));
  EXPECT_FALSE(duration_of("s"));
  EXPECT_FALSE(duration_of("1.2.3s"));
}

TEST(TraceqlLexer, NumbersFitIntoSixtyFourBits) {
  EXPECT_EQ(token_of("9223372036854775807").integer, 9223372036854775807U);
  EXPECT_EQ(token_of("9223372036854775808").integer, 9223372036854775808U);  // for its negation
  EXPECT_THAT(problem_of("9223372036854775809"), testing::HasSubstr("does not fit 64 bits"));
  EXPECT_EQ(token_of(".5").real, 0.5);
  EXPECT_EQ(token_of("1.").real, 1.0);
  EXPECT_EQ(token_of("1e3").real, 1000.0);
  EXPECT_EQ(token_of("2.5E-1").real, 0.25);
  EXPECT_THAT(problem_of("1e999"), testing::HasSubstr("does not fit a 64-bit float"));
}

TEST(TraceqlLexer, StringsHaveEscapesOrAreRaw) {
  EXPECT_EQ(token_of(R"("a\"b\\c\n\t\x41\101\u00e9\U0001f600")").text, "a\"b\\c\n\tAAé😀");
  EXPECT_EQ(token_of("`a\\d\"\nb`").text, "a\\d\"\nb");
  EXPECT_EQ(token_of(R"("\xff")").text, "\xff");  // bytes need not be UTF-8
  EXPECT_EQ(problem_of(R"("\d")"), R"(1:2: unknown escape \d (write \\d for a backslash, or the string in `…`))");
  EXPECT_EQ(problem_of(R"("\x4")"), R"(1:2: 2 digits must follow \x (write \\ for a backslash))");
  EXPECT_EQ(problem_of(R"("\ud800")"), R"(1:2: \ud800 is no character)");
  EXPECT_EQ(problem_of("\"a"), "1:1: this string does not end (close it with \")");
  EXPECT_EQ(problem_of("\"a\nb\""),
            "1:1: this string does not end (close it with \"; strings over several lines stand in `…`)");
  EXPECT_EQ(problem_of("`a"), "1:1: this string does not end (close it with `)");
}

TEST(TraceqlLexer, SignsAreAsLongAsTheyCanBe) {
  EXPECT_THAT(signs_of("&&||!>>!<<&>>&<<!~&~>=<=!="),
              testing::ElementsAre("&&", "||", "!>>", "!<<", "&>>", "&<<", "!~", "&~", ">=", "<=", "!="));
  EXPECT_THAT(signs_of(".a=-1"), testing::ElementsAre("=", "-"));
  EXPECT_THAT(signs_of(".a=!.b"), testing::ElementsAre("=", "!"));
  EXPECT_EQ(problem_of(".a == 1"), "1:4: \"==\" is no operator (write \"=\")");
  EXPECT_EQ(problem_of(".a & 1"), "1:4: unexpected character & (write \"&&\")");
  EXPECT_EQ(problem_of("a\u00a0b"), "1:2: unexpected character U+00A0");
}

TEST(TraceqlLexer, CommentsAndBlanksSeparate) {
  EXPECT_EQ(tokenize("{ // all\n } /* of\nthem */ | count()").tokens.size(), 7U);
  EXPECT_EQ(problem_of("{ } /* x"), "1:5: this comment does not end (close it with \"*/\")");
}

TEST(TraceqlLexer, PlacesCountCharactersAndLines) {
  const Tokens tokens = tokenize("{ name = \"é\"\n  && $ }");
  ASSERT_TRUE(tokens.problem.has_value());
  EXPECT_EQ(tokens.problem->line, 2U);
  EXPECT_EQ(tokens.problem->column, 6U);
  EXPECT_EQ(tokens.problem->length, 1U);
  EXPECT_EQ(tokens.problem->place.at, 19U);  // bytes
}

TEST(TraceqlLexer, StopsAtItsLimitOfTokens) {
  const Tokens tokens = tokenize(std::string(kTokensMax + 1, '('));
  ASSERT_TRUE(tokens.problem.has_value());
  EXPECT_EQ(tokens.problem->limit, "kTokensMax");
  EXPECT_EQ(tokens.problem->code, ErrorCode::limit_exceeded);
}

TEST(TraceqlLexer, ATextThatIsNotUtf8IsRefusedWhereItIsNot) {
  const auto problem = unusable_text("{ name = \"é\xff\" }");
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->column, 12U);
  EXPECT_FALSE(unusable_text("{ name = \"é\" }").has_value());
}

}  // namespace
}  // namespace meshflow::query::traceql
