#include "telemetry/spool.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spool/format.hpp"
#include "spool/reader.hpp"
#include "support/faulty_files.hpp"
#include "telemetry_export/batch_builder.hpp"

namespace meshflow::telemetry {
namespace {

using test::BatchBuilder;
using test::FaultyFiles;
using test::FileOperation;
using test::make_span;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const auto kFarDeadline = std::chrono::steady_clock::time_point::max();
const std::string kDirectory = "/spool";

std::string request_of(const std::string& span_name, std::size_t padding = 0) {
  auto span = make_span(span_name, 1);
  if (padding > 0) span.attributes = {test::attribute("pad", std::string(padding, 'x'))};
  return encode_request(BatchBuilder().add(span).batch());
}

ExportOutcome write(SpanExporter& spool, const std::string& span_name, std::size_t padding = 0) {
  auto span = make_span(span_name, 1);
  if (padding > 0) span.attributes = {test::attribute("pad", std::string(padding, 'x'))};
  return spool.export_batch(BatchBuilder().add(span).batch(), kFarDeadline);
}

std::vector<std::string> read_all(spool::Reader& reader) {
  std::vector<std::string> payloads;
  for (;;) {
    auto request = reader.next();
    EXPECT_TRUE(request) << request.error().text();
    if (!request || !*request) return payloads;
    payloads.push_back((*request)->payload);
  }
}

class Spool : public ::testing::Test {
 protected:
  SpoolOptions options() { return {.directory = kDirectory, .clock = &clock_, .files = &files_}; }
  std::unique_ptr<SpanExporter> writer() {
    clock_.advance(1'000'000'000);
    return make_spool_exporter(options());
  }
  spool::Reader reader(const std::string& name = "store") {
    auto opened = spool::Reader::open(kDirectory, name, files_);
    EXPECT_TRUE(opened) << opened.error().text();
    return std::move(*opened);
  }
  std::vector<std::string> spool_files() {
    std::vector<std::string> found;
    for (const auto& path : files_.paths()) {
      if (path.ends_with(".spool")) found.push_back(path);
    }
    return found;
  }

  FaultyFiles files_;
  ManualClock clock_;
};

TEST_F(Spool, WhatIsWrittenIsReadOnceUnderAName) {
  const auto spool = writer();
  EXPECT_EQ(write(*spool, "a").exported, 1u);
  EXPECT_EQ(write(*spool, "b").exported, 1u);
  {
    auto store = reader();
    EXPECT_THAT(read_all(store), ElementsAre(request_of("a"), request_of("b")));
    EXPECT_EQ(write(*spool, "c").exported, 1u);
    EXPECT_THAT(read_all(store), ElementsAre(request_of("c")));
    ASSERT_TRUE(store.commit());
  }
  auto again = reader();
  EXPECT_THAT(read_all(again), IsEmpty());
  auto other = reader("endpoint");
  EXPECT_THAT(read_all(other), SizeIs(3));
  EXPECT_EQ(again.damage(), spool::Damage{});
}

TEST_F(Spool, WhatWasNotCommittedComesOnceMore) {
  const auto spool = writer();
  write(*spool, "a");
  {
    auto store = reader();
    ASSERT_TRUE(store.commit());
    EXPECT_THAT(read_all(store), SizeIs(1));
  }
  auto again = reader();
  EXPECT_THAT(read_all(again), ElementsAre(request_of("a")));
}

TEST_F(Spool, WhoKeepsPositionsElsewhereBeginsThereAndAPositionPastTheEndMeansTheWholeFile) {
  const auto spool = writer();
  write(*spool, "a");
  write(*spool, "b");
  const std::string file = spool_files().front().substr(kDirectory.size() + 1);
  auto first = reader();
  const auto request = first.next();
  ASSERT_TRUE(request && *request);
  auto second = reader("second");
  second.start_at({{file, (*request)->end}});
  EXPECT_THAT(read_all(second), ElementsAre(request_of("b")));
  auto third = reader("third");
  third.start_at({{file, UINT64_MAX}});
  EXPECT_THAT(read_all(third), IsEmpty());
}

TEST_F(Spool, AFileGoesOnlyWhenEveryReaderOnRecordHasPassedIt) {
  auto store = reader("store");
  auto endpoint = reader("endpoint");
  {
    const auto spool = writer();
    write(*spool, "a");
  }
  EXPECT_THAT(read_all(store), SizeIs(1));
  ASSERT_TRUE(store.commit());
  EXPECT_THAT(spool_files(), SizeIs(1));
  EXPECT_THAT(read_all(endpoint), SizeIs(1));
  EXPECT_THAT(spool_files(), SizeIs(1));
  ASSERT_TRUE(endpoint.commit());
  EXPECT_THAT(spool_files(), IsEmpty());
  EXPECT_EQ(files_.content(kDirectory + "/losses"), "");
}

TEST_F(Spool, AFileThatIsBeingWrittenStays) {
  const auto spool = writer();
  write(*spool, "a");
  auto store = reader();
  EXPECT_THAT(read_all(store), SizeIs(1));
  ASSERT_TRUE(store.commit());
  EXPECT_THAT(spool_files(), SizeIs(1));
  EXPECT_EQ(write(*spool, "b").exported, 1u);
  EXPECT_THAT(read_all(store), ElementsAre(request_of("b")));
}

TEST_F(Spool, OneProcessReadsUnderAName) {
  const auto first = reader();
  const auto second = spool::Reader::open(kDirectory, "store", files_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
}

TEST_F(Spool, ReaderNamesAreFileNames) {
  for (const char* name : {"", "a/b", "..", "A", "store.lock", "x.tmp"}) {
    EXPECT_EQ(spool::Reader::open(kDirectory, name, files_).error().code, ErrorCode::invalid_argument) << name;
  }
}

TEST_F(Spool, AFullFileIsFollowedByTheNext) {
  auto small = options();
  small.file_bytes_max = 1500;
  const auto spool = make_spool_exporter(small);
  for (int i = 0; i < 6; ++i) {
    clock_.advance(1'000'000'000);
    write(*spool, "s" + std::to_string(i), 800);
  }
  EXPECT_THAT(spool_files(), SizeIs(3));
  auto store = reader();
  const auto payloads = read_all(store);
  ASSERT_THAT(payloads, SizeIs(6));
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(payloads[static_cast<std::size_t>(i)], request_of("s" + std::to_string(i), 800));
  }
  EXPECT_EQ(store.damage(), spool::Damage{});
}

TEST_F(Spool, PastTheLimitOfSizeTheOldestGoAndTheLossIsOnRecord) {
  auto small = options();
  small.file_bytes_max = 1300;  // one frame of 1000 bytes of padding does not fill it, two do
  small.directory_bytes_max = 6000;
  const auto spool = make_spool_exporter(small);
  std::string said;
  for (int i = 0; i < 9; ++i) {
    clock_.advance(1'000'000'000);
    const auto outcome = write(*spool, "s" + std::to_string(i), 1000);
    EXPECT_EQ(outcome.exported, 1u);
    said += outcome.error;
  }
  EXPECT_THAT(said, HasSubstr("nobody had read"));
  EXPECT_THAT(files_.content(kDirectory + "/losses"), HasSubstr(" size\n"));
  auto store = reader();
  const auto payloads = read_all(store);
  ASSERT_FALSE(payloads.empty());
  EXPECT_EQ(payloads.back(), request_of("s8", 1000));
  EXPECT_LT(payloads.size(), 9u);
  std::uint64_t bytes = 0;
  for (const auto& path : spool_files()) bytes += files_.content(path).size();
  EXPECT_LE(bytes, 6000u);
}

TEST_F(Spool, PastTheLimitOfAgeAFileGoesAndTheLossIsOnRecord) {
  {
    const auto spool = writer();
    write(*spool, "old");
  }
  clock_.advance(std::chrono::nanoseconds(std::chrono::hours(24 * 15)).count());
  const auto spool = writer();
  write(*spool, "new");
  EXPECT_THAT(files_.content(kDirectory + "/losses"), HasSubstr(" age\n"));
  auto store = reader();
  EXPECT_THAT(read_all(store), ElementsAre(request_of("new")));
}

// --- Damage ---------------------------------------------------------------------------------------------------------

TEST_F(Spool, ATornEndIsCountedAndWhatStandsBeforeItIsRead) {
  {
    const auto spool = writer();
    write(*spool, "a");
    write(*spool, "b");
  }
  const std::string path = spool_files().at(0);
  const std::string whole = files_.content(path);
  const std::size_t frame_a = spool::kFileHeaderBytes + spool::kFrameHeaderBytes + request_of("a").size();
  const std::size_t frame_b = frame_a + spool::kFrameHeaderBytes + request_of("b").size();
  for (std::size_t size = frame_a; size < frame_b; ++size) {
    files_.set_content(path, whole.substr(0, size));
    (void)files_.remove(kDirectory + "/readers/store");
    auto store = reader();
    EXPECT_THAT(read_all(store), ElementsAre(request_of("a"))) << size;
    EXPECT_EQ(store.damage().torn_bytes, size - frame_a);
    EXPECT_EQ(store.damage().torn_files, size > frame_a ? 1u : 0u);
  }
}

TEST_F(Spool, AHalfWrittenFrameOfALivingWriterIsWaitedFor) {
  const auto spool = writer();
  write(*spool, "a");
  const std::string path = spool_files().at(0);
  auto store = reader();
  EXPECT_THAT(read_all(store), SizeIs(1));
  const std::string before = files_.content(path);
  write(*spool, "b");
  const std::string after = files_.content(path);
  for (const std::size_t size : {before.size() + 3, before.size() + spool::kFrameHeaderBytes, after.size() - 1}) {
    files_.set_content(path, after.substr(0, size));
    EXPECT_THAT(read_all(store), IsEmpty());
  }
  files_.set_content(path, after);
  EXPECT_THAT(read_all(store), ElementsAre(request_of("b")));
  EXPECT_EQ(store.damage(), spool::Damage{});
}

TEST_F(Spool, AChangedByteCostsItsFrameAndNoOther) {
  {
    const auto spool = writer();
    write(*spool, "a");
    write(*spool, "b");
    write(*spool, "c");
  }
  const std::string path = spool_files().at(0);
  const std::string whole = files_.content(path);
  const std::size_t frame_a = spool::kFileHeaderBytes + spool::kFrameHeaderBytes + request_of("a").size();
  const std::size_t frame_b = frame_a + spool::kFrameHeaderBytes + request_of("b").size();
  for (std::size_t at = frame_a; at < frame_b; ++at) {
    if (at >= frame_a + 20 && at < frame_a + 24) continue;  // the reserved field says nothing
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    files_.set_content(path, damaged);
    (void)files_.remove(kDirectory + "/readers/store");
    auto store = reader();
    EXPECT_THAT(read_all(store), ElementsAre(request_of("a"), request_of("c"))) << at;
    EXPECT_EQ(store.damage().corrupt_bytes, frame_b - frame_a) << at;
  }
}

TEST_F(Spool, AFileWithoutAValidHeaderIsPassedOverAndCounted) {
  const auto now = static_cast<std::uint64_t>(clock_.wall_nanos());
  files_.set_content(kDirectory + "/" + spool::file_name(now, 1, 0), std::string(100, 'x'));
  const auto spool = writer();
  write(*spool, "a");
  auto store = reader();
  EXPECT_THAT(read_all(store), ElementsAre(request_of("a")));
  EXPECT_EQ(store.damage().unreadable_files, 1u);
}

TEST_F(Spool, ABrokenRecordOfAReaderIsAnErrorThatNamesIt) {
  files_.set_content(kDirectory + "/readers/store", "meshflow-spool-reader 1\nx 12\ncrc32 00000000\n");
  const auto opened = spool::Reader::open(kDirectory, "store", files_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("/spool/readers/store"));
}

// --- Faults ---------------------------------------------------------------------------------------------------------

TEST_F(Spool, AShortWriteDropsItsBatchAndIsCutOff) {
  const auto spool = writer();
  write(*spool, "a");
  files_.leave_behind(10);
  files_.fail_after(FileOperation::append, 1);
  const auto outcome = write(*spool, "b");
  EXPECT_EQ(outcome.dropped, 1u);
  EXPECT_THAT(outcome.error, HasSubstr("made to fail"));
  EXPECT_EQ(write(*spool, "c").exported, 1u);
  auto store = reader();
  EXPECT_THAT(read_all(store), ElementsAre(request_of("a"), request_of("c")));
  EXPECT_EQ(store.damage(), spool::Damage{});
  EXPECT_THAT(spool_files(), SizeIs(1));
}

TEST_F(Spool, WhereATornFrameCannotBeCutOffTheNextGoesToANewFile) {
  const auto spool = writer();
  write(*spool, "a");
  files_.leave_behind(10);
  files_.fail_after(FileOperation::append, 1);
  files_.fail_after(FileOperation::truncate, 1);
  EXPECT_EQ(write(*spool, "b").dropped, 1u);
  clock_.advance(1'000'000'000);
  EXPECT_EQ(write(*spool, "c").exported, 1u);
  EXPECT_THAT(spool_files(), SizeIs(2));
  auto store = reader();
  EXPECT_THAT(read_all(store), ElementsAre(request_of("a"), request_of("c")));
  EXPECT_EQ(store.damage(),
            (spool::Damage{.corrupt_bytes = 0, .torn_files = 1, .torn_bytes = 10, .unreadable_files = 0}));
}

TEST_F(Spool, AfterAFailedSyncANewFileIsBegun) {
  const auto spool = writer();
  write(*spool, "a");
  files_.fail_after(FileOperation::sync, 1);
  spool->flush(kFarDeadline);
  clock_.advance(1'000'000'000);
  EXPECT_EQ(write(*spool, "b").exported, 1u);
  EXPECT_THAT(spool_files(), SizeIs(2));
}

TEST_F(Spool, AFullOrReadOnlyDirectoryDropsAndCountsUntilThereIsRoomAgain) {
  const auto spool = writer();
  for (const auto operation : {FileOperation::create_directories, FileOperation::open, FileOperation::append}) {
    files_.fail_always(operation);
    const auto outcome = write(*spool, "lost");
    EXPECT_EQ(outcome.dropped, 1u);
    EXPECT_THAT(outcome.error, HasSubstr("made to fail"));
    files_.fail_always(operation, false);
  }
  EXPECT_THAT(spool_files(), IsEmpty());  // no litter
  EXPECT_EQ(write(*spool, "a").exported, 1u);
  auto store = reader();
  EXPECT_THAT(read_all(store), ElementsAre(request_of("a")));
}

TEST_F(Spool, APowerCutTakesOnlyWhatWasNotFlushed) {
  auto spool = writer();
  write(*spool, "a");
  spool->flush(kFarDeadline);
  write(*spool, "b");
  files_.drop_unsynced();
  auto store = reader();
  EXPECT_THAT(read_all(store), ElementsAre(request_of("a")));
  EXPECT_EQ(store.damage(), spool::Damage{});
}

TEST_F(Spool, ACommitThatFailsIsAnErrorAndNothingIsLost) {
  const auto spool = writer();
  write(*spool, "a");
  {
    auto store = reader();
    EXPECT_THAT(read_all(store), SizeIs(1));
    files_.fail_after(FileOperation::write_atomically, 1);
    EXPECT_FALSE(store.commit());
  }
  auto again = reader();
  EXPECT_THAT(read_all(again), ElementsAre(request_of("a")));
}

// --- Real files and processes ---------------------------------------------------------------------------------------

class SpoolOnDisk : public ::testing::Test {
 protected:
  SpoolOnDisk() {
    std::string pattern = ::testing::TempDir() + "spool-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    directory_ += "/data";
  }
  ~SpoolOnDisk() override { std::filesystem::remove_all(std::filesystem::path(directory_).parent_path()); }
  std::string directory_;
};

mode_t mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

TEST_F(SpoolOnDisk, OnlyTheOwnerMayRead) {
  const auto spool = make_spool_exporter({.directory = directory_});
  write(*spool, "a");
  EXPECT_EQ(mode_of(directory_), 0700u);
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    EXPECT_EQ(mode_of(entry.path()), 0600u);
  }
}

TEST_F(SpoolOnDisk, SeveralProcessesWriteOneDirectoryAndAreKilled) {
  constexpr int kWriters = 4;
  constexpr int kBatches = 50;
  std::vector<pid_t> children;
  for (int child = 0; child < kWriters; ++child) {
    const pid_t pid = ::fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      auto spool = make_spool_exporter({.directory = directory_, .file_bytes_max = 2000});
      for (int i = 0; i < kBatches; ++i) {
        const auto outcome = write(*spool, std::to_string(child) + "/" + std::to_string(i));
        if (outcome.exported != 1) {
          std::fprintf(stderr, "%s\n", outcome.error.c_str());
          ::_exit(1);
        }
      }
      ::kill(::getpid(), SIGKILL);
    }
    children.push_back(pid);
  }
  auto store = spool::Reader::open(directory_, "store");
  ASSERT_TRUE(store);
  std::multiset<std::string> seen;
  const auto drain = [&] {
    for (auto& payload : read_all(*store)) seen.insert(std::move(payload));
    ASSERT_TRUE(store->commit());
  };
  for (const pid_t pid : children) {
    int status = 0;
    while (::waitpid(pid, &status, WNOHANG) == 0) drain();
    EXPECT_TRUE(WIFSIGNALED(status));
  }
  drain();
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kWriters * kBatches));
  for (int child = 0; child < kWriters; ++child) {
    for (int i = 0; i < kBatches; ++i) {
      EXPECT_EQ(seen.count(request_of(std::to_string(child) + "/" + std::to_string(i))), 1u);
    }
  }
  EXPECT_EQ(store->damage(), spool::Damage{});
  ASSERT_TRUE(store->commit());
  EXPECT_THAT(*system_files().list(directory_), ElementsAre("readers"));
}

TEST_F(SpoolOnDisk, AForkedChildWritesAFileOfItsOwn) {
  const auto spool = make_spool_exporter({.directory = directory_});
  write(*spool, "parent 1");
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    spool->after_fork_in_child();
    const bool is_written = write(*spool, "child").exported == 1;
    ::_exit(is_written ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  write(*spool, "parent 2");
  auto store = spool::Reader::open(directory_, "store");
  ASSERT_TRUE(store);
  EXPECT_THAT(read_all(*store),
              ::testing::UnorderedElementsAre(request_of("parent 1"), request_of("child"), request_of("parent 2")));
}

}  // namespace
}  // namespace meshflow::telemetry
