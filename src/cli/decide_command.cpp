// meshflow approve, reject and resume: what people decide, and the runs that go on from there.
#include <ctime>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/clock.hpp"
#include "base/try.hpp"
#include "cli/execution.hpp"
#include "cli/own_process.hpp"

namespace meshflow::cli {
namespace {

constexpr const char* kRunHelp = "A run id, an unambiguous beginning of one, or \"last\"";

class DecideCommand final : public Command {
 public:
  explicit DecideCommand(bool approves) : approves_(approves) {}
  [[nodiscard]] std::string_view name() const noexcept override { return approves_ ? "approve" : "reject"; }
  [[nodiscard]] std::string_view summary() const noexcept override {
    return approves_ ? "Approve what a paused run waits for, and let it go on"
                     : "Reject what a paused run waits for, and let it go on from there";
  }

  void add_flags(CLI::App& app) override {
    app.add_option("RUN", run_, kRunHelp)->required()->type_name("");
    app.add_option("--by", by_, "Who decides; your login name where it is not given")->type_name("NAME");
    app.add_option("--note", note_, "Why, for the record")->type_name("TEXT");
  }

  [[nodiscard]] int run(Session& session) override {
    auto records = open_records_to_write(session);
    if (!records) return session.fail(records.error());
    auto run = find_run(*records->store, run_);
    if (!run) return session.fail(run.error());
    // Asked before the decision: a process that waits for it may be done with the run right after.
    auto carrier = records->store->carrier(run->run_id);
    if (!carrier) return session.fail(carrier.error());
    runtime::RunStore::DecisionRecord record{
        run->run_id, {}, {approves_, by_.empty() ? login_name() : by_, note_}, system_clock().wall_nanos()};
    auto entry = records->store->decide(*records->ledger, record);
    if (!entry) return session.fail(entry.error());

    const std::string said =
        fmt::format("{} by {}: {}", approves_ ? "approved" : "rejected", record.decision.by, run->run_id);
    if (*carrier) {
      return report_elsewhere(session, *run, said, fmt::format("process {}", (*carrier)->pid),
                              fmt::format("process {} carries the run and goes on with it", (*carrier)->pid));
    }
    if (is_made_in_code(*run)) {
      return report_elsewhere(
          session, *run, said, "program",
          fmt::format("its workflow {} was made in code: Mesh::resume_blocking(\"{}\") in that program "
                      "continues it",
                      run->workflow_name, run->run_id));
    }
    session.note(said);
    return continue_and_report(session, std::move(*records), *run);
  }

 private:
  [[nodiscard]] int report_elsewhere(const Session& session, const runtime::RunRecord& run, const std::string& said,
                                     const std::string& where, const std::string& sentence) const {
    if (session.flags().json) {
      session.print_json(boost::json::serialize(boost::json::object{
          {"run_id", run.run_id}, {"decision", approves_ ? "approved" : "rejected"}, {"continues_in", where}}));
    } else {
      session.print_line(said);
      session.print_line(sentence);
    }
    return kExitDone;
  }

  bool approves_;
  std::string run_;
  std::string by_;
  std::string note_;
};

class ResumeCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "resume"; }
  [[nodiscard]] std::string_view summary() const noexcept override {
    return "Continue a paused run that has been decided";
  }
  void add_flags(CLI::App& app) override { app.add_option("RUN", run_, kRunHelp)->required()->type_name(""); }

  [[nodiscard]] int run(Session& session) override {
    auto records = open_records_to_write(session);
    if (!records) return session.fail(records.error());
    auto run = find_run(*records->store, run_);
    if (!run) return session.fail(run.error());
    auto waiting = records->store->pending(run->run_id);
    if (!waiting) return session.fail(waiting.error());
    for (const PendingRequest& request : *waiting) {
      if (run->status != RunStatus::paused || request.expires_unix_nanos <= system_clock().wall_nanos()) continue;
      (void)session.fail({ErrorCode::conflict,
                          fmt::format("{} still waits for a person: {}", run->run_id, request.reason), std::nullopt,
                          fmt::format("{} or {}", session.command_line("approve " + run->run_id),
                                      session.command_line("reject " + run->run_id))});
      return kExitPaused;
    }
    if (run->status == RunStatus::paused && is_made_in_code(*run)) {
      return session.fail(
          {ErrorCode::conflict, fmt::format("the workflow {} of {} was made in code", run->workflow_name, run->run_id),
           std::nullopt, fmt::format("Mesh::resume_blocking(\"{}\") in that program continues it", run->run_id)});
    }
    return continue_and_report(session, std::move(*records), *run);
  }

 private:
  std::string run_;
};

}  // namespace

std::unique_ptr<Command> make_approve_command() { return std::make_unique<DecideCommand>(true); }
std::unique_ptr<Command> make_reject_command() { return std::make_unique<DecideCommand>(false); }
std::unique_ptr<Command> make_resume_command() { return std::make_unique<ResumeCommand>(); }

}  // namespace meshflow::cli
