#include "runtime/run_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/database_fixture.hpp"

namespace meshflow::runtime {
namespace {

using ::testing::HasSubstr;

class Store : public DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    database_ = open();
    ledger_ = Ledger::open(database_, clock_).value();
    store_ = RunStore::open(database_, [this](const ProcessId& process) { return process == living_; }).value();
  }
  void TearDown() override {
    store_.reset();
    ledger_.reset();
    database_.reset();
    DatabaseTest::TearDown();
  }

  static RunRecord run(std::string run_id, std::int64_t started = 1) {
    RunRecord made{.run_id = std::move(run_id)};
    made.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    made.workflow_name = "team";
    made.task = "compare";
    made.status = RunStatus::running;
    made.started_unix_nanos = started;
    made.usage = Usage{.tokens = {.input = 10, .output = 20, .cached = 3, .cache_written = 2},
                       .cost_nano_usd = 1'200'000,
                       .carbon = {.nanograms = 5, .low_nanograms = 4, .high_nanograms = 9},
                       .model_calls = 2};
    made.blocked = 1;
    return made;
  }
  static PendingRequest request(std::string run_id, std::string node_id = "publish", std::int64_t expires = 1000) {
    return PendingRequest{.run_id = std::move(run_id),
                          .node_id = std::move(node_id),
                          .reason = "irreversible",
                          .prompt = "publish?",
                          .content_digest = digest_of("draft"),
                          .since_unix_nanos = 100,
                          .expires_unix_nanos = expires};
  }
  Result<LedgerEntry> pause(const std::string& run_id, std::vector<PendingRequest> requests) {
    return store_->pause(*ledger_, {.run = run(run_id),
                                    .checkpoint = "state",
                                    .requests = std::move(requests),
                                    .entry = LedgerDraft{.run_id = run_id, .kind = "pause", .verdict = "pending"}});
  }
  Result<LedgerEntry> decide(std::string_view run_id, bool approved, std::int64_t now = 200,
                             std::string_view node_id = {}) {
    return store_->decide(*ledger_, {.run_id = run_id,
                                     .node_id = node_id,
                                     .decision = {.approved = approved, .by = "Ana", .note = "seen"},
                                     .now_unix_nanos = now});
  }

  ManualClock clock_;
  std::shared_ptr<Database> database_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<RunStore> store_;
  ProcessId living_{.pid = 7, .started_ticks = 70};
};

TEST_F(Store, ARunIsFoundAsItWasSaved) {
  ASSERT_TRUE(store_->save(run("run_1")));
  const auto found = store_->find("run_1");
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->usage, run("run_1").usage);
  EXPECT_EQ(found->status, RunStatus::running);
  EXPECT_EQ(found->task, "compare");
  EXPECT_EQ(found->blocked, 1);
  auto ended = run("run_1");
  ended.status = RunStatus::completed;
  ended.ended_unix_nanos = 9;
  ended.ledger_head = "abc";
  ASSERT_TRUE(store_->save(ended));
  EXPECT_EQ(store_->find("run_1")->status, RunStatus::completed);
  EXPECT_EQ(store_->find("run_1")->ledger_head, "abc");
  EXPECT_EQ(store_->find("run_2").error().code, ErrorCode::not_found);
}

TEST_F(Store, RunsAreListedNewestFirst) {
  for (int at = 1; at <= 3; ++at) ASSERT_TRUE(store_->save(run("run_" + std::to_string(at), at)));
  const auto listed = store_->list(2).value();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].run_id, "run_3");
  EXPECT_EQ(listed[1].run_id, "run_2");
}

TEST_F(Store, APauseKeepsCheckpointRequestAndEntryTogether) {
  const auto entry = pause("run_1", {request("run_1")});
  ASSERT_TRUE(entry) << entry.error().text();
  EXPECT_EQ(store_->find("run_1")->status, RunStatus::paused);
  EXPECT_EQ(store_->find("run_1")->ledger_head, entry->entry_hash);
  EXPECT_EQ(store_->checkpoint("run_1").value(), "state");
  const auto pending = store_->pending().value();
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].node_id, "publish");
  EXPECT_EQ(pending[0].content_digest, digest_of("draft"));
  EXPECT_EQ(ledger_->head("run_1").value(), entry->entry_hash);
}

