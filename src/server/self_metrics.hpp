// The server's own metrics in Prometheus' text format (exposition format 0.0.4).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_server.hpp"

namespace meshflow::server {

// Name and value; the name is ours ([a-z_]+), the value any text (invalid UTF-8 is replaced).
using MetricLabels = std::vector<std::pair<std::string_view, std::string_view>>;

// Counts of observations by size. Thread-safe; observe() is two additions.
class Histogram {
 public:
  // `bounds`: upper bounds (inclusive), growing; one more bucket takes what is larger.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value) noexcept;

  struct Snapshot {
    std::vector<double> bounds;
    std::vector<std::uint64_t> counts;  // by bucket, not cumulative; one more than bounds
    double sum = 0;
  };
  [[nodiscard]] Snapshot snapshot() const;

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

// 1 ms to 16 s, each four times the one before: how long queries take.
[[nodiscard]] std::vector<double> duration_bounds();

// A histogram for each value of one label. Past kSeriesMax values, the later ones share the value "other", so that no
// client can make the server's memory or its metrics grow. Thread-safe.
class HistogramFamily {
 public:
  static constexpr std::size_t kSeriesMax = 100;
  explicit HistogramFamily(std::vector<double> bounds) : bounds_(std::move(bounds)) {}
  // Lives as long as the family.
  [[nodiscard]] Histogram& at(std::string_view label_value);
  [[nodiscard]] std::vector<std::pair<std::string, Histogram::Snapshot>> snapshots() const;

 private:
  const std::vector<double> bounds_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Histogram>, std::less<>> series_;
};

// One exposition while it is written. Samples of one name may come in any order: they are written together, names in
// the order of their first sample. A name has one help text and one type: those of its first sample. One thread.
class MetricsText {
 public:
  void counter(std::string_view name, std::string_view help, const MetricLabels& labels, std::uint64_t value);
  void gauge(std::string_view name, std::string_view help, const MetricLabels& labels, double value);
  void histogram(std::string_view name, std::string_view help, const MetricLabels& labels,
                 const Histogram::Snapshot& value);
  [[nodiscard]] std::string text() const;

 private:
  struct Family {
    std::string name;
    std::string head;     // HELP and TYPE
    std::string samples;
  };
  std::string& samples_of(std::string_view name, std::string_view help, std::string_view type);
  std::vector<Family> families_;
};

// Whoever has something to tell is asked at each scrape. Thread-safe.
class SelfMetrics {
 public:
  using Collector = std::function<void(MetricsText&)>;
  // The collector may be called by several threads at once, as long as this object lives.
  void add(Collector collector);
  [[nodiscard]] std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const Collector>> collectors_;  // shared with a scrape that is under way
};

// GET /metrics. `metrics` must outlive the handler.
[[nodiscard]] net::HttpHandler metrics_handler(const SelfMetrics& metrics);

// The same handler, whose run time is observed (in seconds) until it returns. For handlers that answer before they do.
// `histogram` must outlive it.
[[nodiscard]] net::HttpHandler timed(Histogram& histogram, net::HttpHandler handler);

}  // namespace meshflow::server
