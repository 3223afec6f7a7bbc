#include "runtime/ledger.hpp"

#include <array>
#include <cstdio>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "runtime/database_fixture.hpp"
#include "support/test_paths.hpp"

namespace meshflow::runtime {
namespace {

using ::testing::HasSubstr;

LedgerDraft draft(std::string run_id, std::string kind = "node") {
  LedgerDraft made;
  made.run_id = std::move(run_id);
  made.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  made.span_id = "00f067aa0ba902b7";
  made.node_id = "writer";
  made.kind = std::move(kind);
  made.verdict = "allowed";
  made.reason = "über";
  made.cost_nano_usd = 1'200'000;
  made.input_tokens = 85;
  made.output_tokens = 63;
  made.cached_tokens = 5;
  made.carbon_nanograms = 24'500'000;
  made.output_digest = digest_of("answer");
  return made;
}

class LedgerFile : public DatabaseTest {
 protected:
  std::unique_ptr<Ledger> ledger(std::shared_ptr<Database> database) {
    return Ledger::open(std::move(database), clock_).value();
  }
  // Entries 1 a, 2 b, 3 a, 4 b, 5 a.
  void write_five() {
    auto to = ledger(open());
    for (const auto* run : {"run_a", "run_b", "run_a", "run_b", "run_a"}) {
      const auto entry = to->append(draft(run));
      ASSERT_TRUE(entry) << entry.error().text();
      heads_[run] = entry->entry_hash;
      clock_.advance(1000);
    }
  }
  LedgerReport verify(std::optional<std::string_view> run_id = std::nullopt) {
    const auto report = ledger(open({.read_only = true}))->verify(run_id, heads_);
    EXPECT_TRUE(report) << report.error().text();
    return report.value_or(LedgerReport{});
  }
  // Rewrites entry `seq` as one who knows the format would: with a hash that fits its fields.
  void forge(std::int64_t seq, const std::string& change) {
    const auto database = open();
    ASSERT_TRUE(database->execute(("UPDATE ledger SET " + change + " WHERE seq = " + std::to_string(seq)).c_str()));
    for (const auto* run : {"run_a", "run_b"}) {
      const auto entries = ledger(database)->entries(run).value();
      for (const LedgerEntry& entry : entries) {
        if (entry.seq != seq) continue;
        ASSERT_TRUE(database->execute(
            fmt::format("UPDATE ledger SET entry_hash = '{}' WHERE seq = {}", hash_of(entry), seq).c_str()));
      }
    }
  }
  std::string fault_of(const LedgerReport& report) { return fmt::format("{} {}", name_of(report.fault), report.seq); }

  ManualClock clock_;
  std::map<std::string, std::string> heads_;
};

TEST_F(LedgerFile, EntriesFormOneChainOverAllRuns) {
  write_five();
  const auto database = open();
  const auto entries = ledger(database)->entries("run_a").value();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].seq, 1);
  EXPECT_EQ(entries[0].prev_hash, std::string(64, '0'));
  EXPECT_EQ(entries[1].prev_hash, ledger(database)->entries("run_b").value()[0].entry_hash);
  EXPECT_EQ(entries[2].reason, "über");
  EXPECT_EQ(entries[2].time_unix_nanos, 1'700'000'000'000'004'000);
  EXPECT_EQ(ledger(database)->head("run_a").value(), entries[2].entry_hash);
  EXPECT_EQ(ledger(database)->head("run_c").value(), "");
  const auto report = verify();
  EXPECT_TRUE(report.holds()) << report.message;
  EXPECT_EQ(report.entries, 5);
  EXPECT_EQ(verify("run_b").run_entries, 2);
}

TEST_F(LedgerFile, TheEncodingIsTheOneOfTheDocument) {
  LedgerEntry entry;
  static_cast<LedgerDraft&>(entry) = LedgerDraft{.run_id = "run_1", .kind = "node", .cost_nano_usd = -1};
  entry.seq = 258;
  entry.prev_hash = std::string(64, '0');
  // Magic, version, seq, time, "run_1", three empty texts, "node", two empty texts, -1, four zeros, two empty texts, 64
  // zeros.
  const std::string zero = "0000000000000000";
  const std::string expected =
      "6d657368666c6f772e6c6564676572"
      "01"
      "0000000000000102" +
      zero +
      "0000000000000005"
      "72756e5f31" +
      zero + zero + zero +
      "0000000000000004"
      "6e6f6465" +
      zero + zero + "ffffffffffffffff" + zero + zero + zero + zero + zero + zero + "0000000000000040" +
      std::string(64, '3').replace(0, 64, [] {
        std::string digits;
        for (int at = 0; at < 64; ++at) digits += "30";
        return digits;
      }());
  EXPECT_EQ(to_hex(canonical_bytes(entry)), expected);
}

