// A run's progress on standard error: on a terminal a line for each node under way, redrawn in place, above it those
// that have ended; elsewhere a line for each node as it ends.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cli/session.hpp"
#include "meshflow/runtime/run.hpp"

namespace meshflow::cli {

// Thread-safe. The session must outlive it. Destruction ends it.
class Progress {
 public:
  enum class Mode { none, lines, live };
  Progress(const Session& session, Mode mode);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void tell(const RunEvent& event);
  // A line among the others.
  void note(std::string_view line);
  // Takes away what is drawn for nodes under way; later lines are plain.
  void end();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct NodeUnderWay {
    std::string node_id;
    Time since;
  };
  [[nodiscard]] std::string line_of(const RunEvent& event) const;
  void forget(const std::string& node_id);
  // Under the lock: `line` above the nodes under way, which are drawn anew.
  void print(std::string_view line);
  [[nodiscard]] std::string erase() const;
  [[nodiscard]] std::string draw();
  void redraw_now_and_then(const std::stop_token& stop);

  const Session& session_;
  const Mode mode_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<NodeUnderWay> under_way_;
  std::size_t lines_drawn_ = 0;
  std::size_t frame_ = 0;
  std::jthread redrawing_;  // last: ends before the rest goes
};

}  // namespace meshflow::cli
