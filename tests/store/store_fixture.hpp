// A store in a folder of its own, and requests for it.
#pragma once

#include <filesystem>
#include <future>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "otlp/encode.hpp"
#include "otlp/model.hpp"
#include "store/trace_store.hpp"

namespace meshflow::store::test {

inline constexpr auto kLimit = std::chrono::seconds(60);

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "meshflow-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline otlp::TraceId trace_id(std::uint64_t number) {
  otlp::TraceId id{};
  for (std::size_t i = 0; i < 8; ++i) id[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  id[0] = 0x4a;
  return id;
}

inline otlp::SpanId span_id(std::uint64_t number) {
  otlp::SpanId id{};
  for (std::size_t i = 0; i < 8; ++i) id[7 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

inline constexpr std::uint64_t kStart = 1'764'000'000'000'000'000;

inline otlp::Span make_span(std::uint64_t trace, std::uint64_t span, const std::string& name = "work") {
  otlp::Span made;
  made.trace_id = trace_id(trace);
  made.span_id = span_id(span);
  made.name = name;
  made.kind = otlp::SpanKind::internal;
  made.start_time_unix_nano = kStart + span * 1'000'000;
  made.end_time_unix_nano = made.start_time_unix_nano + 5'000'000;
  return made;
}

inline otlp::TracesData request_of(std::vector<otlp::Span> spans, const std::string& service = "shop") {
  otlp::TracesData traces;
  auto& resource = traces.resource_spans.emplace_back();
  resource.resource.attributes = {{"service.name", {service}}};
  auto& scope = resource.scope_spans.emplace_back();
  scope.scope.name = "test";
  scope.spans = std::move(spans);
  return traces;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreOptions options() {
    StoreOptions made;
    made.directory = folder_.path() + "/store";
    return made;
  }
  void open() { open(options()); }
  void open(StoreOptions with) {
    store_.reset();
    auto opened = TraceStore::open(std::move(with));
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = std::move(*opened);
  }
  Result<TraceStore::Received> ingest(std::string request) {
    std::promise<Result<TraceStore::Received>> promise;
    store_->ingest(std::move(request), [&promise](auto result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  // Acknowledged and visible.
  void keep(const otlp::TracesData& request) {
    const auto kept = ingest(otlp::encode(request));
    ASSERT_TRUE(kept) << kept.error().text();
    ASSERT_TRUE(store_->wait_until_visible(kLimit));
  }
  std::vector<StoredTrace> traces(const std::vector<otlp::TraceId>& ids) {
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot) << snapshot.error().text();
    if (!snapshot) return {};
    auto found = snapshot->traces(ids);
    EXPECT_TRUE(found) << found.error().text();
    return found ? std::move(*found) : std::vector<StoredTrace>{};
  }
  // All spans of a trace, by id.
  std::map<otlp::SpanId, otlp::Span> spans_of(const otlp::TraceId& id) {
    std::map<otlp::SpanId, otlp::Span> spans;
    for (const auto& trace : traces({id})) {
      for (const auto& resource : trace.data.resource_spans) {
        for (const auto& scope : resource.scope_spans) {
          for (const auto& span : scope.spans) EXPECT_TRUE(spans.emplace(span.span_id, span).second) << "stored twice";
        }
      }
    }
    return spans;
  }
  std::uint64_t count() {
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot) << snapshot.error().text();
    if (!snapshot) return 0;
    std::uint64_t rows = 0;
    for (const auto& piece : snapshot->pieces()) {
      auto counted = snapshot->query("SELECT count(*) FROM " + piece.source);
      EXPECT_TRUE(counted) << counted.error().text();
      if (counted) rows += static_cast<std::uint64_t>(std::get<std::int64_t>(counted->rows[0][0]));
      if (counted) {
        EXPECT_EQ(static_cast<std::uint64_t>(std::get<std::int64_t>(counted->rows[0][0])), piece.rows);
      }
    }
    return rows;
  }

  Folder folder_;
  ManualClock clock_;  // for who names it in the options
  std::unique_ptr<TraceStore> store_;
};

}  // namespace meshflow::store::test