TEST_F(LedgerFile, NoTwoEntriesShareAnEncoding) {
  LedgerEntry one;
  one.run_id = "ab";
  one.trace_id = "c";
  LedgerEntry other;
  other.run_id = "a";
  other.trace_id = "bc";
  EXPECT_NE(canonical_bytes(one), canonical_bytes(other));
}

TEST_F(LedgerFile, AnIndependentImplementationAgrees) {
  write_five();
  const std::string command =
      fmt::format("python3 '{}/tests/runtime/ledger_reference.py' '{}' 2>&1", test::kSourceFolder, path());
  FILE* output = ::popen(command.c_str(), "r");
  ASSERT_NE(output, nullptr);
  std::string printed;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), output) != nullptr) printed += line.data();
  ASSERT_EQ(::pclose(output), 0) << printed;
  EXPECT_THAT(printed, HasSubstr("4 " + heads_["run_b"]));
  EXPECT_THAT(printed, HasSubstr("5 " + heads_["run_a"]));
}

TEST_F(LedgerFile, AnEditOfAnyFieldIsFoundAndNamed) {
  for (const auto* change :
       {"time_unix_nanos = time_unix_nanos + 1", "run_id = 'run_x'", "trace_id = ''", "span_id = 'x'", "node_id = 'x'",
        "kind = 'x'", "verdict = 'blocked'", "reason = 'x'", "cost_nano_usd = 0", "input_tokens = 0",
        "output_tokens = 0", "cached_tokens = 0", "carbon_nanograms = 0", "input_digest = 'x'", "output_digest = ''",
        "prev_hash = 'x'", "entry_hash = 'x'"}) {
    std::filesystem::remove_all(folder_);
    write_five();
    attack(fmt::format("UPDATE ledger SET {} WHERE seq = 3", change).c_str());
    EXPECT_EQ(fault_of(verify()), "edited 3") << change;
  }
}

TEST_F(LedgerFile, AnEditWithAFittingHashBreaksTheNextLink) {
  write_five();
  forge(2, "cost_nano_usd = 1");
  const auto report = verify();
  EXPECT_EQ(fault_of(report), "not_following 3");
  EXPECT_THAT(report.message, HasSubstr("entry 3 does not continue entry 2"));
}

TEST_F(LedgerFile, AnEditOfTheLastEntryWithAFittingHashIsFoundByTheHead) {
  write_five();
  forge(5, "cost_nano_usd = 1");
  const auto report = verify();
  EXPECT_EQ(report.fault, LedgerFault::tail_missing);
  EXPECT_EQ(report.run_id, "run_a");
}

TEST_F(LedgerFile, ADeletedEntryIsMissed) {
  write_five();
  attack("DELETE FROM ledger WHERE seq = 2");
  const auto report = verify();
  EXPECT_EQ(fault_of(report), "missing 3");
  EXPECT_EQ(report.message, "entry 2 is missing before entry 3");
}

TEST_F(LedgerFile, DeletedFirstEntriesAreMissed) {
  write_five();
  attack("DELETE FROM ledger WHERE seq <= 2");
  EXPECT_EQ(verify().message, "entries 1 to 2 are missing before entry 3");
}

TEST_F(LedgerFile, ADeletionHiddenByRenumberingIsFound) {
  write_five();
  attack(
      "DELETE FROM ledger WHERE seq = 2; UPDATE ledger SET seq = 2 WHERE seq = 3; UPDATE ledger SET seq = 3 WHERE seq "
      "= 4;"
      "UPDATE ledger SET seq = 4 WHERE seq = 5");
  const auto report = verify();
  EXPECT_EQ(fault_of(report), "moved 2");
  EXPECT_THAT(report.message, HasSubstr("entry 2 was written as entry 3"));
}

TEST_F(LedgerFile, SwappedEntriesAreFound) {
  write_five();
  attack(
      "UPDATE ledger SET seq = 99 WHERE seq = 2; UPDATE ledger SET seq = 2 WHERE seq = 4; UPDATE ledger SET seq = 4 "
      "WHERE seq = 99");
  const auto report = verify();
  EXPECT_EQ(fault_of(report), "moved 2");
  EXPECT_THAT(report.message, HasSubstr("written as entry 4"));
}

