// One command of the `meshflow` program (after Perfetto's subcommand.h).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace meshflow::cli {

class Session;

// A contract: scripts decide upon these.
enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,
  kExitUsage = 2,    // wrong usage or input
  kExitAborted = 3,  // a run was aborted by a block
  kExitPaused = 4,   // a run is paused and waits for a person
};

// Used once: the flags are read into the object, then `run` acts on them.
class Command {
 public:
  Command() = default;
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  // As it is typed; of two words where it belongs to a group ("ledger show").
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  // One line of help.
  [[nodiscard]] virtual std::string_view summary() const noexcept = 0;
  // What the help says below the flags; may be empty.
  [[nodiscard]] virtual std::string_view details() const noexcept { return {}; }
  // Declares positional arguments and flags, which stay bound to this object.
  virtual void add_flags(CLI::App& app) = 0;
  // Does it; the ExitCode.
  [[nodiscard]] virtual int run(Session& session) = 0;
};

[[nodiscard]] std::unique_ptr<Command> make_run_command();
[[nodiscard]] std::unique_ptr<Command> make_resume_command();
[[nodiscard]] std::unique_ptr<Command> make_approve_command();
[[nodiscard]] std::unique_ptr<Command> make_reject_command();
[[nodiscard]] std::unique_ptr<Command> make_runs_command();
[[nodiscard]] std::unique_ptr<Command> make_pending_command();
[[nodiscard]] std::unique_ptr<Command> make_lint_command();
[[nodiscard]] std::unique_ptr<Command> make_serve_command();
[[nodiscard]] std::unique_ptr<Command> make_ui_command();
[[nodiscard]] std::unique_ptr<Command> make_traces_command();
[[nodiscard]] std::unique_ptr<Command> make_traces_show_command();
[[nodiscard]] std::unique_ptr<Command> make_traces_search_command();
[[nodiscard]] std::unique_ptr<Command> make_traces_metrics_command();
[[nodiscard]] std::unique_ptr<Command> make_traces_sql_command();
[[nodiscard]] std::unique_ptr<Command> make_traces_import_command();
[[nodiscard]] std::unique_ptr<Command> make_traces_export_command();
[[nodiscard]] std::unique_ptr<Command> make_ledger_show_command();
[[nodiscard]] std::unique_ptr<Command> make_ledger_verify_command();
[[nodiscard]] std::unique_ptr<Command> make_doctor_command();
// `program`: with all commands declared; must outlive the command.
[[nodiscard]] std::unique_ptr<Command> make_completion_command(const CLI::App& program);

}  // namespace meshflow::cli
