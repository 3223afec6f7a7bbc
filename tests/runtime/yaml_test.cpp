#include "runtime/yaml.hpp"

#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace meshflow::runtime::yaml {
namespace {

std::string at(const SourcePosition& position) {
  return std::to_string(position.line) + ":" + std::to_string(position.column);
}

TEST(Yaml, ValuesKnowWhereTheyWereWritten) {
  const auto root = parse("a: 1\nb:\n  - x\n  - {c: 'y'}\n", "f.yaml");
  ASSERT_TRUE(root.has_value()) << root.error().text();
  EXPECT_EQ(at(root->find("a")->position), "1:4");
  const auto& list = *root->find("b");
  EXPECT_EQ(at(list.items[0].position), "3:5");
  const auto& quoted = *list.items[1].find("c");
  EXPECT_EQ(at(quoted.position), "4:9");
  EXPECT_EQ(at(quoted.text_position), "4:10");
  EXPECT_TRUE(quoted.is_verbatim);
  EXPECT_TRUE(quoted.is_quoted);
  EXPECT_EQ(quoted.position.file, "f.yaml");
}

TEST(Yaml, ColumnsInsideEscapedAndFoldedTextsAreNotClaimed) {
  const auto root = parse("a: \"x\\ty\"\nb: x\n  y\nc: |\n  x\n", "f");
  ASSERT_TRUE(root.has_value()) << root.error().text();
  for (const auto* key : {"a", "b", "c"}) EXPECT_FALSE(root->find(key)->is_verbatim) << key;
}

TEST(Yaml, AByteOrderMarkIsNoText) {
  const auto root = parse(
      "\xEF\xBB\xBF"
      "a: 1",
      "f");
  ASSERT_TRUE(root.has_value()) << root.error().text();
  EXPECT_EQ(root->find("a")->scalar, "1");
}

TEST(Yaml, AliasesAreCopiedAndStandWhereTheAliasStands) {
  const auto root = parse("a: &x {b: 1}\nc: *x\n", "f");
  ASSERT_TRUE(root.has_value()) << root.error().text();
  EXPECT_EQ(root->find("c")->find("b")->scalar, "1");
  EXPECT_EQ(at(root->find("c")->position), "2:4");
}

TEST(Yaml, AnEmptyDocumentIsNull) {
  for (const auto* text : {"", "# nothing\n", "---\n"}) {
    const auto root = parse(text, "f");
    ASSERT_TRUE(root.has_value()) << text << root.error().text();
    EXPECT_EQ(root->kind, Value::Kind::null) << text;
  }
}

TEST(Yaml, JsonFollowsTheCoreSchema) {
  const auto root = parse("{a: 1, b: 1.5, c: true, d: null, e: '1', f: text, g: [~, -2, +3], h: '', i: 'true'}", "f");
  ASSERT_TRUE(root.has_value()) << root.error().text();
  EXPECT_EQ(json_of(*root),
            R"({"a":1,"b":1.5E0,"c":true,"d":null,"e":"1","f":"text","g":[null,-2,3],"h":"","i":"true"})");
}

struct Refusal {
  std::string text;
  const char* position;
  const char* message;
  ErrorCode code = ErrorCode::invalid_input;
};
void PrintTo(const Refusal& one, std::ostream* out) { *out << one.text.substr(0, 60); }

class YamlRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(YamlRefusal, SaysWhereAndWhy) {
  const auto root = parse(GetParam().text, "f.yaml");
  ASSERT_FALSE(root.has_value());
  EXPECT_EQ(root.error().code, GetParam().code) << root.error().text();
  ASSERT_TRUE(root.error().position.has_value());
  EXPECT_EQ(root.error().position->file, "f.yaml");
  EXPECT_EQ(at(*root.error().position), GetParam().position) << root.error().text();
  EXPECT_NE(root.error().message.find(GetParam().message), std::string::npos) << root.error().text();
}

// Each level has the one before it nine times: 9^9 values if they were all copied.
std::string alias_bomb() {
  std::string out = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    out += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) out += before + (j < 8 ? ", " : "]\n");
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    Table, YamlRefusal,
    testing::Values(Refusal{"a: [1, 2", "1:9", "not YAML"}, Refusal{"a: 1\n b: 2\n", "2:3", "not YAML"},
                    Refusal{"a: 1\nb: 2\na: 3\n", "3:1", "\"a\" is given twice"},
                    Refusal{"x: {a: 1, a: 2}\n", "1:11", "\"a\" is given twice"},
                    Refusal{"[a]: 1\n", "1:1", "a list can't be a key"}, Refusal{"a: 1\n---\nb: 2\n", "3:1", "second"},
                    Refusal{"a: *nothing\n", "1:4", "not YAML"}, Refusal{"a: &x [*x]\n", "1:8", "alias inside"},
                    Refusal{std::string("a: 1\nb: \0x", 10), "2:4", "not UTF-8"},
                    Refusal{"a: 1\nb: x\xFFy", "2:5", "not UTF-8"},
                    Refusal{alias_bomb(), "5:5", "copies by aliases", ErrorCode::limit_exceeded},
                    Refusal{std::string(kYamlDepthMax + 1, '[') + std::string(kYamlDepthMax + 1, ']'), "1:65",
                            "deeper than 64", ErrorCode::limit_exceeded},
                    Refusal{std::string(kYamlBytesMax + 1, ' '), "0:0", "bytes", ErrorCode::limit_exceeded}));

TEST(Yaml, UnknownKeysAreRefusedWithTheNearestOne) {
  const auto root = *parse("{kind: agent, promt: x}", "f");
  const std::string_view known[] = {"kind", "prompt"};
  const auto checked = check_keys(root, "node \"a\"", known);
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().text(), "f:1:15: unknown key \"promt\" in node \"a\" (did you mean \"prompt\"?)");
}

TEST(Yaml, NumbersAndTruthsAreTakenOnlyUnquoted) {
  const auto root = *parse("{a: 5, b: '5', c: x, d: true, e: 'true', f: 1.5, g: .inf, h: 99999999999999999999}", "f");
  EXPECT_EQ(*integer_of(*root.find("a"), "a"), 5);
  EXPECT_FALSE(integer_of(*root.find("b"), "b").has_value());
  EXPECT_EQ(integer_of(*root.find("c"), "limit").error().text(), "f:1:19: limit is \"x\", not a whole number");
  EXPECT_TRUE(*boolean_of(*root.find("d"), "d"));
  EXPECT_FALSE(boolean_of(*root.find("e"), "e").has_value());
  EXPECT_EQ(*number_of(*root.find("f"), "f"), 1.5);
  EXPECT_FALSE(number_of(*root.find("g"), "g").has_value());
  EXPECT_FALSE(integer_of(*root.find("h"), "h").has_value());
}

}  // namespace
}  // namespace meshflow::runtime::yaml