TEST_F(LedgerFile, AnInsertedEntryIsFound) {
  write_five();
  attack(
      "UPDATE ledger SET seq = 6 WHERE seq = 5; UPDATE ledger SET seq = 5 WHERE seq = 4; UPDATE ledger SET seq = 4 "
      "WHERE seq = 3;"
      "INSERT INTO ledger SELECT 3, time_unix_nanos, run_id, trace_id, span_id, node_id, kind, verdict, reason, "
      "cost_nano_usd,"
      "input_tokens, output_tokens, cached_tokens, carbon_nanograms, input_digest, output_digest, entry_hash, '' FROM "
      "ledger WHERE seq = 2");
  forge(3, "reason = 'put in'");
  // The entry that was put in fits by itself; the one after it was written for its place.
  EXPECT_EQ(fault_of(verify()), "moved 4");
}

TEST_F(LedgerFile, ACutOffTailIsFoundByTheHeads) {
  write_five();
  attack("DELETE FROM ledger WHERE seq = 5");
  const auto report = verify();
  EXPECT_EQ(report.fault, LedgerFault::tail_missing);
  EXPECT_EQ(report.run_id, "run_a");
  EXPECT_THAT(report.message, HasSubstr(heads_["run_a"]));
  EXPECT_TRUE(verify("run_b").holds());
  heads_.clear();
  EXPECT_TRUE(verify().holds());  // the chain alone cannot know
}

TEST_F(LedgerFile, AnEmptiedLedgerIsFoundByTheHeads) {
  write_five();
  attack("DELETE FROM ledger");
  EXPECT_EQ(verify().fault, LedgerFault::tail_missing);
  EXPECT_EQ(verify("run_b").run_id, "run_b");
}

TEST_F(LedgerFile, AnEntryAddedToARunThatHasEndedIsFound) {
  write_five();
  ASSERT_TRUE(ledger(open())->append(draft("run_b")));
  EXPECT_EQ(fault_of(verify()), "added_after_end 6");
}

TEST_F(LedgerFile, AValueOfAnotherTypeIsUnreadable) {
  write_five();
  attack(
      "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(replace(sql, ') STRICT', ')'), 'reason TEXT "
      "NOT NULL', "
      "'reason BLOB') WHERE name = 'ledger'");
  attack("UPDATE ledger SET reason = x'00' WHERE seq = 4");
  EXPECT_EQ(fault_of(verify()), "unreadable 4");
}

TEST_F(LedgerFile, ABatchIsAllOrNothing) {
  const auto database = open();
  const std::array drafts = {draft("run_a"), draft("run_a", "gate"), draft("run_b")};
  const auto entries = ledger(database)->append_batch(drafts);
  ASSERT_TRUE(entries) << entries.error().text();
  EXPECT_EQ(entries->at(2).seq, 3);
  EXPECT_EQ(entries->at(2).prev_hash, entries->at(1).entry_hash);
  {
    const auto transaction = database->begin();
    ASSERT_TRUE(ledger(database)->append(draft("run_c")));
  }
  EXPECT_EQ(ledger(database)->head("run_c").value(), "");
  EXPECT_TRUE(verify().holds());
}

TEST_F(LedgerFile, LongAndBrokenTextIsStoredAsItIsHashed) {
  LedgerDraft odd = draft("run_a");
  odd.reason = std::string(5000, 'x');
  odd.node_id = "a\xff";
  ASSERT_TRUE(ledger(open())->append(odd));
  const auto entry = ledger(open())->entries("run_a").value().at(0);
  EXPECT_EQ(entry.reason.size(), kLedgerTextBytesMax);
  EXPECT_EQ(entry.node_id, "a\xEF\xBF\xBD");
  EXPECT_TRUE(verify().holds());
}

TEST_F(LedgerFile, ThreadsAppendToOneChain) {
  const auto shared = ledger(Database::open(":memory:").value());
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&shared, thread] {
        for (int at = 0; at < 250; ++at) EXPECT_TRUE(shared->append(draft(fmt::format("run_{}", thread))));
      });
    }
  }
  const auto report = shared->verify().value();
  EXPECT_TRUE(report.holds()) << report.message;
  EXPECT_EQ(report.entries, 1000);
}

