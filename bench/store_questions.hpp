// What the benchmarks that ask a store of generated runs share: filling it, and timing a question.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "otlp/encode.hpp"
#include "store/trace_store.hpp"

namespace meshflow::bench {

// SplitMix64: ids that look random and can be asked for again.
inline std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 + 0x9E3779B97F4A7C15;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

// Sends `runs` runs as `Runs` makes them, and waits until all are in the tables.
template <typename Runs>
Result<void> fill(store::TraceStore& store, std::uint64_t runs) {
  constexpr std::size_t kFlyingMax = 32;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t flying = 0;
  std::optional<Error> failure;
  Runs make;
  for (std::uint64_t run = 0; run < runs; run += Runs::kRunsOfRequest) {
    std::string request = otlp::encode(make.request(run));
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return flying < kFlyingMax; });
      if (failure) break;
      ++flying;
    }
    store.ingest(std::move(request), [&](const Result<store::TraceStore::Received>& received) {
      const std::lock_guard lock(mutex);
      if (!received) failure = received.error();
      --flying;
      changed.notify_all();
    });
    // The queue is bounded; a benchmark's client waits for it.
    while (store.stats().queued_bytes > std::uint64_t{16} << 20)
      store.wait_until_visible(std::chrono::milliseconds(100));
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return flying == 0; });
  if (failure) return tl::unexpected(*failure);
  return store.flush();
}

// Of the process, all threads.
inline double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

// Sends one request; returns when it is durable.
inline Result<void> send(store::TraceStore& store, const otlp::TracesData& request) {
  std::promise<Result<store::TraceStore::Received>> promise;
  store.ingest(otlp::encode(request), [&promise](auto result) { promise.set_value(std::move(result)); });
  const auto received = promise.get_future().get();
  return received ? Result<void>() : Result<void>(tl::unexpected(received.error()));
}

// The store in `directory`, filled unless it has these runs already; it may have up to `others` spans besides.
template <typename Runs>
Result<std::unique_ptr<store::TraceStore>> filled_store(const std::string& directory, std::uint64_t runs,
                                                        std::uint64_t others = 0) {
  store::StoreOptions options;
  options.directory = directory;
  auto store = store::TraceStore::open(options);
  if (!store) return store;
  const std::uint64_t stored = (*store)->stats().stored_spans;
  if (stored >= runs * Runs::kSpansOfRun && stored <= runs * Runs::kSpansOfRun + others) return store;
  store->reset();
  std::filesystem::remove_all(options.directory);
  store = store::TraceStore::open(options);
  if (!store) return store;
  if (const auto filled = fill<Runs>(**store, runs); !filled) return tl::unexpected(filled.error());
  return store;
}

struct Times {
  std::vector<double> wall_ms;  // of each run, the shortest first
  double cpu_ms = 0;            // of one run
};

// Does `work` so many times, each with a snapshot of its own. Ends the program where there is no snapshot.
template <typename Work>
Times timed(store::TraceStore& store, int runs, Work work) {
  Times times;
  const double cpu = cpu_ms();
  for (int i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    auto snapshot = store.snapshot();
    if (!snapshot) std::exit(report(snapshot.error()));
    work(*snapshot);
    times.wall_ms.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(times.wall_ms.begin(), times.wall_ms.end());
  times.cpu_ms = (cpu_ms() - cpu) / runs;
  return times;
}

// "NAME   p50 … ms  max … ms  CPU … ms", without the line's end; `width`: of the name's column.
inline void print_times(const std::string& name, int width, const Times& times) {
  fmt::print("{:<{}} p50 {:8.2f} ms  max {:8.2f} ms  CPU {:8.2f} ms", name, width,
             times.wall_ms[times.wall_ms.size() / 2], times.wall_ms.back(), times.cpu_ms);
}

}  // namespace meshflow::bench
