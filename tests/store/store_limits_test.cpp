// What the store does when there is too much, too little room, or somebody else's file.
#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

#include <duckdb.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "spool/writer.hpp"
#include "store_fixture.hpp"

namespace meshflow::store::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t kHour = 3'600'000'000'000;

std::vector<otlp::Span> many(std::uint64_t trace, std::uint64_t count, std::size_t padding = 0) {
  std::vector<otlp::Span> spans;
  for (std::uint64_t i = 1; i <= count; ++i) {
    spans.push_back(make_span(trace, i));
    if (padding > 0) {
      // Text that does not compress.
      std::string text(padding, ' ');
      std::uint64_t state = trace * 1'000'003 + i;
      for (char& c : text) {
        state = state * 6364136223846793005 + 1442695040888963407;
        c = static_cast<char>('!' + (state >> 33) % 90);
      }
      spans.back().attributes = {{"padding", {text}}};
    }
  }
  return spans;
}

class StoreLimits : public StoreTest {
 protected:
  // A file of the store, as SQL sees it while no store has it.
  void change_file(const std::string& sql) {
    duckdb_database database = nullptr;
    duckdb_connection connection = nullptr;
    ASSERT_EQ(duckdb_open((options().directory + "/store.duckdb").c_str(), &database), DuckDBSuccess);
    ASSERT_EQ(duckdb_connect(database, &connection), DuckDBSuccess);
    ASSERT_EQ(duckdb_query(connection, sql.c_str(), nullptr), DuckDBSuccess);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
  }
};

TEST_F(StoreLimits, RequestsThatFillAChunkToItsEndAreFollowedByOthers) {
  open();
  for (std::uint64_t trace = 1; trace <= 5; ++trace) keep(request_of(many(trace, 2048)));
  keep(request_of(many(6, 1)));
  EXPECT_EQ(count(), 5 * 2048 + 1u);
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(count(), 5 * 2048 + 1u);
}

TEST_F(StoreLimits, SpansThatArrivedBeforeTheRetentionTimeGoAsAWhole) {
  auto with = options();
  with.clock = &clock_;
  with.retention = std::chrono::hours(8);
  open(with);
  keep(request_of(many(1, 100), "old"));
  ASSERT_TRUE(store_->flush());
  clock_.advance(2 * kHour);  // the next piece
  keep(request_of(many(2, 10), "new"));
  ASSERT_TRUE(store_->flush());
  clock_.advance(5 * kHour);
  ASSERT_TRUE(store_->apply_retention());
  EXPECT_EQ(count(), 110u);
  clock_.advance(2 * kHour);  // the first is nine hours old, the second seven
  keep(request_of(many(3, 1), "newest"));
  ASSERT_TRUE(store_->apply_retention());
  EXPECT_EQ(count(), 11u);
  EXPECT_THAT(spans_of(trace_id(1)), IsEmpty());
  EXPECT_THAT(spans_of(trace_id(2)), SizeIs(10));
  EXPECT_EQ(store_->stats().dropped_spans, 100u);
  EXPECT_THAT(store_->services(), ::testing::ElementsAre("new", "newest"));
  // A dropped span may come again.
  keep(request_of(many(1, 100), "old"));
  EXPECT_THAT(spans_of(trace_id(1)), SizeIs(100));
}

