// What becomes of alerts: as Prometheus' documentation describes pending, firing and resolved.
#include "server/alert_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/promql/parser.hpp"
#include "server/alert_notifier.hpp"
#include "support/http_server.hpp"

namespace meshflow::server {
namespace {

using query::promql::Vector;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kNow = 1'700'000'000'000;

class AlertBookTest : public ::testing::Test {
 protected:
  AlertBookTest() {
    AlertRule rule{"Expensive", "x", query::promql::parse("x").value(), 2 * kMinute};
    rule.labels["severity"] = AlertTemplate({{"warning"}});
    rule.annotations["summary"] = AlertTemplate(
        {{"", AlertTemplate::Piece::Fill::label, "workflow"}, {" costs ", AlertTemplate::Piece::Fill::value}, {"!"}});
    group_ = {"runs", 5'000, {rule}};
  }
  static Vector series(double value) { return {{{{"__name__", "x"}, {"workflow", "answer"}}, value}}; }
  // The states, with values that say since when.
  bool update(const Vector& found, std::int64_t minutes) {
    const auto changed = book_.update(group_, group_.rules[0], found, kNow + minutes * kMinute);
    EXPECT_TRUE(changed) << changed.error().text();
    return changed.value_or(false);
  }
  AlertState state() {
    const auto all = book_.alerts();
    return all.empty() ? AlertState::inactive : all.front().state;
  }
  std::vector<Alert> due(std::int64_t minutes) { return book_.take_due(kNow + minutes * kMinute); }

  AlertGroup group_;
  AlertBook book_;
};

TEST_F(AlertBookTest, AnAlertIsPendingUntilItHasBeenThereLongEnough) {
  EXPECT_TRUE(update(series(7), 0));
  EXPECT_EQ(state(), AlertState::pending);
  EXPECT_FALSE(update(series(8), 1));
  EXPECT_THAT(due(1), IsEmpty());
  EXPECT_TRUE(update(series(9), 2));
  EXPECT_EQ(state(), AlertState::firing);
  const auto told = due(2);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].labels, (AlertLabels{{"alertname", "Expensive"}, {"severity", "warning"}, {"workflow", "answer"}}));
  EXPECT_EQ(told[0].annotations, (AlertLabels{{"summary", "answer costs 9!"}}));
  EXPECT_EQ(told[0].active_at_ms, kNow);
  EXPECT_EQ(told[0].fired_at_ms, kNow + 2 * kMinute);
}

TEST_F(AlertBookTest, APendingAlertThatGoesIsForgotten) {
  update(series(7), 0);
  EXPECT_TRUE(update({}, 1));
  EXPECT_EQ(state(), AlertState::inactive);
  update(series(7), 1);
  update(series(7), 2);
  EXPECT_EQ(state(), AlertState::pending);  // it counts anew
}

TEST_F(AlertBookTest, AFiringAlertThatGoesIsResolvedAndToldOnce) {
  update(series(7), 0);
  update(series(7), 2);
  EXPECT_THAT(due(2), SizeIs(1));
  EXPECT_THAT(due(2), IsEmpty());
  EXPECT_TRUE(update({}, 3));
  EXPECT_EQ(state(), AlertState::resolved);
  const auto told = due(3);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].resolved_at_ms, kNow + 3 * kMinute);
  EXPECT_THAT(due(4), IsEmpty());
  EXPECT_FALSE(update({}, 18));
  EXPECT_EQ(state(), AlertState::resolved);
  due(19);
  EXPECT_EQ(state(), AlertState::inactive);  // forgotten after a quarter of an hour
}

TEST_F(AlertBookTest, WhatIsThereAgainAfterItWasResolvedStartsAnew) {
  update(series(7), 0);
  update(series(7), 2);
  update({}, 3);
  EXPECT_TRUE(update(series(7), 4));
  EXPECT_EQ(state(), AlertState::pending);
  EXPECT_EQ(book_.alerts()[0].active_at_ms, kNow + 4 * kMinute);
}

TEST_F(AlertBookTest, AFiringAlertIsToldAgainEachMinute) {
  update(series(7), 0);
  update(series(7), 2);
  EXPECT_THAT(due(2), SizeIs(1));
  const auto again = due(3);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].sent_at_ms, kNow + 2 * kMinute);
}

TEST_F(AlertBookTest, ARestartKeepsWhatWasKnown) {
  update(series(7), 0);
  AlertBook restarted;
  ASSERT_TRUE(restarted.read_json(book_.to_json(0), {group_}));
  ASSERT_TRUE(restarted.update(group_, group_.rules[0], series(7), kNow + 2 * kMinute));
  ASSERT_THAT(restarted.alerts(), SizeIs(1));
  EXPECT_EQ(restarted.alerts()[0].state, AlertState::firing);
  EXPECT_THAT(restarted.take_due(kNow + 2 * kMinute), SizeIs(1));
  // Told, and whether it arrived is known: after a restart it is told again only where it did not.
  AlertBook told;
  ASSERT_TRUE(told.read_json(restarted.to_json(kNow + 2 * kMinute), {group_}));
  EXPECT_THAT(told.take_due(kNow + 2 * kMinute + 1), IsEmpty());
  AlertBook lost;
  ASSERT_TRUE(lost.read_json(restarted.to_json(kNow), {group_}));
  EXPECT_THAT(lost.take_due(kNow + 2 * kMinute + 1), SizeIs(1));
  // A rule that is gone takes its alerts with it.
  ASSERT_TRUE(lost.read_json(restarted.to_json(kNow), {}));
  EXPECT_THAT(lost.alerts(), IsEmpty());
  EXPECT_FALSE(lost.read_json("{\"alerts\":", {group_}));
}

