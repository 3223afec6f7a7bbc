// Saved views, completion, errors while writing, and what differs: over HTTP.
#include <filesystem>
#include <fstream>

#include "server/ui_api_fixture.hpp"

namespace meshflow::server::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class UiViews : public UiApiFixture {
 protected:
  void SetUp() override {
    QueryApiTest::SetUp();
    start({.views_file = file()});
  }
  [[nodiscard]] std::string file() const { return folder_.path() + "/views.json"; }
  std::string views() { return text(ask("views").at("views")); }
};

TEST_F(UiViews, AViewIsKeptAndOutlivesTheServer) {
  EXPECT_EQ(views(), "[]");
  const auto saved = post("views", R"({"name":"dear runs","url":"/search?tags=cost_usd+%3E+0.01"})");
  ASSERT_EQ(saved.status, 201) << saved.body;
  const json::value view = json::parse(saved.body);
  EXPECT_EQ(view.at("name").as_string(), "dear runs");
  EXPECT_EQ(view.at("url").as_string(), "/search?tags=cost_usd+%3E+0.01");
  start({.views_file = file()});
  EXPECT_EQ(views(), "[" + json::serialize(view) + "]");
  const std::string id(view.at("id").as_string());
  EXPECT_EQ(send(*server_, "/api/meshflow/views/" + id, {}, {}, "DELETE").status, 204);
  EXPECT_EQ(send(*server_, "/api/meshflow/views/" + id, {}, {}, "DELETE").status, 404);
  start({.views_file = file()});
  EXPECT_EQ(views(), "[]");
}

TEST_F(UiViews, AViewIsAPathOfThisServerWithAName) {
  for (const std::string body : {R"({"name":"x","url":"https://elsewhere.example/"})", R"({"name":"x","url":"//else"})",
                                 R"({"name":"x","url":"/\\else"})", R"({"name":"","url":"/"})", R"({"url":"/"})",
                                 R"({"name":"a\nb","url":"/"})", R"({"name":1,"url":"/"})", "[]", "{"}) {
    EXPECT_EQ(post("views", body).status, 400) << body;
  }
  EXPECT_EQ(post("views", R"({"name":"x","url":"/)" + std::string(5'000, 'a') + "\"}").status, 422);
  EXPECT_EQ(views(), "[]");
}

