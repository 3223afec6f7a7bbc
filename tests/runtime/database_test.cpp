#include "runtime/database.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/database_fixture.hpp"
#include "runtime/ledger.hpp"

namespace meshflow::runtime {
namespace {

using ::testing::HasSubstr;

constexpr DatabaseOptions kImpatient{.busy_timeout = std::chrono::milliseconds(20)};

// For what root may do and others may not: acts as nobody while it lives. Single-threaded tests only.
class AsNobody {
 public:
  AsNobody() {
    if (::geteuid() == 0 && ::seteuid(65534) == 0) was_root_ = true;
  }
  ~AsNobody() {
    if (was_root_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool was_root_ = false;
};

class DatabaseFile : public DatabaseTest {
 protected:
  static std::int64_t runs_in(Database& database) {
    auto statement = database.prepare("SELECT count(*) FROM runs").value();
    EXPECT_TRUE(statement.step().value());
    return statement.integer(0);
  }
  static constexpr const char* kInsert =
      "INSERT INTO runs VALUES ('r','','','','','','','running',0,0,0,0,0,0,0,0,0,0,0,0,'',0,0)";
};

TEST_F(DatabaseFile, IsReadableByItsOwnerOnly) {
  const auto database = open();
  ASSERT_TRUE(database->execute(kInsert));
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((path() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(DatabaseFile, WritesAheadAndSyncsFully) {
  const auto database = open();
  auto journal = database->prepare("PRAGMA journal_mode").value();
  ASSERT_TRUE(journal.step().value());
  EXPECT_EQ(journal.text(0), "wal");
  auto sync = database->prepare("PRAGMA synchronous").value();
  ASSERT_TRUE(sync.step().value());
  EXPECT_EQ(sync.integer(0), 2);  // FULL
}

TEST_F(DatabaseFile, IsMadeWholeAndLeavesNothingElse) {
  ASSERT_TRUE(open()->execute(kInsert));
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(path()).parent_path())) {
    names.push_back(entry.path().filename());
  }
  EXPECT_EQ(names, std::vector<std::string>{std::filesystem::path(path()).filename()});
  auto check = open()->prepare("PRAGMA integrity_check");
  ASSERT_TRUE(check && check->step().value());
  EXPECT_EQ(check->text(0), "ok");
}

TEST_F(DatabaseFile, WhatIsNotCommittedIsRolledBack) {
  const auto database = open();
  {
    auto transaction = database->begin();
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database->execute(kInsert));
  }
  EXPECT_EQ(runs_in(*database), 0);
  EXPECT_FALSE(database->in_transaction());
}

TEST_F(DatabaseFile, AnInnerTransactionIsPartOfTheOuterOne) {
  const auto database = open();
  {
    auto outer = database->begin();
    {
      auto inner = database->begin();
      ASSERT_TRUE(inner);
      ASSERT_TRUE(database->execute(kInsert));
      ASSERT_TRUE(inner->commit());
    }
    EXPECT_TRUE(database->in_transaction());
  }
  EXPECT_EQ(runs_in(*database), 0);  // the outer one was given up

  auto outer = database->begin();
  {
    auto inner = database->begin();
    ASSERT_TRUE(inner);
  }
  EXPECT_FALSE(outer->commit());  // a part was given up, so the whole cannot stand
}

TEST_F(DatabaseFile, ALockThatAnotherHoldsIsAConflictThatNamesTheFile) {
  const auto holder = open();
  const auto waiting = open(kImpatient);
  const auto held = holder->begin();
  ASSERT_TRUE(held);
  const auto refused = waiting->begin();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_THAT(refused.error().text(), HasSubstr(path()));
  EXPECT_THAT(refused.error().text(), HasSubstr("another process holds its lock"));
}

TEST_F(DatabaseFile, AReadOnlyFolderIsAClearError) {
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec |
                                            std::filesystem::perms::others_read | std::filesystem::perms::others_exec);
  {
    const AsNobody nobody;
    const auto opened = Database::open(path());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::permission_denied);
    EXPECT_THAT(opened.error().text(), HasSubstr("Permission denied"));
    EXPECT_THAT(opened.error().text(), HasSubstr("must be writable"));
  }
  std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
}

TEST_F(DatabaseFile, AFullDiskIsAClearErrorAndKeepsWhatWasThere) {
  const auto database = open();
  ASSERT_TRUE(database->execute(kInsert));
  ASSERT_TRUE(database->execute("PRAGMA max_page_count = 1"));  // SQLite then says that the disk is full
  const auto big = database->execute("INSERT INTO checkpoints VALUES ('r', hex(zeroblob(1000000)))");
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().code, ErrorCode::unavailable);
  EXPECT_THAT(big.error().text(), HasSubstr("full"));
  EXPECT_EQ(runs_in(*database), 1);
}

TEST_F(DatabaseFile, AFullDiskInATransactionGivesItUpWhole) {
  const auto database = open();
  ASSERT_TRUE(database->execute("PRAGMA max_page_count = 1"));
  {
    auto transaction = database->begin();
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database->execute(kInsert));
    EXPECT_FALSE(database->execute("INSERT INTO checkpoints VALUES ('r', hex(zeroblob(1000000)))"));
  }
  EXPECT_EQ(runs_in(*database), 0);
  EXPECT_TRUE(database->begin());
}

