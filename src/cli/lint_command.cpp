// meshflow lint: what keeps a workflow from running, and what is probably not meant.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/problems.hpp"
#include "cli/session.hpp"
#include "cli/text.hpp"

namespace meshflow::cli {
namespace {

class LintCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "lint"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Check a workflow without running it"; }

  [[nodiscard]] std::string_view details() const noexcept override {
    return "Prints file:line:column: error or warning: message. Exits with 2 when there is an error.";
  }
  void add_flags(CLI::App& app) override {
    app.add_option("FILE", file_, "The workflow, YAML")->required()->type_name("");
  }

  [[nodiscard]] int run(Session& session) override {
    const std::vector<Problem> problems = problems_of_file();
    int errors = 0;
    for (const Problem& problem : problems) errors += problem.severity == Problem::Severity::error ? 1 : 0;
    if (session.flags().json) {
      session.print_json(boost::json::serialize(as_json(problems)));
    } else {
      std::string out;
      for (const Problem& problem : problems) out += problem_line(problem) + "\n";
      session.print(out);
    }
    if (problems.empty()) session.note(fmt::format("{}: no problems", file_));
    return errors > 0 ? kExitUsage : kExitDone;
  }

 private:
  [[nodiscard]] std::vector<Problem> problems_of_file() const {
    const auto workflow = Workflow::from_file(file_);
    if (!workflow) return {problem_of(workflow.error(), file_)};
    std::vector<Problem> problems = workflow->check();
    // Values that are fine one by one need not be so together.
    if (workflow->policy()) {
      if (const auto resolved = resolve(*workflow->policy()); !resolved)
        problems.push_back(problem_of(resolved.error(), file_));
    }
    return problems;
  }

  [[nodiscard]] boost::json::object as_json(const std::vector<Problem>& problems) const {
    boost::json::array out;
    for (const Problem& problem : problems) {
      out.push_back(boost::json::object{
          {"file", problem.position.file},
          {"line", problem.position.line},
          {"column", problem.position.column},
          {"severity", problem.severity == Problem::Severity::error ? "error" : "warning"},
          {"message", problem.message},
      });
    }
    return {{"file", file_}, {"problems", std::move(out)}};
  }

  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_lint_command() { return std::make_unique<LintCommand>(); }

}  // namespace meshflow::cli