TEST_F(StoreLimits, PastTheLimitOfTheDiskTheOldestGo) {
  auto with = options();
  with.disk_bytes_max = 24u << 20;
  open(with);
  for (std::uint64_t trace = 1; trace <= 60; ++trace) {
    keep(request_of(many(trace, 1000, 1000)));  // a megabyte each
    ASSERT_TRUE(store_->flush());
    ASSERT_TRUE(store_->apply_retention());
  }
  const auto stats = store_->stats();
  EXPECT_GT(stats.dropped_spans, 0u);
  EXPECT_LT(stats.store_bytes, 40u << 20);
  EXPECT_THAT(spans_of(trace_id(60)), SizeIs(1000));
  EXPECT_THAT(spans_of(trace_id(1)), IsEmpty());
  EXPECT_EQ(count() + stats.dropped_spans, 60'000u);
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const auto tables = snapshot->query("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '%\\_%' ESCAPE '\\'");
  ASSERT_TRUE(tables) << tables.error().text();
  EXPECT_EQ(tables->rows.at(0).at(0), Value(static_cast<std::int64_t>(5 * snapshot->pieces().size())));
}

TEST_F(StoreLimits, AFileOfALaterVersionIsRefusedWithASentence) {
  open();
  ASSERT_TRUE(store_->close());
  store_.reset();
  change_file("UPDATE meta SET value = '7' WHERE key = 'format_version'");
  const auto opened = TraceStore::open(options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_THAT(opened.error().message, HasSubstr("format version 7"));
}

TEST_F(StoreLimits, AStoreOfTheFirstFormatIsReadAndWrittenOn) {
  const auto with_event = [](std::uint64_t span) {
    auto made = make_span(1, span);
    made.events = {{.time_unix_nano = 1, .name = "retry", .attributes = {}}};
    return made;
  };
  open();
  keep(request_of({with_event(1)}));
  ASSERT_TRUE(store_->close());
  store_.reset();
  change_file("ALTER TABLE spans_1 DROP COLUMN events; UPDATE meta SET value = '1' WHERE key = 'format_version'");
  open();
  keep(request_of({with_event(2), make_span(1, 3)}));
  ASSERT_TRUE(store_->close());
  open();
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  const auto rows = snapshot->query("SELECT span_id, events FROM spans_1 ORDER BY span_id");
  ASSERT_TRUE(rows) << rows.error().text();
  using Row = std::vector<Value>;
  EXPECT_EQ(rows->rows, (std::vector<Row>{{std::uint64_t{1}, std::int64_t{-1}},
                                          {std::uint64_t{2}, std::int64_t{1}},
                                          {std::uint64_t{3}, std::int64_t{0}}}));
  EXPECT_EQ(spans_of(trace_id(1)).at(span_id(1)).events.at(0).name, "retry");
  EXPECT_EQ(spans_of(trace_id(1)).at(span_id(2)).events.at(0).name, "retry");
}

TEST_F(StoreLimits, FilesOfTheLogGoOnceTheTablesHaveWhatIsInThem) {
  open();
  keep(request_of(many(1, 1000)));
  EXPECT_GT(store_->stats().log_bytes, 50'000u);
  ASSERT_TRUE(store_->close());  // ends the file, and moves all
  open();
  EXPECT_EQ(store_->stats().log_bytes, 0u);
  EXPECT_EQ(count(), 1000u);
  EXPECT_EQ(store_->stats().recent_spans, 0u);
}

TEST_F(StoreLimits, WhenRequestsComeFasterThanTheyAreStoredSomeAreRefusedAndAllOthersAreThere) {
  auto with = options();
  with.memory_bytes_max = 48u << 20;  // a queue of 4 MiB
  open(with);
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<int> answered = 0;
  constexpr int kRequests = 200;
  std::vector<std::string> requests;  // made before, so that they come faster than the disk syncs
  for (std::uint64_t trace = 1; trace <= kRequests; ++trace) {
    requests.push_back(otlp::encode(request_of(many(trace, 200, 2000))));
  }
  for (std::string& request : requests) {
    store_->ingest(std::move(request), [&](auto result) {
      if (result) {
        accepted += result->spans;
      } else {
        EXPECT_EQ(result.error().code, ErrorCode::unavailable);
      }
      ++answered;
      answered.notify_one();
    });
  }
  for (int now = answered; now < kRequests; now = answered) answered.wait(now);
  EXPECT_LT(accepted, kRequests * 200u);
  ASSERT_TRUE(store_->wait_until_visible(kLimit));
  EXPECT_EQ(count(), accepted);
}

TEST_F(StoreLimits, LargeSpansThatWaitForTheTablesTakeNoMoreThanTheirShareOfMemory) {
  auto with = options();
  with.memory_bytes_max = 96u << 20;  // 44 MiB of it for spans that wait
  open(with);
  std::uint64_t most = 0;
  for (std::uint64_t trace = 1; trace <= 40; ++trace) {
    keep(request_of(many(trace, 100, 20'000)));
    most = std::max(most, store_->stats().recent_bytes);
  }
  EXPECT_GT(most, 10u << 20);
  EXPECT_LT(most, 48u << 20);  // and one request of 2 MB, in a chunk of its own
  EXPECT_EQ(count(), 4000u);
}

TEST_F(StoreLimits, WhereFilesCannotGrowRequestsAreRefusedReadingGoesOnAndRoomHealsIt) {
  open();
  keep(request_of(many(1, 1000, 200)));
  ASSERT_TRUE(store_->flush());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  // No file grows any more, as when there is no room.
  rlimit none = before;
  none.rlim_cur = 64 << 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  std::uint64_t trace = 2;
  Result<TraceStore::Received> refused = TraceStore::Received{};
  std::uint64_t accepted = 1000;
  for (; refused && trace < 100; ++trace) {
    refused = ingest(otlp::encode(request_of(many(trace, 100, 200))));
    if (refused) accepted += refused->spans;
  }
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  const auto flushed = store_->flush();
  EXPECT_EQ(store_->stats().recent_spans == 0, flushed.has_value());
  EXPECT_THAT(spans_of(trace_id(1)), SizeIs(1000));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  keep(request_of(many(500, 10)));
  ASSERT_TRUE(store_->flush()) << store_->flush().error().text();
  EXPECT_EQ(count(), accepted + 10);
  EXPECT_EQ(store_->stats().trouble, "");
  open();
  EXPECT_EQ(count(), accepted + 10);
}

// A file system of its own, that can be full.
class SmallDisk {
 public:
  SmallDisk(std::string path, const char* size) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    is_mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool is_mounted() const { return is_mounted_; }

 private:
  std::string path_;
  bool is_mounted_ = false;
};

class FullDisk : public StoreLimits, public ::testing::WithParamInterface<std::uint64_t> {};

// With a reserve, and without one: then DuckDB itself meets the full disk, and may have to be opened anew.
TEST_P(FullDisk, LosesNothingIsReadAndHealsWithRoom) {
  auto with = options();
  with.disk_reserve_bytes = GetParam();
  const SmallDisk disk(with.directory, "size=48m");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting a file system needs root";
  const std::string ballast = with.directory + "/ballast";
  std::ofstream(ballast) << std::string(20u << 20, 'x');
  open(with);
  std::uint64_t accepted = 0;
  int refusals = 0;
  for (std::uint64_t trace = 1; refusals < 20; ++trace) {
    const auto kept = ingest(otlp::encode(request_of(many(trace, 200, 2000))));
    if (kept) {
      accepted += kept->spans;
    } else {
      ++refusals;
      EXPECT_EQ(kept.error().code, ErrorCode::unavailable);
    }
    (void)store_->flush();  // the tables meet the full disk, too
  }
  EXPECT_GT(accepted, 0u);
  if (GetParam() > 0) {
    EXPECT_EQ(spans_of(trace_id(1)).size(), 200u);
  }
  std::filesystem::remove(ballast);
  const auto until_it_holds = [](const auto& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  };
  until_it_holds([this] { return store_->flush().has_value(); });
  until_it_holds([this] { return ingest(otlp::encode(request_of(many(900'000, 10)))).has_value(); });
  ASSERT_TRUE(store_->wait_until_visible(kLimit));
  const auto flushed = store_->flush();
  ASSERT_TRUE(flushed) << flushed.error().text();
  EXPECT_EQ(count(), accepted + 10);
  open(with);
  EXPECT_EQ(count(), accepted + 10);
}

INSTANTIATE_TEST_SUITE_P(Reserves, FullDisk, ::testing::Values(std::uint64_t{8} << 20, 0));

// ---- the spool of local runs ------------------------------------------------------------------------------------

class StoreSpool : public StoreTest {
 protected:
  StoreOptions with_spool() {
    auto made = options();
    made.spool_directory = spool_directory();
    return made;
  }
  [[nodiscard]] std::string spool_directory() const { return folder_.path() + "/spool"; }
  spool::Writer writer() { return spool::Writer({.directory = spool_directory()}); }
  static void write(spool::Writer& writer, const otlp::TracesData& request) {
    const std::string bytes = otlp::encode(request);
    const std::array<std::string_view, 1> payloads{bytes};
    ASSERT_TRUE(writer.append(spool::FrameType::traces, payloads));
  }
  // Until the trace has so many spans.
  void wait_for(std::uint64_t trace, std::size_t spans) {
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    while (spans_of(trace_id(trace)).size() < spans && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_THAT(spans_of(trace_id(trace)), SizeIs(spans));
  }
};

TEST_F(StoreSpool, WhatLocalRunsLeftIsThereWhenItOpensAndWhatTheyWriteComesLive) {
  auto first = writer();
  write(first, request_of(many(1, 3)));
  open(with_spool());
  EXPECT_THAT(spans_of(trace_id(1)), SizeIs(3));
  auto second = writer();
  write(second, request_of(many(2, 4)));
  wait_for(2, 4);
  write(first, request_of(many(3, 5)));
  wait_for(3, 5);
  EXPECT_EQ(store_->stats().spool_requests, 3u);
}

TEST_F(StoreSpool, EachRecordIsTakenOnceAlsoByTheNextProcess) {
  {
    auto first = writer();
    write(first, request_of(many(1, 3)));
    open(with_spool());
    write(first, request_of(many(2, 3)));
    wait_for(2, 3);
    ASSERT_TRUE(store_->flush());
    store_.reset();
    write(first, request_of(many(3, 3)));
  }
  open(with_spool());
  EXPECT_EQ(count(), 9u);
  EXPECT_EQ(store_->stats().spool_requests, 1u);
  EXPECT_EQ(store_->stats().duplicate_spans, 0u);
}

TEST_F(StoreSpool, ATornRecordIsSkippedAndCounted) {
  {
    auto first = writer();
    write(first, request_of(many(1, 3)));
  }
  const auto names = system_files().list(spool_directory());
  ASSERT_TRUE(names);
  for (const auto& name : *names) {
    if (!name.ends_with(".spool")) continue;
    const auto path = std::filesystem::path(spool_directory()) / name;
    // The end frame and a part of the record.
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 30);
  }
  auto second = writer();
  write(second, request_of(many(2, 4)));
  open(with_spool());
  EXPECT_EQ(count(), 4u);
  EXPECT_GT(store_->stats().spool_damage_bytes, 0u);
}

}  // namespace
}  // namespace meshflow::store::test
