#include "query/sql/run.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "base/try.hpp"
#include "query/sql/check.hpp"
#include "query/sql/views.hpp"

namespace meshflow::query::sql {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{20};

// Of the process, in memory. 0 where the system does not tell.
std::size_t resident_bytes() {
  struct Close {
    void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen("/proc/self/statm", "re"));
  unsigned long long total = 0;
  unsigned long long resident = 0;
  if (file == nullptr || std::fscanf(file.get(), "%llu %llu", &total, &resident) != 2) return 0;
  return static_cast<std::size_t>(resident) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Looks after a query from a thread of its own, until it is destroyed.
class Watch {
 public:
  Watch(const Options& options, std::atomic<bool>& cancelled)
      : options_(options), cancelled_(cancelled), before_(resident_bytes()), thread_([this] { run(); }) {}
  ~Watch() {
    {
      const std::lock_guard lock(mutex_);
      is_done_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  [[nodiscard]] bool has_grown_too_large() const noexcept { return has_grown_.load(std::memory_order_acquire); }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kWatchInterval, [this] { return is_done_; })) {
      const std::size_t now = resident_bytes();
      if (now > before_ && now - before_ > options_.limits.memory_bytes_max) {
        has_grown_.store(true, std::memory_order_release);
        cancelled_.store(true, std::memory_order_release);
        return;
      }
      if (options_.is_wanted && !options_.is_wanted()) {
        cancelled_.store(true, std::memory_order_release);
        return;
      }
    }
  }

  const Options& options_;
  std::atomic<bool>& cancelled_;
  const std::size_t before_;
  std::atomic<bool> has_grown_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_done_ = false;
  std::thread thread_;
};

// DuckDB's functions that make text without a bound, or take for ever, give way to ours; and now() is one moment, in
// UTC.
std::string macros_sql(std::int64_t now_unix_nanos) {
  return fmt::format(
      "CREATE OR REPLACE TEMP MACRO \"||\"(a, b) AS text_joined(CAST(a AS VARCHAR), CAST(b AS VARCHAR));"
      "CREATE OR REPLACE TEMP MACRO replace(text, part, other) AS text_replaced(text, part, other);"
      "CREATE OR REPLACE TEMP MACRO \"~~\"(text, pattern) AS text_is_like(text, pattern);"
      "CREATE OR REPLACE TEMP MACRO \"!~~\"(text, pattern) AS NOT text_is_like(text, pattern);"
      "CREATE OR REPLACE TEMP MACRO \"~~*\"(text, pattern) AS text_is_like(lower(text), lower(pattern));"
      "CREATE OR REPLACE TEMP MACRO \"!~~*\"(text, pattern) AS NOT text_is_like(lower(text), lower(pattern));"
      "CREATE OR REPLACE TEMP MACRO now() AS make_timestamp_ns({})",
      now_unix_nanos);
}

// "Binder Error: Referenced column "x" not found in FROM clause!\nCandidate bindings: "y"\n\nLINE 1: SELECT x …\n  ^"
// as a sentence and its place.
Error translated(Error error, std::string_view text) {
  static constexpr std::string_view kLine = "LINE ";
  const std::string all = std::move(error.message);
  std::string sentence;
  int line_number = 0;
  std::string excerpt;
  std::size_t caret = std::string::npos;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    const std::string_view line = std::string_view(all).substr(at, end - at);
    at = end + 1;
    if (line.starts_with(kLine) && line.find(": ") != std::string_view::npos) {
      line_number = std::atoi(std::string(line.substr(kLine.size())).c_str());
      excerpt = line;
    } else if (line_number > 0) {
      if (const auto found = line.find('^'); found != std::string_view::npos) caret = found;
    } else if (!line.empty()) {
      sentence += (sentence.empty() ? "" : " ") + std::string(line);
    }
  }
  error.message = std::move(sentence);
  if (line_number <= 0) return error;
  SourcePosition position{"", line_number, 0};
  // Of a long line DuckDB shows a part, between dots.
  std::size_t begin = excerpt.find(": ") + 2;
  std::string_view shown = std::string_view(excerpt).substr(begin);
  if (shown.starts_with("...")) {
    shown.remove_prefix(3);
    begin += 3;
  }
  if (shown.ends_with("...")) shown.remove_suffix(3);
  std::size_t line_start = 0;
  for (int i = 1; i < line_number && line_start != std::string_view::npos; ++i) {
    const auto newline = text.find('\n', line_start);
    line_start = newline == std::string_view::npos ? newline : newline + 1;
  }
  if (caret != std::string::npos && caret >= begin && line_start != std::string_view::npos) {
    const auto found = text.substr(line_start, text.find('\n', line_start) - line_start).find(shown);
    // The caret counts characters.
    if (found != std::string_view::npos) {
      position = position_in(text, line_start + found);
      position.column += static_cast<int>(caret - begin);
    }
  }
  error.position = position;
  return error;
}

