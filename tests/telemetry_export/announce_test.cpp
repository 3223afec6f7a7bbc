// Spans that have begun, told by way of the spool while somebody looks at it, and only then.
#include "telemetry/announce.hpp"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "otlp/decode.hpp"
#include "otlp/logs.hpp"
#include "spool/reader.hpp"
#include "spool/watch.hpp"
#include "telemetry/provider.hpp"
#include "telemetry/spool.hpp"
#include "telemetry/start_events.hpp"

namespace meshflow::telemetry {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class Announce : public ::testing::Test {
 protected:
  Announce() {
    std::string name = (std::filesystem::temp_directory_path() / "meshflow-announce-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Announce() override {
    provider_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start(SamplerOptions sampler = {}) {
    ProviderOptions options;
    options.resource = {{"service.name", std::string_view("meshflow")}};
    options.sampler = sampler;
    options.batch.schedule_delay = std::chrono::hours(1);
    std::vector<std::unique_ptr<SpanExporter>> exporters;
    exporters.push_back(make_spool_exporter({.directory = spool()}));
    provider_ = make_provider(std::move(options), std::move(exporters));
    Scope scope;
    scope.name = "test";
    tracer_ = provider_->tracer(std::move(scope));
  }
  void watch() {
    auto opened = spool::Watch::open(spool());
    ASSERT_TRUE(opened) << opened.error().text();
    watch_.emplace(std::move(*opened));
  }
  [[nodiscard]] std::string spool() const { return folder_ + "/spool"; }

  // What the spool has by now.
  void read() {
    if (!reader_) {
      auto opened = spool::Reader::open(spool(), "test");
      ASSERT_TRUE(opened) << opened.error().text();
      reader_.emplace(std::move(*opened));
      reader_->take_starts();
    }
    for (;;) {
      auto request = reader_->next();
      ASSERT_TRUE(request) << request.error().text();
      if (!*request) return;
      if ((*request)->type == spool::FrameType::starts) {
        const auto logs = otlp::decode_logs((*request)->payload);
        ASSERT_TRUE(logs) << logs.error().text();
        for (auto& start : find_starts(logs->value).starts) starts_.push_back(std::move(start));
      } else {
        const auto traces = otlp::decode_traces((*request)->payload);
        for (const auto& span : traces->value.resource_spans.at(0).scope_spans.at(0).spans) ended_.push_back(span.name);
      }
    }
  }
  // Until it is so, or 20 s have passed.
  template <typename IsSo>
  bool eventually(IsSo is_so) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      read();
      if (is_so()) return true;
      if (std::chrono::steady_clock::now() > limit || HasFatalFailure()) return false;
      std::this_thread::yield();
    }
  }