TEST_F(LedgerFile, AnEntryInMemoryIsARowOnceSomebodyReads) {
  const auto database = Database::open(":memory:").value();
  const auto own = ledger(database);
  constexpr int kEntries = 1000;  // more than a block of them
  std::vector<LedgerHead> heads;
  for (int at = 0; at < kEntries; ++at) {
    LedgerDraft odd = draft(fmt::format("run_{}", at % 2));
    if (at % 100 == 0) odd.node_id = "a\xff";
    heads.push_back(own->add(odd).value());
  }
  const auto entries = own->entries("run_0").value();
  ASSERT_EQ(entries.size(), kEntries / 2);
  EXPECT_EQ(entries[50].seq, heads[100].seq);
  EXPECT_EQ(entries[50].entry_hash, heads[100].entry_hash);
  EXPECT_EQ(entries[50].node_id, "a\xEF\xBF\xBD");
  EXPECT_EQ(entries[1].reason, "über");
  EXPECT_EQ(entries[1].carbon_nanograms, 24'500'000);
  EXPECT_EQ(entries[1].output_digest, digest_of("answer"));
  EXPECT_EQ(own->head("run_1").value(), heads.back().entry_hash);
  const auto report = own->verify().value();
  EXPECT_TRUE(report.holds()) << report.message;
  EXPECT_EQ(report.entries, kEntries);
}

TEST_F(LedgerFile, AChainInMemoryGoesOnAfterATransactionThatWasGivenUp) {
  const auto own = ledger(Database::open(":memory:").value());
  ASSERT_TRUE(own->add(draft("run_a")));
  {
    const auto given_up = own->begin();
    ASSERT_TRUE(given_up);
    ASSERT_EQ(own->add(draft("run_b")).value().seq, 2);
  }
  EXPECT_EQ(own->add(draft("run_a")).value().seq, 2);
  {
    auto kept = own->begin();
    ASSERT_EQ(own->append(draft("run_a"))->seq, 3);
    ASSERT_TRUE(kept->commit());
  }
  EXPECT_EQ(own->add(draft("run_a")).value().seq, 4);
  EXPECT_TRUE(own->verify().value().holds());
  EXPECT_EQ(own->entries("run_a")->size(), 4);
  EXPECT_TRUE(own->entries("run_b")->empty());
}

TEST_F(LedgerFile, AmongEntriesThatShareASyncOnlyTheOneThatFailsIsNotWritten) {
  const auto shared = ledger(open());
  constexpr int kThreads = 6;
  constexpr int kEach = 10;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&shared, thread] {
        for (int at = 0; at < kEach; ++at) {
          const bool fails = at % 5 == 4;
          const auto entry = shared->add(draft(fmt::format("run_{}", thread)), [fails](const LedgerEntry&) {
            return fails ? Result<void>(fail(ErrorCode::conflict, "not this one")) : Result<void>();
          });
          EXPECT_EQ(entry.has_value(), !fails);
        }
      });
    }
  }
  for (int thread = 0; thread < kThreads; ++thread) {
    EXPECT_EQ(shared->entries(fmt::format("run_{}", thread))->size(), kEach - 2);
  }
  EXPECT_TRUE(verify().holds());
}

TEST_F(LedgerFile, ProcessesAppendToOneChain) {
  ASSERT_NE(open(), nullptr);  // the tables are there before the processes begin
  constexpr int kEach = 40;
  std::vector<pid_t> children;
  for (int child = 0; child < 3; ++child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      auto database = Database::open(path());
      auto own = database ? Ledger::open(*database) : tl::unexpected(database.error());
      bool good = own.has_value();
      for (int at = 0; good && at < kEach; ++at) good = (*own)->append(draft(fmt::format("run_{}", child))).has_value();
      ::_exit(good ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  const auto report = verify();
  EXPECT_TRUE(report.holds()) << report.message;
  EXPECT_EQ(report.entries, 3 * kEach);
}

TEST_F(LedgerFile, ALedgerThatAnotherProcessLocksSaysSo) {
  const auto holder = open();
  const auto waiting = ledger(open({.busy_timeout = std::chrono::milliseconds(20)}));
  const auto held = holder->begin();
  const auto entry = waiting->append(draft("run_a"));
  ASSERT_FALSE(entry);
  EXPECT_EQ(entry.error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace meshflow::runtime
