// Which service calls which, as metrics: the service graph of Tempo's metrics generator, which Grafana draws.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/span_metrics.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// Of the calls from one service to another: a client's span with a server's span as its child.
struct ServiceEdge {
  std::uint64_t calls = 0;
  std::uint64_t failed = 0;    // one of both spans has an error
  MetricCell client_seconds;   // durations of the clients' spans, and of the servers'
  MetricCell server_seconds;
};
using ServiceEdges = std::map<LabelValues, ServiceEdge>;  // by client and server

// The bounds of both histograms.
[[nodiscard]] const std::vector<double>& service_graph_bounds();

// A client's span that starts so long before the server's is not found.
inline constexpr std::uint64_t kCallLeadNanos = 3'600ULL * 1'000'000'000;

// Counts each call of the store once, whichever of its two spans comes first, and looks only at what came since it last
// did. At most kMetricSeriesMax edges; the others are counted together, as "other". Thread-safe.
class ServiceGraph {
 public:
  // Errors are the snapshot's; what was counted stays.
  [[nodiscard]] Result<void> refresh(store::Snapshot& snapshot);
  // As of the last refresh.
  [[nodiscard]] ServiceEdges edges() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::uint64_t> seen_;  // rows of each table that are in `stored_`
  ServiceEdges stored_;
  ServiceEdges recent_;  // calls one of whose spans was in memory
};

}  // namespace meshflow::query