Error explained(Error error, std::string_view text, const Limits& limits, const Watch& watch) {
  if (watch.has_grown_too_large() || (error.code == ErrorCode::limit_exceeded && error.message.starts_with("Out of"))) {
    return {ErrorCode::limit_exceeded,
            fmt::format("the query needs more memory than it may have: {} bytes, and what the store has for queries "
                        "(limit memory_bytes_max)",
                        limits.memory_bytes_max),
            std::nullopt, "read fewer rows, group by less, or take approx_quantile and approx_count_distinct"};
  }
  return translated(std::move(error), text);
}

// One after the other: DuckDB prepares one statement at a time.
Result<void> run_each(store::Snapshot& snapshot, std::string_view statements) {
  while (!statements.empty()) {
    const auto end = std::min(statements.find(';'), statements.size());
    MESHFLOW_TRY(const store::Rows done, snapshot.query(statements.substr(0, end)));
    (void)done;
    statements.remove_prefix(std::min(end + 1, statements.size()));
  }
  return {};
}

// Looks at the statement, and makes the views that it reads.
Result<void> make_ready(store::Snapshot& snapshot, std::string_view text, const Options& options, const Watch& watch) {
  MESHFLOW_CHECK(check_text(text));
  const std::vector<store::Value> parameters{std::string(text)};
  const auto tree = snapshot.query("SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)", parameters);
  if (!tree) return tl::unexpected(explained(tree.error(), text, options.limits, watch));
  const auto* const tree_text = tree->rows.empty() ? nullptr : std::get_if<std::string>(&tree->rows[0][0]);
  if (tree_text == nullptr) return fail(ErrorCode::internal, "DuckDB gave no tree of the query");
  MESHFLOW_TRY(const Checked checked, check(text, *tree_text));
  MESHFLOW_CHECK(run_each(snapshot, macros_sql(options.now_unix_nanos)));
  for (const auto& [view, narrowing] : checked.views) {
    MESHFLOW_TRY(const std::string select, view_select(snapshot, view, narrowing));
    MESHFLOW_TRY(const store::Rows done,
                 snapshot.query(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS {}", view, select)));
    (void)done;
  }
  return {};
}

store::QueryLimits limits_of(const Options& options, const std::atomic<bool>& cancelled) {
  store::QueryLimits limits;
  limits.time_max = options.limits.time_max;
  limits.rows_max = options.limits.rows_max;
  limits.bytes_max = options.limits.result_bytes_max;
  limits.cancelled = &cancelled;
  return limits;
}

}  // namespace

Result<Answer> run(store::Snapshot& snapshot, std::string_view text, const Options& options) {
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<bool> cancelled{false};
  const Watch watch(options, cancelled);
  MESHFLOW_CHECK(make_ready(snapshot, text, options, watch));
  auto rows = snapshot.select(text, limits_of(options, cancelled));
  if (!rows) return tl::unexpected(explained(std::move(rows).error(), text, options.limits, watch));
  return Answer{std::move(*rows), std::chrono::steady_clock::now() - begin};
}

Result<void> check_statement(store::Snapshot& snapshot, std::string_view text, const Options& options) {
  std::atomic<bool> cancelled{false};
  const Watch watch(options, cancelled);
  MESHFLOW_CHECK(make_ready(snapshot, text, options, watch));
  // What only binding finds, such as columns that are not there. A line of its own before the text keeps its columns.
  const auto end = text.find_last_not_of("; \t\r\n");
  const std::string none = fmt::format("SELECT * FROM (\n{}\n) LIMIT 0", text.substr(0, end + 1));
  const auto rows = snapshot.select(none, limits_of(options, cancelled));
  if (rows) return {};
  Error error = explained(rows.error(), none, options.limits, watch);
  if (error.position) error.position->line -= 1;
  return tl::unexpected(std::move(error));
}

}  // namespace meshflow::query::sql