  std::string folder_;
  std::unique_ptr<TracerProvider> provider_;
  Tracer tracer_;
  std::optional<spool::Watch> watch_;
  std::optional<spool::Reader> reader_;
  std::vector<SpanStart> starts_;
  std::vector<std::string> ended_;
};

TEST_F(Announce, WhoLooksIsToldOfASpanBeforeItEnds) {
  watch();
  start();
  Span root = tracer_.start_span("meshflow.run");
  root.set_attribute("meshflow.run_id", "run_1").set_attribute("secret", "stays here");
  announce(root);
  Span child = tracer_.start_span("meshflow.agent", {.parent = root.context()});
  child.set_attribute("meshflow.node_id", "draft").set_attribute("meshflow.role", "executor");
  announce(child);
  ASSERT_TRUE(eventually([&] { return starts_.size() == 2; }));
  EXPECT_EQ(starts_[0].name, "meshflow.run");
  EXPECT_EQ(starts_[0].service, "meshflow");
  EXPECT_EQ(starts_[0].run_id, "run_1");
  EXPECT_EQ(starts_[0].parent_span_id, otlp::SpanId{});
  EXPECT_EQ(starts_[0].start_unix_nanos, static_cast<std::uint64_t>(root.start_unix_nanos()));
  EXPECT_EQ(starts_[1].parent_span_id, root.context().span_id.bytes);
  EXPECT_EQ(starts_[1].trace_id, root.context().trace_id.bytes);
  EXPECT_EQ(starts_[1].node_id + starts_[1].role, "draftexecutor");
  EXPECT_THAT(ended_, IsEmpty());
  // What ends is handed on at once too, and not when the hour is over.
  child.end();
  EXPECT_TRUE(eventually([&] { return ended_.size() == 1; }));
  EXPECT_THAT(starts_, SizeIs(2)) << "each is told once";
}

TEST_F(Announce, NobodyIsToldWhileNobodyLooks) {
  start();
  Span open = tracer_.start_span("open");
  announce(open);
  Span done = tracer_.start_span("done");
  announce(done);
  done.end();
  ASSERT_TRUE(provider_->flush(std::chrono::seconds(20)));
  read();
  EXPECT_THAT(starts_, IsEmpty());
  EXPECT_THAT(ended_, SizeIs(1));
}

TEST_F(Announce, WhoBeginsToLookIsToldOfWhatBeginsFromThenOn) {
  start();
  Span before = tracer_.start_span("before");
  announce(before);
  watch();
  // Writers ask now and then.
  std::vector<Span> after;
  EXPECT_TRUE(eventually([&] {
    after.push_back(tracer_.start_span("after"));
    announce(after.back());
    return !starts_.empty();
  }));
  EXPECT_EQ(starts_.at(0).name, "after");
  // And stop once nobody looks any more.
  watch_.reset();
  EXPECT_FALSE(spool::is_watched(system_files(), spool()));
}

TEST_F(Announce, ASpanThatIsOverIsNoNews) {
  watch();
  start();
  for (int i = 0; i < 100; ++i) {
    Span quick = tracer_.start_span("quick");
    announce(quick);
  }
  Span open = tracer_.start_span("open");
  announce(open);
  ASSERT_TRUE(eventually([&] { return ended_.size() == 100 && !starts_.empty(); }));
  // Between two rounds a few may have been open.
  EXPECT_LT(starts_.size(), 100U);
  EXPECT_EQ(starts_.back().name, "open");
}

TEST_F(Announce, WhatIsHeldBackIsNotAnnounced) {
  watch();
  start({.kind = SamplerOptions::Kind::always_off});
  Span held = tracer_.start_span("held", {.hold_unsampled = true});
  ASSERT_TRUE(held.is_recording());
  announce(held);
  announce(Span());  // of no provider
  ASSERT_TRUE(provider_->flush(std::chrono::seconds(20)));
  read();
  EXPECT_THAT(starts_, IsEmpty());
}

TEST_F(Announce, AProcessThatDiedLooksNoMore) {
  std::filesystem::create_directories(spool());
  // As a killed server leaves it: the file without its lock.
  const auto left = system_files().open_append(spool() + "/watched");
  ASSERT_TRUE((*left)->append("4711\n"));
  EXPECT_FALSE(spool::is_watched(system_files(), spool()));
  watch();
  EXPECT_TRUE(spool::is_watched(system_files(), spool()));
  const auto second = spool::Watch::open(spool());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
}

TEST(StartEvents, WhatNamesNoSpanIsUnusableAndOtherLogsAreOthers) {
  otlp::LogsData logs;
  auto& records = logs.resource_logs.emplace_back().scope_logs.emplace_back().log_records;
  otlp::LogRecord good;
  good.event_name = kSpanStartEvent;
  good.trace_id = {1};
  good.span_id = {2};
  good.time_unix_nano = 5;
  good.attributes = {{std::string(kSpanStartName), {std::string(5000, 'x')}}};
  records.push_back(good);
  otlp::LogRecord bad = good;
  bad.span_id = {};
  records.push_back(bad);
  bad = good;
  bad.attributes.push_back({std::string(kSpanStartParent), {std::string("12")}});
  records.push_back(bad);
  bad = good;
  bad.attributes.clear();
  records.push_back(bad);
  records.emplace_back().event_name = "exception";
  const FoundStarts found = find_starts(logs);
  ASSERT_THAT(found.starts, SizeIs(1));
  EXPECT_EQ(found.starts[0].name.size(), kStartTextBytesMax);
  EXPECT_EQ(found.unusable, 3U);
  EXPECT_EQ(found.others, 1U);
}

}  // namespace
}  // namespace meshflow::telemetry
