// meshflow ledger show and verify.
#include <optional>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

#include "base/try.hpp"
#include "cli/json.hpp"
#include "cli/ledger_heads.hpp"
#include "cli/records.hpp"
#include "cli/text.hpp"
#include "meshflow/runtime/summary.hpp"

namespace meshflow::cli {
namespace {

constexpr const char* kRunHelp = "A run id, an unambiguous beginning of one, or \"last\"";
constexpr std::size_t kHashShown = 12;

class LedgerShowCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "ledger show"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Show a run's entries in the ledger"; }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "With --json: one object per line, with every field.";
  }
  void add_flags(CLI::App& app) override { app.add_option("RUN", run_, kRunHelp)->required()->type_name(""); }

  [[nodiscard]] int run(Session& session) override {
    const auto done = show(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<void> show(const Session& session) const {
    MESHFLOW_TRY(auto records, open_records(session));
    MESHFLOW_TRY(const auto run, find_run(*records.store, run_));
    MESHFLOW_TRY(const auto entries, records.ledger->entries(run.run_id));
    Table table({{"SEQ", true},
                 {"TIME"},
                 {"KIND"},
                 {"NODE"},
                 {"VERDICT"},
                 {"COST", true},
                 {"TOKENS", true},
                 {"HASH"},
                 {"REASON"}});
    for (const runtime::LedgerEntry& entry : entries) {
      if (session.flags().json) {
        session.print_json(boost::json::serialize(json_of(entry)));
        continue;
      }
      table.add({fmt::format("{}", entry.seq), local_time_text(entry.time_unix_nanos), entry.kind, entry.node_id,
                 entry.verdict, "$" + nano_text(entry.cost_nano_usd),
                 fmt::format("{}", entry.input_tokens + entry.output_tokens), entry.entry_hash.substr(0, kHashShown),
                 entry.reason});
    }
    if (!session.flags().json) session.print(table.text(session.output_columns()));
    return {};
  }

  std::string run_;
};

class LedgerVerifyCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "ledger verify"; }
  [[nodiscard]] std::string_view summary() const noexcept override {
    return "Check that the ledger is whole and unchanged";
  }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "Exits with 1 and names the first entry that does not hold. A run's last entry is held against the head "
           "that its root span recorded, as far as that span is in the data directory's spool or in FILE.";
  }
  void add_flags(CLI::App& app) override {
    app.add_option("RUN", run_, "Up to this run's last entry; the whole ledger where it is not given")->type_name("");
    app.add_option("--trace", trace_file_, "Hold it against the root spans in this file too (OTLP JSON lines)")
        ->type_name("FILE");
  }

  [[nodiscard]] int run(Session& session) override {
    auto outcome = verify(session);
    if (!outcome) return session.fail(outcome.error());
    const runtime::LedgerReport& report = outcome->report;
    if (session.flags().json) {
      boost::json::object out = json_of(report);
      out["runs"] = report.runs;
      out["heads_known"] = outcome->heads_known;
      session.print_json(boost::json::serialize(out));
    } else if (report.holds()) {
      session.print_line(fmt::format("the ledger holds (entries: {}, runs: {}, heads known: {})", report.entries,
                                     report.runs, outcome->heads_known));
    } else {
      session.print_line(fmt::format("the ledger does not hold: {}", report.message));
    }
    return report.holds() ? kExitDone : kExitFailed;
  }

 private:
  struct Outcome {
    runtime::LedgerReport report;
    std::int64_t heads_known = 0;
  };

  [[nodiscard]] Result<Outcome> verify(const Session& session) const {
    MESHFLOW_TRY(auto records, open_records(session));
    std::optional<std::string> run_id;
    if (!run_.empty()) {
      MESHFLOW_TRY(const auto run, find_run(*records.store, run_));
      run_id = run.run_id;
    }
    MESHFLOW_TRY(const LedgerHeads spooled, heads_from_spool(records.data_dir + "/spool"));
    MESHFLOW_TRY(Outcome outcome, verify_against(records, run_id, spooled));
    if (!outcome.report.holds() || trace_file_.empty()) return outcome;
    // Apart, so that neither source can hide what the other one knows.
    MESHFLOW_TRY(const LedgerHeads given, heads_from_trace_file(trace_file_));
    MESHFLOW_TRY(Outcome against_file, verify_against(records, run_id, given));
    LedgerHeads all = spooled;
    all.insert(given.begin(), given.end());
    against_file.heads_known = known(all, run_id);
    return against_file;
  }

  static std::int64_t known(const LedgerHeads& heads, const std::optional<std::string>& run_id) {
    if (run_id) return static_cast<std::int64_t>(heads.count(*run_id));
    return static_cast<std::int64_t>(heads.size());
  }

  static Result<Outcome> verify_against(Records& records, const std::optional<std::string>& run_id,
                                        const LedgerHeads& heads) {
    Outcome outcome;
    MESHFLOW_TRY(outcome.report,
                 records.ledger->verify(run_id ? std::optional<std::string_view>(*run_id) : std::nullopt, heads));
    outcome.heads_known = known(heads, run_id);
    return outcome;
  }

  std::string run_;
  std::string trace_file_;
};

}  // namespace

std::unique_ptr<Command> make_ledger_show_command() { return std::make_unique<LedgerShowCommand>(); }
std::unique_ptr<Command> make_ledger_verify_command() { return std::make_unique<LedgerVerifyCommand>(); }

}  // namespace meshflow::cli
