#include "spool/format.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/bytes.hpp"
#include "telemetry/spool.hpp"
#include "telemetry_export/batch_builder.hpp"

namespace meshflow::telemetry {
namespace {

using test::BatchBuilder;
using test::make_span;

// The example of docs/spool-format.md, whose checksums were computed with Python's zlib.
constexpr std::string_view kExampleHeader = "4d4653504f4f4c0a0100000000002a36fe9c9717c0ffee0123456789da793b15";
constexpr std::string_view kExampleFrame = "c0ffee012345678902000000010000006483ccd6000000000a00";
constexpr std::string_view kExampleEnd = "c0ffee01234567890000000002000000e2172bcf00000000";
constexpr spool::Marker kMarker = {'\xc0', '\xff', '\xee', '\x01', '\x23', '\x45', '\x67', '\x89'};

TEST(SpoolFormat, TheExampleOfThePageIsWhatIsWritten) {
  EXPECT_EQ(to_hex(spool::encode({1'700'000'000'000'000'000u, kMarker})), kExampleHeader);
  EXPECT_EQ(to_hex(spool::encode_frame(kMarker, spool::FrameType::traces, std::string("\x0a\x00", 2))), kExampleFrame);
  EXPECT_EQ(to_hex(spool::encode_frame(kMarker, spool::FrameType::end, {})), kExampleEnd);
  const std::string page = [] {
    std::ifstream file(MESHFLOW_SOURCE_DIR "/docs/spool-format.md");
    std::string text((std::istreambuf_iterator<char>(file)), {});
    std::erase(text, ' ');
    return text;
  }();
  EXPECT_THAT(page, ::testing::HasSubstr(fmt::format("{}\n{}\n{}\n", kExampleHeader, kExampleFrame, kExampleEnd)));
}

TEST(SpoolFormat, TheExampleOfThePageIsWhatIsRead) {
  const auto header = spool::parse_file_header(*from_hex(kExampleHeader));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->created_unix_nanos, 1'700'000'000'000'000'000u);
  EXPECT_EQ(header->marker, kMarker);
  const auto frame = spool::parse_frame_header(kMarker, *from_hex(kExampleFrame));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->payload_bytes, 2u);
  EXPECT_EQ(frame->type, 1u);
  EXPECT_TRUE(spool::checksum_holds(*frame, std::string("\x0a\x00", 2)));
  EXPECT_FALSE(spool::checksum_holds(*frame, std::string("\x0a\x01", 2)));
}

TEST(SpoolFormat, NamesSortByTimeAndAreToldFromOthers) {
  const std::string name = spool::file_name(1'764'000'000'123'000'000u, 12345, 0x9f86d081);
  EXPECT_EQ(name, "0001764000000123-12345-9f86d081.spool");
  EXPECT_EQ(spool::created_of(name), 1'764'000'000'123'000'000u);
  for (const char* other : {"readers", "losses", ".spool", "1764000000123-1-0.spool", "0001764000000123-1-0.tmp"}) {
    EXPECT_FALSE(spool::is_file_name(other)) << other;
  }
}

TEST(SpoolFormat, AReaderWrittenFromThePageReadsWhatWeWrite) {
  std::string pattern = ::testing::TempDir() + "spool-format-XXXXXX";
  const std::string directory = ::mkdtemp(pattern.data());
  std::string expected;
  {
    const auto exporter = make_spool_exporter({.directory = directory});
    for (const char* name : {"a", "b", "c"}) {
      const BatchBuilder builder = std::move(BatchBuilder().add(make_span(name, 1)));
      EXPECT_EQ(exporter->export_batch(builder.batch(), std::chrono::steady_clock::time_point::max()).exported, 1u);
    }
  }
  std::string path;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) path = entry.path();
  const std::string name = std::filesystem::path(path).filename();
  for (const char* span : {"a", "c"}) {
    const BatchBuilder builder = std::move(BatchBuilder().add(make_span(span, 1)));
    expected += fmt::format("frame {} 1 {}\n", name, to_hex(encode_request(builder.batch())));
  }
  // A changed bit in the frame of b costs that frame.
  const BatchBuilder builder = std::move(BatchBuilder().add(make_span("a", 1)));
  const std::size_t frame_bytes = spool::kFrameHeaderBytes + encode_request(builder.batch()).size();
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(spool::kFileHeaderBytes + frame_bytes + 30));
    file.put('\x7e');
  }
  expected += fmt::format("damage {} 0 0\n", frame_bytes);

  const std::string command = "python3 " MESHFLOW_SOURCE_DIR "/tests/telemetry_export/spool_reader.py " + directory;
  FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string printed;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) printed += static_cast<char>(c);
  EXPECT_EQ(::pclose(pipe), 0);
  EXPECT_EQ(printed, expected);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace meshflow::telemetry