TEST_F(AlertBookTest, SeriesThatBecomeTheSameAlertAreAnError) {
  const Vector two{{{{"severity", "a"}}, 1}, {{{"severity", "b"}}, 2}};
  const auto updated = book_.update(group_, group_.rules[0], two, kNow);
  ASSERT_FALSE(updated);
  EXPECT_THAT(updated.error().message, HasSubstr("two series that have the same labels"));
  Vector many;
  for (std::size_t i = 0; i <= kAlertsOfRuleMax; ++i) many.push_back({{{"n", std::to_string(i)}}, 1});
  EXPECT_EQ(book_.update(group_, group_.rules[0], many, kNow).error().code, ErrorCode::limit_exceeded);
}

// ---- telling --------------------------------------------------------------------------------------------------------

Alert fired(std::int64_t told_at = 0) {
  Alert alert{"runs", "Expensive", {{"alertname", "Expensive"}}, {{"summary", "too \"dear\""}}, AlertState::firing, 7};
  alert.active_at_ms = alert.fired_at_ms = kNow;
  alert.sent_at_ms = told_at;
  return alert;
}

bool eventually(const std::function<bool()>& is_so) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > limit) return false;
  }
  return true;
}

TEST(AlertNotifierTest, AnAlertmanagerGetsItsApi) {
  meshflow::test::HttpServer target;
  AlertNotifier notifier({.targets = {{AlertTarget::Kind::alertmanager, target.url("/")}}});
  notifier.tell({fired()}, kNow);
  ASSERT_TRUE(target.wait_for_requests(1));
  const auto request = target.requests()[0];
  EXPECT_EQ(request.target, "/api/v2/alerts");
  EXPECT_EQ(request.body, R"([{"labels":{"alertname":"Expensive"},"annotations":{"summary":"too \"dear\""},)"
                          R"("startsAt":"2023-11-14T22:13:20.000Z","endsAt":"2023-11-14T22:17:20.000Z"}])");
  EXPECT_TRUE(eventually([&] { return notifier.is_idle() && notifier.stats()[0].sent == 1; }));
}

TEST(AlertNotifierTest, AWebhookIsToldChangesAlone) {
  meshflow::test::HttpServer target;
  AlertNotifier notifier({.targets = {{AlertTarget::Kind::webhook, target.url("/hook")}}});
  notifier.tell({fired(kNow)}, kNow);  // told before
  Alert resolved = fired();
  resolved.state = AlertState::resolved;
  resolved.resolved_at_ms = kNow + 1'500;
  notifier.tell({resolved}, kNow);
  ASSERT_TRUE(target.wait_for_requests(1));
  EXPECT_TRUE(eventually([&] { return notifier.is_idle(); }));
  ASSERT_THAT(target.requests(), SizeIs(1));
  EXPECT_EQ(target.requests()[0].target, "/hook");
  EXPECT_THAT(target.requests()[0].body, HasSubstr(R"("version":"4","receiver":"meshflow","status":"resolved")"));
  EXPECT_THAT(target.requests()[0].body, HasSubstr(R"("endsAt":"2023-11-14T22:13:21.500Z")"));
}

TEST(AlertNotifierTest, WhatFailsIsTriedAgainAndWhatIsRefusedIsNot) {
  meshflow::test::HttpServer target;
  target.script({.status = 503});
  target.script({.status = 429});
  target.script({.status = 200});
  target.script({.status = 400});
  AlertNotifier notifier(
      {.targets = {{AlertTarget::Kind::webhook, target.url()}}, .retry_first = std::chrono::milliseconds(1)});
  notifier.tell({fired()}, kNow);
  notifier.tell({fired()}, kNow);
  EXPECT_TRUE(eventually([&] { return notifier.stats()[0].dropped == 1; }));
  const auto stats = notifier.stats()[0];
  EXPECT_EQ(stats.sent, 1);
  EXPECT_EQ(stats.failed, 3);
  EXPECT_THAT(target.requests(), SizeIs(4));
}

TEST(AlertNotifierTest, AQueueThatIsFullLosesItsOldest) {
  meshflow::test::HttpServer target;
  target.reply_always({.ending = meshflow::test::ScriptedReply::Ending::hang});
  AlertNotifier notifier({.targets = {{AlertTarget::Kind::webhook, target.url()}}});
  for (std::size_t i = 0; i < kAlertMessagesMax + 5; ++i) notifier.tell({fired()}, kNow);
  EXPECT_GE(notifier.stats()[0].dropped, 4);
  EXPECT_FALSE(notifier.is_idle());
}

}  // namespace
}  // namespace meshflow::server
