// Rows of lists, read from the store's columns: what row_of() says of a whole trace, without reading it whole.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/trace_figures.hpp"
#include "query/trace_row.hpp"
#include "store/batch.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// A span's facts from a row of the store. One thread at a time.
class FactsReader {
 public:
  // What read() wants to be selected first, in this order; other columns may follow. Of `rest` all, or only where the
  // facts of notable spans lie.
  enum class Rest { of_notable, of_all };
  [[nodiscard]] static std::string select_list(Rest rest);
  static constexpr std::size_t kColumns = 19;
  static constexpr std::size_t kRestColumn = 18;
  // Which of them a list of rows needs, for exact sums: money that was sent as an integer lies in `rest`.
  [[nodiscard]] static Result<Rest> needed_rest(store::Snapshot& snapshot, const store::QueryLimits& limits);

  // The facts' views live until the next call, and as long as the batch. Fails where the store's bytes are damaged.
  [[nodiscard]] Result<SpanFacts> read(const store::Batch& batch, std::size_t row);
  [[nodiscard]] static store::U128 trace_of(const store::Batch& batch, std::size_t row) { return batch.id(0, row); }
  // The column `service`; empty where the resource has no such text.
  [[nodiscard]] static std::string_view service_of(const store::Batch& batch, std::size_t row);

 private:
  otlp::KeyValueList rest_;
};

// Names of services by the keys of their resources, as service_name_of() has them. One thread at a time.
class ServiceNames {
 public:
  explicit ServiceNames(store::Snapshot& snapshot) : snapshot_(snapshot) {}

  // What a row says: its resource's key and its column `service`.
  void learn(std::uint64_t resource, std::string_view service);
  [[nodiscard]] Result<std::string> name_of(std::uint64_t resource);

 private:
  store::Snapshot& snapshot_;
  std::unordered_map<std::uint64_t, std::string> names_;
  bool has_read_all_ = false;
};

// The rows of those traces that are here, in the order of `trace_ids`; each must come once. `limits.rows_max` does not
// count. Errors are the snapshot's.
[[nodiscard]] Result<std::vector<TraceRow>> read_trace_rows(store::Snapshot& snapshot,
                                                            std::span<const otlp::TraceId> trace_ids,
                                                            const store::QueryLimits& limits = {});

// The row of a trace of which all spans' facts are known.
[[nodiscard]] Result<TraceRow> row_of(store::Snapshot& snapshot, const otlp::TraceId& trace_id,
                                      const TraceFigures& figures, ServiceNames& services,
                                      const store::QueryLimits& limits);

}  // namespace meshflow::query