TEST_F(UiViews, ThereAreSoManyViewsAtMost) {
  for (std::size_t i = 0; i < SavedViews::kViewsMax; ++i) {
    ASSERT_EQ(post("views", R"({"name":"x","url":"/"})").status, 201);
  }
  const auto refused = post("views", R"({"name":"x","url":"/"})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body, HasSubstr(R"("limit":"views_max")"));
}

TEST_F(UiViews, PagesOfOtherOriginsChangeNothing) {
  const std::string body = R"({"name":"x","url":"/"})";
  EXPECT_EQ(post("views", body, {{"content-type", "text/plain"}}).status, 415);
  const std::pair<std::string, std::string> json_type{"content-type", "application/json"};
  EXPECT_EQ(post("views", body, {json_type, {"origin", "https://elsewhere.example"}}).status, 403);
  EXPECT_EQ(post("views", body, {json_type, {"sec-fetch-site", "same-site"}}).status, 403);
  EXPECT_EQ(post("differ", R"({"selection":"{ }"})", {json_type, {"sec-fetch-site", "cross-site"}}).status, 403);
  EXPECT_EQ(views(), "[]");
  EXPECT_EQ(post("views", body, {json_type, {"origin", "http://" + server_->address().text()}}).status, 201);
}

TEST_F(UiViews, AFileThatIsNoneOfTheseIsSaidAndLeftAlone) {
  std::ofstream(file()) << "hello";
  start({.views_file = file()});
  EXPECT_EQ(get("views").status, 400);
  EXPECT_EQ(post("views", R"({"name":"x","url":"/"})").status, 400);
  EXPECT_EQ(std::filesystem::file_size(file()), 5U);
}

class UiQueries : public UiApiFixture {
 protected:
  std::string labels(const std::string& query) {
    std::string all;
    const json::value answer = ask("complete?" + query);
    for (const json::value& item : answer.at("items").as_array()) {
      all += std::string(item.at("label").as_string()) + " ";
    }
    return text(answer.at("from")) + "-" + text(answer.at("to")) + ": " + all;
  }
};

TEST_F(UiQueries, WhatIsWrongIsToldWithItsPlaceInUtf16) {
  EXPECT_EQ(text(ask("check?q=%7B+status+%3D+error+%7D")), R"({"ok":true})");
  // { "🙂" = statsu }: the emoji is one character, and two UTF-16 units.
  const json::value answer = ask("check?q=%7B+%22%F0%9F%99%82%22+%3D+statsu+%7D");
  EXPECT_FALSE(answer.at("ok").as_bool());
  const json::value& error = answer.at("error");
  EXPECT_EQ(text(error.at("column")), "9");
  EXPECT_EQ(text(error.at("length")), "6");
  EXPECT_EQ(text(error.at("from")), "9");
  EXPECT_EQ(text(error.at("to")), "15");
  EXPECT_EQ(get("check?lang=cobol&q=x").status, 400);
}

TEST_F(UiQueries, SqlIsCheckedUpToItsColumns) {
  EXPECT_EQ(text(ask("check?lang=sql&q=SELECT+name+FROM+spans%3B")), R"({"ok":true})");
  const json::value view = ask("check?lang=sql&q=SELECT+1+FROM+spams");
  EXPECT_THAT(text(view), HasSubstr(R"("line":1,"column":15)"));
  const json::value column = ask("check?lang=sql&q=SELECT%0Anmae+FROM+spans");
  EXPECT_FALSE(column.at("ok").as_bool());
  EXPECT_EQ(text(column.at("error").at("line")), "2");
  EXPECT_EQ(text(column.at("error").at("column")), "1");
}

TEST_F(UiQueries, CompletionReplacesTheWordAtTheCursor) {
  EXPECT_EQ(labels("q=%7B+stat+%7D&pos=6"), "2-6: status statusMessage ");
  EXPECT_EQ(labels("lang=sql&q=SELECT+*+FROM+sp&pos=16"), "14-16: spans ");
  EXPECT_EQ(labels("lang=sql&q=SELECT+workflow_+FROM+runs&pos=16"), "7-16: workflow_name workflow_version ");
  EXPECT_EQ(labels("lang=sql&q=SELECT+'wor&pos=11"), "8-11: ");
  EXPECT_EQ(get("complete?q=x&pos=-1").status, 400);
}

TEST_F(UiQueries, CompletionKnowsTheAttributesOfTheStoreAndTheirValues) {
  keep(request_of(run(1, 0, 0.25, 100), "meshflow"));
  keep(request_of(run(2, 5, 0.5, 200, "blocked"), "meshflow"));
  // { span.meshflow.ro | }
  EXPECT_EQ(labels("q=%7B+span.meshflow.ro+%7D&pos=18"), "2-18: span.meshflow.role ");
  EXPECT_EQ(labels("q=%7B+resource.&pos=11"), "2-11: resource.service.name ");
  // { .meshflow.rul|
  EXPECT_EQ(labels("q=%7B+.meshflow.rul&pos=15"), "2-15: .meshflow.rule_id ");
  // { span.meshflow.verdict = "b|
  EXPECT_EQ(labels("q=%7B+span.meshflow.verdict+%3D+%22b&pos=28"), "26-28: \"blocked\" ");
  // { span.meshflow.tokens = | }: no text, but numbers; a span's own values only.
  EXPECT_THAT(labels("q=%7B+span.meshflow.tokens+%3D+&pos=25"), HasSubstr("25-25: 100 200 nil "));
  // { run_id = |: a short name has the values of its attribute.
  EXPECT_THAT(labels("q=%7B+.run_id+%3D+&pos=12"), HasSubstr("\"run_1\" \"run_2\" "));
}

class UiDiffer : public UiApiFixture {
 protected:
  // Twenty agents, each in a trace of its own: the four that were blocked used the model "big", as two others did.
  void SetUp() override {
    UiApiFixture::SetUp();
    std::vector<otlp::Span> spans;
    for (std::uint64_t i = 0; i < 20; ++i) {
      otlp::Span agent = make_span(100 + i, 1, "meshflow.agent");
      const bool is_blocked = i < 4;
      agent.attributes = {attribute("meshflow.verdict", is_blocked ? "blocked" : "allowed"),
                          attribute("gen_ai.request.model", i < 6 ? "big" : "small"),
                          attribute("meshflow.run_id", "run_" + std::to_string(i)),
                          attribute("meshflow.tokens", static_cast<std::int64_t>(is_blocked ? 1'000 + i : 10 + i))};
      spans.push_back(std::move(agent));
    }
    keep(request_of(std::move(spans), "meshflow"));
  }
  json::value differ(const std::string& body) {
    const auto response = post("differ", body);
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
  }
  static const json::value* find(const json::value& answer, std::string_view key) {
    for (const json::value& each : answer.at("attributes").as_array()) {
      if (each.at("key").as_string() == key) return &each;
    }
    return nullptr;
  }
};

TEST_F(UiDiffer, AttributesThatTellTheSetsApartComeFirst) {
  const json::value answer = differ(R"({"selection":"{ .verdict = \"blocked\" }","unit":"span"})");
  EXPECT_EQ(text(answer.at("selection_n")), "4");
  EXPECT_EQ(text(answer.at("baseline_n")), "16");
  EXPECT_FALSE(answer.at("sampled").as_bool());
  // The verdict itself: one bit, less (2-1)/(8 ln 2) (1/4 + 1/16) = 0.0564 that chance makes of so few.
  const json::value& first = answer.at("attributes").at(0);
  EXPECT_EQ(first.at("key").as_string(), "meshflow.verdict");
  EXPECT_NEAR(first.at("score").as_double(), 0.9436, 0.0001);
  // big 4 of 4 and 2 of 16: half of log2(1/0.5625) and half of 0.125 log2(0.125/0.5625) + 0.875 log2(2), less 0.0564.
  const json::value* const model = find(answer, "gen_ai.request.model");
  ASSERT_NE(model, nullptr);
  EXPECT_NEAR(model->at("score").as_double(), 0.6606, 0.0001);
  EXPECT_EQ(model->at("scope").as_string(), "span");
  EXPECT_EQ(text(model->at("values")),
            R"([{"value":"big","selection":4,"baseline":2,"query":"span.gen_ai.request.model = \"big\""},)"
            R"({"value":"small","selection":0,"baseline":14,"query":"span.gen_ai.request.model = \"small\""}])");
  // What differs for every span tells nothing, and neither does what is the same.
  EXPECT_EQ(find(answer, "meshflow.run_id"), nullptr);
  EXPECT_EQ(find(answer, "name"), nullptr);
  EXPECT_EQ(find(answer, "service.name"), nullptr);
}