TEST_F(DatabaseFile, ANewerSchemaIsLeftAlone) {
  ASSERT_TRUE(open()->execute("PRAGMA user_version = 99"));
  const auto opened = Database::open(path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_THAT(opened.error().text(), HasSubstr("schema version 99"));
}

// What version 1 did not have goes; SQLite's ALTER TABLE is what made it.
constexpr const char* kBackToVersion1 = R"sql(
  ALTER TABLE requests DROP COLUMN span_id;
  ALTER TABLE requests DROP COLUMN role;
  ALTER TABLE requests DROP COLUMN risk;
  ALTER TABLE requests DROP COLUMN rule_id;
  ALTER TABLE requests DROP COLUMN threshold;
  ALTER TABLE requests DROP COLUMN value;
  INSERT INTO requests (run_id, node_id, reason, prompt, content_digest, since_unix_nanos, expires_unix_nanos)
    VALUES ('r', 'publish', 'irreversible', 'it', 'ab', 1, 2);
  PRAGMA user_version = 1;
)sql";

TEST_F(DatabaseFile, AnOlderSchemaIsRaisedWithWhatItHolds) {
  for (const bool read_only : {false, true}) {
    std::filesystem::remove(path());
    const auto made = open();
    ASSERT_TRUE(made->execute(kInsert));
    const auto lowered = made->execute(kBackToVersion1);
    ASSERT_TRUE(lowered) << lowered.error().text();
    const auto raised = open({.read_only = read_only});
    ASSERT_NE(raised, nullptr);
    const auto lock = raised->lock();
    auto row = raised->prepare("SELECT reason, span_id, role FROM requests");
    ASSERT_TRUE(row) << row.error().text();
    ASSERT_TRUE(row->step().value());
    EXPECT_EQ(row->text(0), "irreversible");
    EXPECT_EQ(row->text(1), "");
  }
}

TEST_F(DatabaseFile, WhatIsNoDatabaseIsSaidToBeNone) {
  std::ofstream(path()) << std::string(4096, 'x');
  const auto opened = Database::open(path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid_input);
}

TEST_F(DatabaseFile, ReadingOnlyCreatesNothing) {
  const auto missing = Database::open(path(), {.read_only = true});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(path()));
  ASSERT_TRUE(open()->execute(kInsert));
  const auto reader = open({.read_only = true});
  EXPECT_EQ(runs_in(*reader), 1);
  EXPECT_FALSE(reader->execute("DELETE FROM runs"));
}

TEST_F(DatabaseFile, InMemoryEachIsItsOwn) {
  const auto first = Database::open(":memory:");
  const auto second = Database::open(":memory:");
  ASSERT_TRUE(first && second);
  ASSERT_TRUE((*first)->execute(kInsert));
  EXPECT_EQ(runs_in(**first), 1);
  EXPECT_EQ(runs_in(**second), 0);
}

}  // namespace
}  // namespace meshflow::runtime
