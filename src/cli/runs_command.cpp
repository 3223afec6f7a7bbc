// meshflow runs and pending: what has run, and what waits for people.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

#include "base/try.hpp"
#include "cli/json.hpp"
#include "cli/records.hpp"
#include "cli/text.hpp"
#include "meshflow/runtime/summary.hpp"

namespace meshflow::cli {
namespace {

constexpr std::size_t kPromptColumns = 60;

// Nothing, where nothing has been recorded yet.
Result<std::optional<Records>> records_if_any(const Session& session) {
  auto records = open_records(session);
  if (records) return std::optional(std::move(*records));
  if (records.error().code == ErrorCode::not_found) return std::optional<Records>{};
  return tl::unexpected(std::move(records).error());
}

class RunsCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "runs"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "List the newest runs"; }
  [[nodiscard]] std::string_view details() const noexcept override { return "With --json: one object per line."; }
  void add_flags(CLI::App& app) override {
    app.add_option("--limit", limit_, "How many at most")
        ->type_name("N")
        ->check(CLI::Range(std::int64_t{1}, runtime::kRunsListedMax))
        ->capture_default_str();
  }

  [[nodiscard]] int run(Session& session) override {
    const auto done = list(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<void> list(const Session& session) const {
    MESHFLOW_TRY(auto records, records_if_any(session));
    std::vector<runtime::RunRecord> runs;
    if (records) {
      MESHFLOW_TRY(runs, records->store->list(limit_));
    }
    Table table({{"RUN"},
                 {"WORKFLOW"},
                 {"STATUS"},
                 {"STARTED"},
                 {"DURATION", true},
                 {"COST", true},
                 {"TOKENS", true},
                 {"BLOCKED", true}});
    for (const runtime::RunRecord& run : runs) {
      MESHFLOW_TRY(const std::string status, status_text(*records->store, run));
      if (session.flags().json) {
        boost::json::object line = json_of(run);
        line["status"] = status;
        session.print_json(boost::json::serialize(line));
        continue;
      }
      const bool ended = run.ended_unix_nanos != 0;
      table.add({run.run_id, run.workflow_name, status, local_time_text(run.started_unix_nanos),
                 ended ? duration_text(run.ended_unix_nanos - run.started_unix_nanos) : "-",
                 "$" + nano_text(run.usage.cost_nano_usd), fmt::format("{}", run.usage.tokens.total()),
                 fmt::format("{}", run.blocked)});
    }
    if (!session.flags().json) {
      if (runs.empty()) {
        session.note("there are no runs");
      } else {
        session.print(table.text(session.output_columns()));
      }
    }
    return {};
  }

  std::int64_t limit_ = 20;
};

class PendingCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "pending"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "List what waits for a person"; }
  [[nodiscard]] std::string_view details() const noexcept override { return "With --json: one object per line."; }
  void add_flags(CLI::App&) override {}

  [[nodiscard]] int run(Session& session) override {
    const auto done = list(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  static Result<void> list(const Session& session) {
    MESHFLOW_TRY(auto records, records_if_any(session));
    std::vector<PendingRequest> requests;
    if (records) {
      MESHFLOW_TRY(requests, records->store->pending());
    }
    Table table({{"RUN"}, {"NODE"}, {"REASON"}, {"SINCE"}, {"EXPIRES"}, {"PROMPT"}});
    for (const PendingRequest& request : requests) {
      if (session.flags().json) {
        session.print_json(boost::json::serialize(json_of(request)));
      } else {
        table.add({request.run_id, request.node_id, request.reason, local_time_text(request.since_unix_nanos),
                   local_time_text(request.expires_unix_nanos), cut_to(one_line(request.prompt), kPromptColumns)});
      }
    }
    if (!session.flags().json) {
      if (requests.empty()) {
        session.note("nothing waits for a person");
      } else {
        session.print(table.text(session.output_columns()));
      }
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<Command> make_runs_command() { return std::make_unique<RunsCommand>(); }
std::unique_ptr<Command> make_pending_command() { return std::make_unique<PendingCommand>(); }

}  // namespace meshflow::cli