TEST_F(Store, APauseThatFailsLeavesNothing) {
  ASSERT_TRUE(store_->save(run("run_1")));
  const auto failed = store_->pause(*ledger_, {.run = run("run_1"),
                                               .checkpoint = std::string(kCheckpointBytesMax + 1, 'x'),
                                               .requests = {request("run_1")},
                                               .entry = LedgerDraft{.run_id = "run_1"}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(store_->find("run_1")->status, RunStatus::running);
  EXPECT_TRUE(store_->pending()->empty());
  EXPECT_EQ(ledger_->head("run_1").value(), "");
}

TEST_F(Store, ADecisionIsRecordedOnceWithWhoAndWhen) {
  ASSERT_TRUE(pause("run_1", {request("run_1")}));
  const auto entry = decide("run_1", true);
  ASSERT_TRUE(entry) << entry.error().text();
  EXPECT_EQ(entry->kind, "decision");
  EXPECT_EQ(entry->verdict, "approved");
  EXPECT_EQ(entry->reason, "approved by Ana: seen");
  EXPECT_EQ(entry->input_digest, digest_of("draft"));
  EXPECT_TRUE(store_->pending()->empty());
  const auto record = store_->request_of("run_1", "publish").value();
  ASSERT_TRUE(record && record->decision);
  EXPECT_TRUE(record->decision->approved);
  EXPECT_EQ(record->decision->by, "Ana");
  EXPECT_EQ(record->decision->unix_nanos, 200);
  const auto again = decide("run_1", false);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::conflict);
  EXPECT_THAT(again.error().text(), HasSubstr("decided already: approved by Ana"));
  EXPECT_TRUE(ledger_->verify()->holds());
}

TEST_F(Store, DecisionsAreTakenWhereSomebodyIsAsked) {
  EXPECT_EQ(decide("run_9", true).error().code, ErrorCode::not_found);
  ASSERT_TRUE(store_->save(run("run_1")));
  const auto nobody = decide("run_1", true);
  EXPECT_EQ(nobody.error().code, ErrorCode::conflict);
  EXPECT_THAT(nobody.error().text(), HasSubstr("waits for nobody"));
  EXPECT_EQ(ledger_->head("run_1").value(), "");
}

TEST_F(Store, SeveralRequestsAreDecidedOldestFirstOrByNode) {
  ASSERT_TRUE(pause("run_1", {request("run_1", "a"), request("run_1", "b"), request("run_1", "c")}));
  EXPECT_EQ(decide("run_1", true, 200, "b")->node_id, "b");
  EXPECT_EQ(decide("run_1", true)->node_id, "a");
  EXPECT_EQ(store_->pending("run_1")->at(0).node_id, "c");
  EXPECT_EQ(store_->requests("run_1")->size(), 3U);
  EXPECT_EQ(store_->request_of("run_1", "d").value(), std::nullopt);
}

TEST_F(Store, ADecisionThatNamesWhatWasShownIsBoundToIt) {
  PendingRequest asked = request("run_1");
  asked.span_id = "00f067aa0ba902b7";
  asked.role = "executor";
  asked.risk = "irreversible";
  asked.rule_id = "human.risk";
  asked.threshold = "external_io";
  asked.value = "irreversible";
  ASSERT_TRUE(pause("run_1", {asked}));
  const auto waiting = store_->waiting().value();
  ASSERT_EQ(waiting.size(), 1U);
  const PendingRequest& kept = waiting[0].request;
  EXPECT_EQ(kept.span_id, asked.span_id);
  EXPECT_EQ(kept.role + kept.risk + kept.rule_id, asked.role + asked.risk + asked.rule_id);
  EXPECT_EQ(kept.threshold + kept.value, asked.threshold + asked.value);

  const auto decide_on = [&](std::int64_t id, const std::string& digest) {
    return store_->decide(*ledger_, {.run_id = "run_1",
                                     .decision = {.approved = true, .by = "Ana"},
                                     .now_unix_nanos = 200,
                                     .request_id = id,
                                     .digest = digest});
  };
  EXPECT_THAT(decide_on(waiting[0].id, digest_of("another draft")).error().text(), HasSubstr("something else by now"));
  EXPECT_THAT(decide_on(waiting[0].id + 1, digest_of("draft")).error().text(), HasSubstr("waits for nobody"));
  EXPECT_EQ(store_->pending()->size(), 1U);
  const auto entry = decide_on(waiting[0].id, digest_of("draft"));
  ASSERT_TRUE(entry) << entry.error().text();
  EXPECT_EQ(entry->span_id, asked.span_id) << "from the entry to the span that waited";
  EXPECT_TRUE(store_->request(waiting[0].id)->decision);
  EXPECT_EQ(store_->request(99).error().code, ErrorCode::not_found);
}

TEST_F(Store, AnExpiredRequestTakesNoDecisionButItsExpiry) {
  ASSERT_TRUE(pause("run_1", {request("run_1")}));
  const auto expire = [this](std::int64_t now) {
    return store_->decide(*ledger_, {.run_id = "run_1", .decision = {}, .now_unix_nanos = now, .is_expiry = true});
  };
  EXPECT_FALSE(expire(999));
  EXPECT_THAT(decide("run_1", true, 1000).error().text(), HasSubstr("waited too long"));
  const auto entry = expire(1000);
  ASSERT_TRUE(entry) << entry.error().text();
  EXPECT_EQ(entry->verdict, "expired");
}

TEST_F(Store, OnlyOneLivingProcessCarriesARun) {
  ASSERT_TRUE(store_->save(run("run_1")));
  const ProcessId other{.pid = 8, .started_ticks = 80};
  ASSERT_TRUE(store_->claim("run_1", living_));
  ASSERT_TRUE(store_->claim("run_1", living_));
  const auto refused = store_->claim("run_1", other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_THAT(refused.error().text(), HasSubstr("process 7"));
  EXPECT_EQ(store_->carrier("run_1").value(), living_);
  ASSERT_TRUE(store_->save(run("run_1")));  // a new record leaves the claim alone
  EXPECT_FALSE(store_->claim("run_1", other));
  living_ = {};  // it has died
  EXPECT_EQ(store_->carrier("run_1").value(), std::nullopt);
  EXPECT_TRUE(store_->claim("run_1", other));
  ASSERT_TRUE(store_->unclaim("run_1", {.pid = 9, .started_ticks = 1}));  // not its own: stays
  living_ = other;
  EXPECT_EQ(store_->carrier("run_1").value(), other);
  ASSERT_TRUE(store_->unclaim("run_1", other));
  EXPECT_EQ(store_->carrier("run_1").value(), std::nullopt);
  EXPECT_EQ(store_->claim("run_2", other).error().code, ErrorCode::not_found);
}

TEST_F(Store, AnotherProcessSeesThePause) {
  ASSERT_TRUE(pause("run_1", {request("run_1")}));
  const auto elsewhere = open();
  const auto store = RunStore::open(elsewhere).value();
  const auto ledger = Ledger::open(elsewhere, clock_).value();
  ASSERT_TRUE(
      store->decide(*ledger, {.run_id = "run_1", .decision = {.approved = true, .by = "Ana"}, .now_unix_nanos = 200}));
  EXPECT_TRUE(store_->request_of("run_1", "publish").value()->decision->approved);
  EXPECT_TRUE(ledger_->verify()->holds());
}

TEST(Processes, AreKnownByNumberAndStart) {
  const ProcessId self = this_process();
  EXPECT_GT(self.started_ticks, 0);
  EXPECT_TRUE(is_alive(self));
  EXPECT_FALSE(is_alive({.pid = self.pid, .started_ticks = self.started_ticks + 1}));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_FALSE(is_alive({.pid = child, .started_ticks = 1}));
}

}  // namespace
}  // namespace meshflow::runtime