TEST_F(UiDiffer, NumbersAreBins) {
  const json::value answer = differ(R"({"selection":"{ .verdict = \"blocked\" }"})");
  const json::value* const tokens = find(answer, "meshflow.tokens");
  ASSERT_NE(tokens, nullptr);
  EXPECT_EQ(tokens->at("type").as_string(), "number");
  // The others have 14 to 29, the blocked ones 1000 to 1003: two to a bin.
  const json::array& values = tokens->at("values").as_array();
  ASSERT_EQ(values.size(), 10U);
  EXPECT_EQ(text(values[0]), R"({"value":{"from":14,"to":16},"selection":0,"baseline":2,)"
                             R"("query":"span.meshflow.tokens >= 14.0 && span.meshflow.tokens < 16.0"})");
  EXPECT_EQ(text(values[9].at("selection")), "2");
}

TEST_F(UiDiffer, RunsAreComparedWhole) {
  const json::value answer = differ(
      R"({"selection":"{ .verdict = \"blocked\" }","baseline":"{ .gen_ai.request.model = \"small\" }","unit":"run"})");
  EXPECT_EQ(text(answer.at("selection_n")), "4");
  EXPECT_EQ(text(answer.at("baseline_n")), "14");
  const json::value* const blocked = find(answer, "blocked");
  ASSERT_NE(blocked, nullptr);
  EXPECT_EQ(blocked->at("scope").as_string(), "run");
}

TEST_F(UiDiffer, TheBodyIsChecked) {
  const std::vector<std::string> bodies{"",
                                        "[]",
                                        R"({"selection":5})",
                                        R"({"selection":"{ }","unit":"day"})",
                                        R"({"selection":"{ }","limit":0})",
                                        R"({"selection":"{ }","start":"noon"})",
                                        R"body({"selection":"{ } | rate()"})body",
                                        R"({"selection":"{ statsu = 5 }"})",
                                        R"({"selection":"{ }","baseline":"{"})"};
  for (const std::string& body : bodies) EXPECT_EQ(post("differ", body).status, 400) << body;
  EXPECT_THAT(post("differ", R"({"selection":"{ statsu = 5 }"})").body, HasSubstr(R"("column":3,"length":6)"));
  const json::value none = differ(R"({"selection":"{ .verdict = \"nothing\" }"})");
  EXPECT_EQ(text(none.at("selection_n")), "0");
  EXPECT_EQ(text(none.at("attributes")), "[]");
}

}  // namespace
}  // namespace meshflow::server::test
