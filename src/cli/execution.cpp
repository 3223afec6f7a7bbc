#include "cli/execution.hpp"

#include <optional>

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/try.hpp"
#include "cli/interrupt.hpp"
#include "cli/json.hpp"
#include "cli/progress.hpp"
#include "cli/text.hpp"
#include "meshflow/runtime/summary.hpp"
#include "runtime/checkpoint.hpp"

namespace meshflow::cli {
namespace {

int exit_code_of(RunStatus status) {
  switch (status) {
    case RunStatus::completed: return kExitDone;
    case RunStatus::aborted: return kExitAborted;
    case RunStatus::paused: return kExitPaused;
    default: return kExitFailed;
  }
}

Progress::Mode progress_mode(const Session& session, const Policy& policy) {
  if (session.flags().quiet) return Progress::Mode::none;
  // The console's spans go to standard output while the run goes on: redrawing would run into them.
  const bool console = policy.telemetry_console.mode != ConsoleTelemetry::Mode::off;
  return session.is_error_terminal() && !console ? Progress::Mode::live : Progress::Mode::lines;
}

void print_result(const Session& session, const RunResult& result) {
  std::string out;
  if (!result.output.empty()) {
    out += many_lines(result.output);
    if (out.back() != '\n') out += "\n";
    out += "\n";
  }
  out += many_lines(summary_text(result));
  if (result.pending) {
    out += fmt::format("{:<12}: {}\n", "to approve", session.command_line("approve " + result.run_id));
    out += fmt::format("{:<12}: {}\n", "to reject", session.command_line("reject " + result.run_id));
  }
  session.print(out);
}

void print_result_json(const Session& session, const RunResult& result, const std::vector<std::string>& warnings) {
  boost::json::object out = json_of(result);
  boost::json::array lines;
  for (const std::string& warning : warnings) lines.emplace_back(warning);
  out["warnings"] = std::move(lines);
  session.print_json(boost::json::serialize(out));
}

}  // namespace

int carry_and_report(const Session& session, Policy policy, RunOptions options, const CarryRun& carry) {
  Progress progress(session, progress_mode(session, policy));
  const InterruptWatch interrupt([&progress] { progress.note("stopping the run; Ctrl-C again ends it at once"); });
  options.stop = interrupt.token();
  options.listener = [&, waits = options.wait_for_decision](const RunEvent& event) {
    progress.tell(event);
    if (waits && event.kind == RunEvent::Kind::paused) {
      progress.note(fmt::format("waiting for a decision: {} or {}", session.command_line("approve " + event.run_id),
                                session.command_line("reject " + event.run_id)));
    }
  };

  std::optional<Mesh> mesh(std::in_place, policy);
  auto result = carry(*mesh, std::move(options));
  if (!result) {
    progress.end();
    return session.fail(result.error());
  }
  mesh->shutdown();
  const std::vector<std::string> warnings = mesh->warnings();
  mesh.reset();
  progress.end();
  if (session.flags().json) {
    print_result_json(session, *result, warnings);
  } else {
    print_result(session, *result);
  }
  for (const std::string& warning : warnings) session.warn(warning);
  return exit_code_of(result->status);
}

int continue_and_report(const Session& session, Records records, const runtime::RunRecord& run) {
  auto checkpoint = records.store->checkpoint(run.run_id);
  if (!checkpoint) return session.fail(checkpoint.error());
  auto head = runtime::read_checkpoint_head(*checkpoint);
  if (!head) return session.fail(head.error());
  // Its spans go where those from before the pause went.
  Policy policy = std::move(head->policy);
  policy.data_dir = records.data_dir;
  if (session.flags().json) policy.telemetry_console = false;
  records = {};
  return carry_and_report(session, std::move(policy), {}, [&run](Mesh& mesh, RunOptions options) {
    return mesh.resume_blocking(run.run_id, std::move(options));
  });
}

}  // namespace meshflow::cli
