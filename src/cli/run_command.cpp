// meshflow run: a workflow file, under the policy that file, environment and flags make together.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/try.hpp"
#include "cli/execution.hpp"
#include "cli/problems.hpp"

namespace meshflow::cli {
namespace {

class RunCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "run"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Run a workflow"; }

  void add_flags(CLI::App& app) override {
    app.add_option("FILE", file_, "The workflow, YAML")->required()->type_name("");
    app.add_option("--task", task_, "What the agents are to do; the workflow's name where it is not given")
        ->type_name("TEXT");
    app.add_option("--variant", variant_, "A label for this configuration, on the run's span")->type_name("NAME");
    app.add_option("--set", fields_, "Set a field of the policy, over the file and the environment; may be repeated")
        ->type_name("FIELD=VALUE")
        ->allow_extra_args(false);
    app.add_flag("--console", console_, "Print each span to standard output as it ends");
    app.add_option("--otlp", endpoint_, "Send the spans to this OTLP endpoint too")->type_name("URL");
    app.add_flag("--wait", wait_, "Where a person is asked, wait for the decision instead of pausing");
  }

  [[nodiscard]] int run(Session& session) override {
    if (console_ && session.flags().json) {
      return session.fail({ErrorCode::invalid_argument, "--console and --json both write to standard output",
                           std::nullopt, "leave one out"});
    }
    auto workflow = Workflow::from_file(file_);
    if (!workflow) return session.fail(workflow.error());
    if (report_problems(session, *workflow)) return kExitUsage;
    auto policy = make_policy(session, *workflow);
    if (!policy) return session.fail(policy.error());

    // The one policy that holds: for the run and for its telemetry.
    workflow->policy(*policy);
    std::string task = task_.empty() ? workflow->name() : task_;
    RunOptions options;
    options.workflow = std::make_shared<const Workflow>(std::move(*workflow));
    options.wait_for_decision = wait_;
    return carry_and_report(session, std::move(*policy), std::move(options), [&task](Mesh& mesh, RunOptions carried) {
      return mesh.run_blocking(std::move(task), std::move(carried));
    });
  }

 private:
  // Warnings are told, errors too: true where there is one.
  static bool report_problems(const Session& session, const Workflow& workflow) {
    bool failed = false;
    for (const Problem& problem : workflow.check()) {
      session.print_error(problem_line(problem) + "\n");
      failed = failed || problem.severity == Problem::Severity::error;
    }
    return failed;
  }

  [[nodiscard]] Result<Policy> make_policy(const Session& session, const Workflow& workflow) const {
    MESHFLOW_TRY(Policy policy, policy_from_environment(workflow.policy().value_or(Policy{})));
    for (const std::string& field : fields_) {
      const auto equals = field.find('=');
      if (equals == std::string::npos || equals == 0) {
        return fail(ErrorCode::invalid_argument, fmt::format("--set {}: no value", field), "--set FIELD=VALUE");
      }
      MESHFLOW_CHECK(set_field(policy, field.substr(0, equals), field.substr(equals + 1)));
    }
    if (console_) policy.telemetry_console = true;
    if (session.flags().json) policy.telemetry_console = false;
    if (!endpoint_.empty()) MESHFLOW_CHECK(set_field(policy, "telemetry_otlp_endpoint", endpoint_));
    if (!variant_.empty()) MESHFLOW_CHECK(set_field(policy, "variant", variant_));
    if (policy.data_dir.empty() || !session.flags().data_dir.empty()) {
      MESHFLOW_TRY(policy.data_dir, session.data_dir());
    }
    MESHFLOW_CHECK(resolve(policy));
    return policy;
  }

  std::string file_;
  std::string task_;
  std::string variant_;
  std::vector<std::string> fields_;
  bool console_ = false;
  std::string endpoint_;
  bool wait_ = false;
};

}  // namespace

std::unique_ptr<Command> make_run_command() { return std::make_unique<RunCommand>(); }

}  // namespace meshflow::cli
