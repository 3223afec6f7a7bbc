#include "server/self_metrics.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace meshflow::server {
namespace {

constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOther = "other";

std::string escape(std::string_view text, bool in_quotes) {
  std::string out;
  for (const char c : sanitize_utf8(text)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (in_quotes && c == '"')) {
      out += {'\\', c};
    } else {
      out += c;
    }
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// {a="1",b="2"}; nothing without labels. `bound`: the label le of a histogram's bucket, or empty.
std::string labels_text(const MetricLabels& labels, std::string_view bound = {}) {
  std::string out;
  for (const auto& [name, value] : labels) {
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", name, escape(value, true));
  }
  if (!bound.empty()) out += fmt::format("{}le=\"{}\"", out.empty() ? "" : ",", bound);
  return out.empty() ? out : "{" + out + "}";
}

}  // namespace

// ---- Histograms -----------------------------------------------------------------------------------------------------

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double value) noexcept {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot snapshot{.bounds = bounds_, .counts = {}, .sum = sum_.load(std::memory_order_relaxed)};
  for (const auto& count : counts_) snapshot.counts.push_back(count.load(std::memory_order_relaxed));
  return snapshot;
}

std::vector<double> duration_bounds() { return {0.001, 0.004, 0.016, 0.064, 0.256, 1.024, 4.096, 16.384}; }

Histogram& HistogramFamily::at(std::string_view label_value) {
  const std::lock_guard lock(mutex_);
  auto found = series_.find(label_value);
  if (found == series_.end() && series_.size() >= kSeriesMax) {
    label_value = kOther;
    found = series_.find(label_value);
  }
  if (found == series_.end()) found = series_.emplace(label_value, std::make_unique<Histogram>(bounds_)).first;
  return *found->second;
}

std::vector<std::pair<std::string, Histogram::Snapshot>> HistogramFamily::snapshots() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, Histogram::Snapshot>> snapshots;
  for (const auto& [value, histogram] : series_) snapshots.emplace_back(value, histogram->snapshot());
  return snapshots;
}

// ---- Text -----------------------------------------------------------------------------------------------------------

std::string& MetricsText::samples_of(std::string_view name, std::string_view help, std::string_view type) {
  const auto found =
      std::find_if(families_.begin(), families_.end(), [&](const auto& each) { return each.name == name; });
  if (found != families_.end()) return found->samples;
  families_.push_back({.name = std::string(name),
                       .head = fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escape(help, false), name, type),
                       .samples = {}});
  return families_.back().samples;
}

void MetricsText::counter(std::string_view name, std::string_view help, const MetricLabels& labels,
                          std::uint64_t value) {
  samples_of(name, help, "counter") += fmt::format("{}{} {}\n", name, labels_text(labels), value);
}

void MetricsText::gauge(std::string_view name, std::string_view help, const MetricLabels& labels, double value) {
  samples_of(name, help, "gauge") += fmt::format("{}{} {}\n", name, labels_text(labels), number(value));
}

void MetricsText::histogram(std::string_view name, std::string_view help, const MetricLabels& labels,
                            const Histogram::Snapshot& value) {
  std::string& samples = samples_of(name, help, "histogram");
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < value.counts.size(); ++i) {
    count += value.counts[i];
    const std::string bound = i < value.bounds.size() ? number(value.bounds[i]) : "+Inf";
    samples += fmt::format("{}_bucket{} {}\n", name, labels_text(labels, bound), count);
  }
  samples += fmt::format("{}_sum{} {}\n", name, labels_text(labels), number(value.sum));
  samples += fmt::format("{}_count{} {}\n", name, labels_text(labels), count);
}

std::string MetricsText::text() const {
  std::string text;
  for (const Family& family : families_) text += family.head + family.samples;
  return text;
}

// ---- Registry -------------------------------------------------------------------------------------------------------

void SelfMetrics::add(Collector collector) {
  const std::lock_guard lock(mutex_);
  collectors_.push_back(std::make_shared<const Collector>(std::move(collector)));
}

std::string SelfMetrics::text() const {
  std::vector<std::shared_ptr<const Collector>> collectors;
  {
    const std::lock_guard lock(mutex_);
    collectors = collectors_;
  }
  MetricsText text;
  for (const auto& collector : collectors) (*collector)(text);
  return text.text();
}

net::HttpHandler metrics_handler(const SelfMetrics& metrics) {
  return [&metrics](const net::HttpServerRequest&, const net::HttpResponder& responder) {
    responder.send({.content_type = kContentType, .body = metrics.text()});
  };
}

net::HttpHandler timed(Histogram& histogram, net::HttpHandler handler) {
  return [&histogram, handler = std::move(handler)](net::HttpServerRequest request, net::HttpResponder responder) {
    const auto begin = std::chrono::steady_clock::now();
    handler(std::move(request), std::move(responder));
    histogram.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  };
}

}  // namespace meshflow::server
