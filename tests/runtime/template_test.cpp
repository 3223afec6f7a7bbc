#include "runtime/template.hpp"

#include <map>

#include <gmock/gmock.h>

namespace meshflow::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Scope final : public TemplateScope {
 public:
  [[nodiscard]] std::string_view input() const override { return R"({"id": 7, "name": "Ada", "tags": ["a", "b"]})"; }
  [[nodiscard]] std::string_view task() const override { return "the task"; }
  [[nodiscard]] std::optional<std::string_view> output_of(std::string_view node_id) const override {
    if (node_id == "plan") return "a plan";
    return std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> environment(std::string_view name) const override {
    if (name == "TOKEN") return "s3cret";
    return std::nullopt;
  }
};

Template parsed(std::string_view text, bool environment = false) {
  TemplateVariables allowed;
  allowed.environment = environment;
  auto out = Template::parse(text, {}, allowed);
  EXPECT_TRUE(out) << text << ": " << (out ? "" : out.error().text());
  return out ? *out : Template();
}

std::string filled(std::string_view text, bool environment = false) {
  const auto out = parsed(text, environment).fill(Scope(), 1000);
  return out ? out->text : out.error().text();
}

TEST(Template, FillsInWhatTheRunHasSoFar) {
  EXPECT_EQ(filled("nothing"), "nothing");
  EXPECT_EQ(filled(""), "");
  EXPECT_EQ(filled("{{ task }} / {{outputs.plan}}"), "the task / a plan");
  EXPECT_EQ(filled("{{ input.name }}-{{ input.id }}-{{ input.tags }}-{{ input.tags[1] }}"), R"(Ada-7-["a","b"]-b)");
  EXPECT_EQ(filled("{{ \"{{ }}\" }}"), "{{ }}");
  EXPECT_EQ(filled("Bearer {{ env.TOKEN }}", true), "Bearer s3cret");
}

TEST(Template, WhatIsShownHasNoValues) {
  const auto out = parsed("a={{ task }}&b={{ env.TOKEN }}", true).fill(Scope(), 1000);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->shown, "a=REDACTED&b=REDACTED");
}

TEST(Template, AVariableWithoutAValueIsAnErrorThatNamesIt) {
  EXPECT_THAT(filled("{{ outputs.other }}"), HasSubstr("outputs.other has no value"));
  EXPECT_THAT(filled("{{ input.missing[0] }}"), HasSubstr("input.missing[0] has no value"));
  EXPECT_THAT(filled("{{ json(task) }}"), HasSubstr("json(task) has no value"));
  EXPECT_THAT(filled("{{ env.NOTHING }}", true), HasSubstr("the environment has no NOTHING"));
}

TEST(Template, IsHeldToASizeAndToWhatItsValuesMayBe) {
  EXPECT_THAT(parsed("{{ task }}").fill(Scope(), 7).error().text(), HasSubstr("more than 7 bytes"));
  const auto shout = [](std::string value) -> Result<std::string> { return "<" + value + ">"; };
  EXPECT_EQ(parsed("x{{ task }}").fill(Scope(), 1000, shout)->text, "x<the task>");
}

struct Refusal {
  const char* text;
  const char* message;
};

class TemplateRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(TemplateRefusal, SaysWhatIsWrong) {
  const auto out = Template::parse(GetParam().text, {}, {});
  ASSERT_FALSE(out);
  EXPECT_THAT(out.error().text(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Table, TemplateRefusal,
                         ::testing::Values(Refusal{"a {{ input", "this {{ is not closed"},
                                           Refusal{"{{ }}", "the template is empty"},
                                           Refusal{"{{ inptu }}", "(did you mean \"input\"?)"},
                                           Refusal{"{{ output }}", "unknown variable output"},
                                           Refusal{"{{ uncertainty }}", "unknown variable uncertainty"},
                                           Refusal{"{{ task task }}", "expected the end, not task"},
                                           Refusal{"{{ 5 }}", "5 is no variable"},
                                           Refusal{"{{ env.TOKEN }}", "env.TOKEN may not stand here"}));

TEST(Template, ErrorsPointToTheirPlace) {
  const auto out = Template::parse("https://x/\n{{ inptu }}", {"w.yaml", 3, 8}, {});
  ASSERT_FALSE(out);
  ASSERT_TRUE(out.error().position);
  EXPECT_EQ(out.error().position->line, 4);
  EXPECT_EQ(out.error().position->column, 4);
}

TEST(Template, NamesTheNodesItAsksFor) {
  std::vector<std::string> names;
  for (const auto& reference : parsed("{{ outputs.a.x }}{{ input }}{{ outputs.b }}").references()) {
    names.push_back(reference.node_id);
  }
  EXPECT_THAT(names, ElementsAre("a", "b"));
}

TEST(JsonTemplate, KeepsTheTypeOfAValueThatStandsAlone) {
  const auto out = JsonTemplate::parse(
      R"({"n": "{{ input.id }}", "s": "id {{ input.id }}", "all": ["{{ input.tags }}", "{{ task }}"], "{{ task }}": 1})",
      {});
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ(out->fill(Scope(), 1000).value(), R"({"n":7,"s":"id 7","all":[["a","b"],"the task"],"{{ task }}":1})");
}

TEST(JsonTemplate, WhatIsFilledInIsBoundedAsAWhole) {
  const auto out = JsonTemplate::parse(R"(["{{ input.tags }}", "{{ input.tags }}"])", {});
  ASSERT_TRUE(out);
  const std::string whole = R"([["a","b"],["a","b"]])";
  EXPECT_EQ(out->fill(Scope(), whole.size()).value(), whole);
  EXPECT_EQ(out->fill(Scope(), whole.size() - 1).error().code, ErrorCode::limit_exceeded);
}

TEST(JsonTemplate, AValueCannotBreakOutOfItsString) {
  class Quoted final : public TemplateScope {
   public:
    [[nodiscard]] std::string_view input() const override { return R"(x", "admin": true, "y": "\)"; }
    [[nodiscard]] std::string_view task() const override { return ""; }
    [[nodiscard]] std::optional<std::string_view> output_of(std::string_view) const override { return std::nullopt; }
    [[nodiscard]] std::optional<std::string> environment(std::string_view) const override { return std::nullopt; }
  };
  const auto out = JsonTemplate::parse(R"({"a": "{{ input }}"})", {});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->fill(Quoted(), 1000).value(), R"({"a":"x\", \"admin\": true, \"y\": \"\\"})");
}

}  // namespace
}  // namespace meshflow::runtime
