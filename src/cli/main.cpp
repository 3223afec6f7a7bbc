// meshflow: the command. Declares the commands, reads the command line, and lets the chosen one run.
#include <algorithm>
#include <clocale>
#include <csignal>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/nearest.hpp"
#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/report_command.hpp"
#include "cli/session.hpp"

namespace meshflow::cli {
namespace {

// The program with its commands. Groups ("ledger") are made by the first command in them.
class Program {
 public:
  Program() {
    app_.name("meshflow");
    app_.set_version_flag("--version", fmt::format("meshflow {}", version()), "Print the version and exit");
    app_.set_help_flag("-h,--help", "Print this help and exit");
    app_.add_flag("--json", session_.flags().json, "Print the result as JSON");
    app_.add_flag("-q,--quiet", session_.flags().quiet, "No progress on standard error");
    app_.add_option("--color", session_.flags().color, "Colour: auto, always or never; auto heeds NO_COLOR")
        ->type_name("WHEN")
        ->check(CLI::IsMember({"auto", "always", "never"}).description(""));
    app_.add_option("--data", session_.flags().data_dir,
                    "Data directory; else MESHFLOW_DATA, $XDG_DATA_HOME/meshflow, ~/.local/share/meshflow")
        ->type_name("DIR");
    app_.fallthrough();  // the flags above may follow the command
    app_.require_subcommand(0, 1);
    app_.footer(
        "The options of meshflow --help may stand before or after a command.\n"
        "Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 a run was aborted by a block, 4 a run is paused.");
    add(make_run_command());
    add(make_resume_command());
    add(make_approve_command());
    add(make_reject_command());
    add(make_runs_command());
    add(make_pending_command());
    add(make_lint_command());
    add(make_serve_command());
    add(make_ui_command());
    add(make_traces_command());
    add(make_traces_show_command());
    add(make_traces_search_command());
    add(make_traces_metrics_command());
    add(make_traces_sql_command());
    add(make_traces_import_command());
    add(make_traces_export_command());
    add(make_report_command());
    add(make_ledger_show_command());
    add(make_ledger_verify_command());
    add(make_doctor_command());
    add(make_completion_command(app_));
  }

  int run(int count, char** arguments) {
    try {
      app_.parse(count, arguments);
    } catch (const CLI::Success& success) {
      return app_.exit(success);  // --help, --version
    } catch (const CLI::ParseError& error) {
      return usage_error(error);
    }
    for (const Entry& entry : entries_) {
      // Of a command with commands of its own, the inner one was meant.
      if (entry.app->parsed() && entry.app->get_subcommands().empty()) return entry.command->run(session_);
    }
    session_.print_error(app_.help());  // of what was named, where it is a group
    return kExitUsage;
  }

 private:
  struct Entry {
    std::unique_ptr<Command> command;
    CLI::App* app;
  };

  void add(std::unique_ptr<Command> command) {
    CLI::App* parent = &app_;
    std::string name(command->name());
    if (const auto space = name.find(' '); space != std::string::npos) {
      const std::string group = name.substr(0, space);
      name.erase(0, space + 1);
      const auto made = app_.get_subcommands([&group](const CLI::App* one) { return one->get_name() == group; });
      parent =
          made.empty() ? app_.add_subcommand(group, "The record of decisions")->require_subcommand(0, 1) : made.front();
    }
    CLI::App* app = parent->add_subcommand(name, std::string(command->summary()));
    if (!command->details().empty()) app->footer(fmt::format("{}\n{}", command->details(), app->get_footer()));
    command->add_flags(*app);
    entries_.push_back({std::move(command), app});
  }

  // The command, or group, that was named last.
  [[nodiscard]] const CLI::App* innermost() const {
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return app;
  }

  // A word where a command should stand is the likeliest mistake: it gets the nearest name.
  int usage_error(const CLI::ParseError& error) const {
    const CLI::App* app = innermost();
    const std::vector<std::string> left = app_.remaining(true);
    const auto commands = app->get_subcommands([](const CLI::App*) { return true; });
    Error what{ErrorCode::invalid_argument, error.what(), std::nullopt, {}};
    if (!commands.empty() && !left.empty() && !left.front().starts_with("-")) {
      std::vector<std::string_view> names;
      for (const CLI::App* command : commands) names.push_back(command->get_name());
      what.message = fmt::format("there is no command {}", left.front());
      what.hint = name_hint(left.front(), names);
    } else {
      what.hint = fmt::format("see {} --help", app == &app_ ? "meshflow" : path_of(app));
    }
    return session_.fail(what);
  }

  static std::string path_of(const CLI::App* app) {
    return app->get_parent() == nullptr ? app->get_name() : path_of(app->get_parent()) + " " + app->get_name();
  }

  Session session_;
  CLI::App app_{"MeshFlow: governed runs of AI agents, each an OpenTelemetry trace"};
  std::vector<Entry> entries_;
};

}  // namespace
}  // namespace meshflow::cli

int main(int count, char** arguments) {
  // Widths of characters come from here; numbers and messages stay as they are.
  std::setlocale(LC_CTYPE, "C.UTF-8");
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is a failed write
  try {
    return meshflow::cli::Program().run(count, arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return meshflow::cli::kExitFailed;
  }
}
