#include "cli/progress.hpp"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/text.hpp"
#include "meshflow/runtime/summary.hpp"

namespace meshflow::cli {
namespace {

constexpr std::chrono::milliseconds kFrame{100};
constexpr std::size_t kStateColumns = 9;
constexpr std::size_t kNodeColumns = 24;
constexpr std::size_t kDurationColumns = 10;
constexpr std::string_view kSpinner = "|/-\\";

struct Size {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

Size terminal_size() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

struct State {
  std::string_view name;
  Style style = Style::none;
};

State state_of(const RunEvent& event) {
  switch (event.kind) {
    case RunEvent::Kind::node_skipped: return {"skipped", Style::faint};
    case RunEvent::Kind::blocked: return {"blocked", Style::bad};
    case RunEvent::Kind::paused: return {"waiting", Style::attention};
    case RunEvent::Kind::decided: return {"decided", Style::attention};
    default: return event.failed ? State{"failed", Style::bad} : State{"done", Style::good};
  }
}

}  // namespace

Progress::Progress(const Session& session, Mode mode) : session_(session), mode_(mode) {
  if (mode_ == Mode::live)
    redrawing_ = std::jthread([this](const std::stop_token& stop) { redraw_now_and_then(stop); });
}

Progress::~Progress() { end(); }

void Progress::end() {
  const std::lock_guard lock(mutex_);
  under_way_.clear();
  print({});
}

void Progress::tell(const RunEvent& event) {
  if (mode_ == Mode::none) return;
  const std::lock_guard lock(mutex_);
  switch (event.kind) {
    case RunEvent::Kind::run_started: return print(fmt::format("run {}, trace {}", event.run_id, event.trace_id));
    case RunEvent::Kind::node_started:
      forget(event.node_id);  // of before a pause
      under_way_.push_back({event.node_id, std::chrono::steady_clock::now()});
      return print({});
    case RunEvent::Kind::node_skipped:
    case RunEvent::Kind::decided: return print(line_of(event));
    case RunEvent::Kind::node_ended:
    case RunEvent::Kind::blocked: forget(event.node_id); return print(line_of(event));
    case RunEvent::Kind::paused: under_way_.clear(); return print(line_of(event));
    case RunEvent::Kind::run_ended: under_way_.clear(); return print({});
  }
}

void Progress::note(std::string_view line) {
  if (mode_ == Mode::none) return;
  const std::lock_guard lock(mutex_);
  print(one_line(line));
}

void Progress::forget(const std::string& node_id) {
  std::erase_if(under_way_, [&node_id](const NodeUnderWay& one) { return one.node_id == node_id; });
}

std::string Progress::line_of(const RunEvent& event) const {
  const State state = state_of(event);
  const bool ran = event.duration_nanos > 0;
  std::string line = pad_to(state.name, kStateColumns) + pad_to(one_line(event.node_id), kNodeColumns) + " " +
                     pad_to(ran ? duration_text(event.duration_nanos) : "", kDurationColumns, true);
  if (event.usage.cost_nano_usd > 0) line += fmt::format("  ${}", nano_text(event.usage.cost_nano_usd));
  if (!event.detail.empty()) line += "  " + one_line(event.detail);
  line.erase(line.find_last_not_of(' ') + 1);
  if (mode_ == Mode::live) line = cut_to(line, terminal_size().columns - 1);
  return session_.styled_error(state.style, line.substr(0, state.name.size())) +
         line.substr(std::min(line.size(), state.name.size()));
}

void Progress::print(std::string_view line) {
  const std::string whole = line.empty() ? std::string() : std::string(line) + "\n";
  if (mode_ == Mode::live) {
    std::string out = erase() + whole;
    out += draw();
    session_.print_error(out);
  } else if (!whole.empty()) {
    session_.print_error(whole);
  }
}

// The cursor rests at the start of the line below what is drawn.
std::string Progress::erase() const {
  return lines_drawn_ == 0 ? std::string() : fmt::format("\x1b[{}A\x1b[J", lines_drawn_);
}

std::string Progress::draw() {
  const Size size = terminal_size();
  const std::size_t shown_max = size.rows > 2 ? size.rows - 2 : 1;  // the cursor's line, and one for "and … more"
  const auto now = std::chrono::steady_clock::now();
  std::string out;
  lines_drawn_ = 0;
  for (const NodeUnderWay& node : under_way_) {
    if (lines_drawn_ == shown_max) {
      out += cut_to(fmt::format("and {} more", under_way_.size() - shown_max), size.columns - 1) + "\n";
      ++lines_drawn_;
      break;
    }
    const std::int64_t elapsed = std::chrono::nanoseconds(now - node.since).count();
    const std::string line = pad_to("running", kStateColumns) + pad_to(one_line(node.node_id), kNodeColumns) + " " +
                             pad_to(duration_text(elapsed), kDurationColumns, true) + "  " +
                             kSpinner[frame_ % kSpinner.size()];
    out += cut_to(line, size.columns - 1) + "\n";
    ++lines_drawn_;
  }
  return out;
}

void Progress::redraw_now_and_then(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, stop, kFrame, [&stop] { return stop.stop_requested(); })) {
    ++frame_;
    if (!under_way_.empty()) print({});
  }
}

}  // namespace meshflow::cli
