// The store alone: spans per CPU-second from OTLP bytes to DuckDB, disk per span, and the queries' times.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "agent_load.hpp"
#include "otlp/encode.hpp"
#include "store/trace_store.hpp"

namespace {

using namespace meshflow;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}
double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::string directory = argc > 2 ? argv[2] : "build/bench/store";
  const std::size_t per_request = 512;
  std::filesystem::remove_all(directory);
  // Made beforehand: only the ids would have to differ, and making them costs more than storing.
  bench::Load load(1);
  std::vector<std::string> requests;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; i += per_request) {
    requests.push_back(otlp::encode(load.request(per_request)));
    bytes += requests.back().size();
  }
  const std::size_t total = requests.size() * per_request;
  store::StoreOptions options;
  options.directory = directory;
  auto opened = store::TraceStore::open(options);
  if (!opened) return report(opened.error());
  auto& store = **opened;
  const double cpu = cpu_seconds();
  const double wall = wall_seconds();
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t flying = 0;
  for (auto& request : requests) {
    for (;;) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return flying < 64; });
        ++flying;
      }
      std::string copy = request;
      std::atomic<bool> again = false;
      store.ingest(std::move(copy), [&, again_ptr = &again](auto result) {
        if (!result && result.error().code != ErrorCode::unavailable) {
          report(result.error());
          std::exit(1);
        }
        if (!result) *again_ptr = true;  // called at once
        const std::lock_guard lock(mutex);
        --flying;
        changed.notify_all();
      });
      if (!again) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return flying == 0; });
  }
  const double acknowledged = wall_seconds();
  store.wait_until_visible(std::chrono::hours(1));
  const double visible = wall_seconds();
  if (auto done = store.flush(); !done) return report(done.error());
  const double used = cpu_seconds() - cpu;
  fmt::print(
      "{} spans of {:.0f} B: {:.0f} spans per CPU-second, {:.0f}/s acknowledged, visible {:.0f} ms later, {} syncs\n",
      total, static_cast<double>(bytes) / static_cast<double>(total), static_cast<double>(total) / used,
      static_cast<double>(total) / (acknowledged - wall), (visible - acknowledged) * 1e3, store.stats().log_syncs);
  const auto time = [&](const char* name, const std::function<void(store::Snapshot&)>& work) {
    std::vector<double> times;
    for (int i = 0; i < 15; ++i) {
      const double begin = wall_seconds();
      auto snapshot = store.snapshot();
      if (!snapshot) {
        report(snapshot.error());
        std::exit(1);
      }
      work(*snapshot);
      times.push_back(wall_seconds() - begin);
    }
    std::sort(times.begin(), times.end());
    fmt::print("{:<40} {:8.2f} ms\n", name, times[times.size() / 2] * 1e3);
  };
  time("snapshot", [](store::Snapshot&) {});
  const auto all = [](store::Snapshot& snapshot, const std::string& select) {
    std::string sql;
    for (const auto& piece : snapshot.pieces()) sql += (sql.empty() ? "" : " UNION ALL ") + select + piece.source;
    return sql;
  };
  time("newest 20 blocked", [&](store::Snapshot& s) {
    const auto rows =
        s.query("SELECT trace_id, start FROM (" + all(s, "SELECT trace_id, start, meshflow_verdict FROM ") +
                ") WHERE meshflow_verdict = 'blocked' ORDER BY start DESC LIMIT 20");
    if (!rows) report(rows.error());
  });
  time("p95 by role", [&](store::Snapshot& s) {
    const auto rows =
        s.query("SELECT meshflow_role, quantile_disc(duration, 0.95) FROM (" +
                all(s, "SELECT meshflow_role, duration FROM ") + ") WHERE meshflow_role IS NOT NULL GROUP BY 1");
    if (!rows) report(rows.error());
  });
  time("time range of a trace", [&](store::Snapshot& s) { (void)s.time_range_of(load.trace); });
  time("an unknown trace", [&](store::Snapshot& s) { (void)s.time_range_of(otlp::TraceId{1, 2, 3}); });
  time("a trace, whole", [&](store::Snapshot& s) {
    const auto found = s.traces(std::span(&load.trace, 1));
    if (!found) report(found.error());
    if (found->empty()) fmt::print("not found\n");
  });
  time("a run id", [&](store::Snapshot& s) { (void)s.traces_of_run(load.run_id); });
  if (auto done = store.close(); !done) return report(done.error());
  const auto stats = store.stats();
  fmt::print("{:.1f} B/span on disk\n", static_cast<double>(stats.store_bytes) / static_cast<double>(total));
  opened->reset();
  const double begin = wall_seconds();
  opened = store::TraceStore::open(options);
  if (!opened) return report(opened.error());
  fmt::print("opened again in {:.0f} ms\n", (wall_seconds() - begin) * 1e3);
  opened->reset();
  std::filesystem::remove_all(directory);
}
