#include "runtime/schema.hpp"

#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace meshflow::runtime {
namespace {

struct Case {
  const char* schema;
  const char* output;
  const char* violation;  // part of the message; empty: the output meets the schema
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.schema << " | " << one.output; }

class SchemaCheck : public testing::TestWithParam<Case> {};

TEST_P(SchemaCheck, AcceptsOrNamesTheViolationByItsPointer) {
  const auto schema = OutputSchema::parse(GetParam().schema);
  ASSERT_TRUE(schema.has_value()) << schema.error().text();
  const auto checked = schema->check(GetParam().output);
  const std::string violation = GetParam().violation;
  if (violation.empty()) {
    EXPECT_TRUE(checked.has_value()) << checked.error().text();
    return;
  }
  ASSERT_FALSE(checked.has_value());
  EXPECT_NE(checked.error().message.find(violation), std::string::npos) << checked.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    Table, SchemaCheck,
    testing::Values(
        Case{"{}", "1", ""}, Case{"{}", "not json", "is not JSON"}, Case{R"({"type": "object"})", "{}", ""},
        Case{R"({"type": "object"})", "[]", "the root is not of type object"},
        Case{R"({"type": ["string", "null"]})", "null", ""},
        Case{R"({"type": ["string", "null"]})", "1", "is not of type string or null"},
        Case{R"({"type": "integer"})", "3.0", ""}, Case{R"({"type": "integer"})", "3.5", "is not of type integer"},
        Case{R"({"type": "integer"})", "18446744073709551615", ""}, Case{R"({"type": "number"})", "3", ""},
        Case{R"({"type": "boolean"})", "0", "is not of type boolean"},
        Case{R"({"required": ["a"]})", R"({"b": 1})", "lacks the member \"a\""},
        Case{R"({"required": ["a"]})", "7", ""},  // keywords of objects say nothing about other values
        Case{R"({"properties": {"a": {"type": "string"}}})", R"({"a": 1})", "/a is not of type string"},
        Case{R"({"properties": {"a/b~c": {"type": "string"}}})", R"({"a/b~c": 1})", "/a~1b~0c is not"},
        Case{R"({"additionalProperties": false, "properties": {"a": {}}})", R"({"a": 1, "b": 2})", "/b is not allowed"},
        Case{R"({"additionalProperties": {"type": "integer"}})", R"({"a": 1, "b": "x"})", "/b is not of type integer"},
        Case{R"({"items": {"minimum": 2}})", "[2, 1]", "/1 is 1, less than 2"},
        Case{R"({"maximum": 1.5})", "1.6", "is 1.6, more than 1.5"}, Case{R"({"maximum": 1.5})", "1.5", ""},
        Case{R"({"enum": ["a", 1]})", "1.0", ""}, Case{R"({"enum": ["a", 1]})", "\"b\"", "none of the allowed"},
        Case{R"({"const": {"x": [1, 2]}})", R"({"x": [1.0, 2]})", ""},
        Case{R"({"const": {"x": 1}})", R"({"x": 1, "y": 2})", "none of the allowed"},
        // lengths count characters: é is one, in two bytes
        Case{R"({"maxLength": 2})", "\"\xC3\xA9\xC3\xA9\"", ""},
        Case{R"({"minLength": 3})", "\"\xC3\xA9\xC3\xA9\"", "has 2 characters, less than 3"},
        Case{R"({"pattern": "^[A-Z]{2}$"})", "\"DE\"", ""},
        Case{R"({"pattern": "^[A-Z]{2}$"})", "\"de\"", "does not match"},
        Case{R"({"title": "T", "description": "D", "$schema": "S", "default": 1, "examples": [1]})", "1", ""}));

struct Refusal {
  const char* schema;
  const char* message;
  const char* hint = "";
};
void PrintTo(const Refusal& one, std::ostream* out) { *out << one.schema; }

class SchemaRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(SchemaRefusal, NamesTheKeywordAndWhereItStands) {
  const auto schema = OutputSchema::parse(GetParam().schema);
  ASSERT_FALSE(schema.has_value());
  EXPECT_NE(schema.error().message.find(GetParam().message), std::string::npos) << schema.error().text();
  EXPECT_NE(schema.error().hint.find(GetParam().hint), std::string::npos) << schema.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    Table, SchemaRefusal,
    testing::Values(Refusal{"nonsense", "is not JSON"}, Refusal{"[]", "a schema is a map"},
                    Refusal{R"({"oneOf": []})", "unknown keyword \"oneOf\""},
                    Refusal{R"({"properties": {"a": {"minLenght": 1}}})", "/properties/a/minLenght", "minLength"},
                    Refusal{R"({"type": "text"})", "unknown type \"text\""}, Refusal{R"({"type": 1})", "list of names"},
                    Refusal{R"({"pattern": "("})", "unusable pattern"}, Refusal{R"({"minLength": -1})", "whole number"},
                    Refusal{R"({"minLength": 3, "maxLength": 2})", "greater than"},
                    Refusal{R"({"minimum": "1"})", "number"}, Refusal{R"({"enum": []})", "one or more"},
                    Refusal{R"({"enum": [1], "const": 1})", "exclude"},
                    Refusal{R"({"required": "a"})", "list of names"},
                    Refusal{R"({"items": true})", "a schema is a map"},
                    Refusal{R"({"properties": []})", "map of names"}));

TEST(Schema, LimitsAreNamed) {
  std::string deep = "{}";
  for (std::size_t i = 1; i < kSchemaDepthMax; ++i) deep = R"({"items": )" + deep + "}";
  EXPECT_TRUE(OutputSchema::parse(deep).has_value());
  EXPECT_EQ(OutputSchema::parse(R"({"items": )" + deep + "}").error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(OutputSchema::parse("{}" + std::string(kSchemaBytesMax, ' ')).error().code, ErrorCode::limit_exceeded);
  const auto any = *OutputSchema::parse("{}");
  const auto nested = std::string(kSchemaInstanceDepthMax + 1, '[') + std::string(kSchemaInstanceDepthMax + 1, ']');
  EXPECT_EQ(any.check(nested).error().code, ErrorCode::limit_exceeded);
}

}  // namespace
}  // namespace meshflow::runtime
