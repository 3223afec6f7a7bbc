// The few questions that the commands ask about traces, whoever answers them: a store that is open in this process, or
// a server that has it open (control_api.hpp, and the client of it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/report.hpp"
#include "query/sql/run.hpp"
#include "query/tempo_requests.hpp"
#include "query/trace_row.hpp"
#include "store/trace_store.hpp"

namespace meshflow::server {

// One thread at a time.
class TraceSource {
 public:
  virtual ~TraceSource() = default;

  // The traces whose newest spans start latest, newest first.
  [[nodiscard]] virtual Result<std::vector<query::TraceRow>> newest(std::size_t limit) = 0;
  // The trace that `name` means (query/trace_name.hpp).
  [[nodiscard]] virtual Result<store::StoredTrace> trace(std::string_view name) = 0;
  // Some of the traces that come after `after` in the order of ids, whole; at least one unless there is none.
  [[nodiscard]] virtual Result<std::vector<store::StoredTrace>> traces_after(
      const std::optional<otlp::TraceId>& after) = 0;
  // Keeps an ExportTraceServiceRequest in protobuf; durable and visible when it returns.
  [[nodiscard]] virtual Result<store::TraceStore::Received> import(std::string request) = 0;
  // SQL over the views (query/sql/run.hpp), of whose answer at most `rows_max` rows are given.
  [[nodiscard]] virtual Result<query::sql::Answer> sql(std::string_view text, std::size_t rows_max) = 0;
  // What a TraceQL search finds, and what a TraceQL metric comes to, with a step or without: Tempo's messages as JSON
  // (tempo_answers.hpp).
  [[nodiscard]] virtual Result<std::string> search(const query::TempoSearch& search) = 0;
  [[nodiscard]] virtual Result<std::string> metrics(const query::TempoMetrics& metrics) = 0;
  // The spans of the trace that `name` means, or of all where it is empty, as a Parquet file: its path, for the caller
  // to take and remove.
  [[nodiscard]] virtual Result<std::string> export_parquet(std::string_view name) = 0;
  // The report over a period (query/report.hpp).
  [[nodiscard]] virtual Result<query::Report> report(const query::ReportRequest& request) = 0;
};

// Rows of one answer.
inline constexpr std::size_t kNewestMax = 1'000;

// `store` must outlive it.
class StoreTraceSource final : public TraceSource {
 public:
  explicit StoreTraceSource(store::TraceStore& store) : store_(store) {}

  [[nodiscard]] Result<std::vector<query::TraceRow>> newest(std::size_t limit) override;
  [[nodiscard]] Result<store::StoredTrace> trace(std::string_view name) override;
  [[nodiscard]] Result<std::vector<store::StoredTrace>> traces_after(
      const std::optional<otlp::TraceId>& after) override;
  [[nodiscard]] Result<store::TraceStore::Received> import(std::string request) override;
  [[nodiscard]] Result<query::sql::Answer> sql(std::string_view text, std::size_t rows_max) override;
  [[nodiscard]] Result<std::string> search(const query::TempoSearch& search) override;
  [[nodiscard]] Result<std::string> metrics(const query::TempoMetrics& metrics) override;
  [[nodiscard]] Result<std::string> export_parquet(std::string_view name) override;
  [[nodiscard]] Result<query::Report> report(const query::ReportRequest& request) override;

 private:
  store::TraceStore& store_;
};

}  // namespace meshflow::server
