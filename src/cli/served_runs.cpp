#include "cli/served_runs.hpp"

#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <sys/wait.h>

#include "base/clock.hpp"
#include "base/try.hpp"
#include "cli/own_process.hpp"
#include "runtime/ledger_entry.hpp"

namespace meshflow::cli {
namespace {

using server::DeskApproval;
using server::DeskEntry;
using server::DeskLedger;

DeskEntry entry_of(runtime::LedgerEntry&& entry) {
  DeskEntry made;
  made.seq = entry.seq;
  made.time_unix_nanos = entry.time_unix_nanos;
  made.span_id = std::move(entry.span_id);
  made.node_id = std::move(entry.node_id);
  made.kind = std::move(entry.kind);
  made.verdict = std::move(entry.verdict);
  made.reason = std::move(entry.reason);
  made.cost_nano_usd = entry.cost_nano_usd;
  made.input_tokens = entry.input_tokens;
  made.output_tokens = entry.output_tokens;
  made.cached_tokens = entry.cached_tokens;
  made.carbon_nanograms = entry.carbon_nanograms;
  made.input_digest = std::move(entry.input_digest);
  made.output_digest = std::move(entry.output_digest);
  made.prev_hash = std::move(entry.prev_hash);
  made.entry_hash = std::move(entry.entry_hash);
  return made;
}

std::string state_of(const runtime::RequestRecord& record) {
  if (record.decision) return record.decision->approved ? "approved" : "rejected";
  const std::int64_t expires = record.request.expires_unix_nanos;
  return expires > 0 && expires <= system_clock().wall_nanos() ? "expired" : "pending";
}

DeskApproval approval_of(runtime::RequestRecord&& record, const runtime::RunRecord& run) {
  DeskApproval made;
  made.state = state_of(record);
  if (record.decision) made.decided_by = std::move(record.decision->by);
  PendingRequest& request = record.request;
  made.id = fmt::format("{}", record.id);
  made.trace_id = run.trace_id;
  made.workflow = run.workflow_name;
  made.version = run.workflow_version;
  made.cost_nano_usd = run.usage.cost_nano_usd;
  made.action_complete = runtime::digest_of(request.prompt) == request.content_digest;
  made.run_id = std::move(request.run_id);
  made.span_id = std::move(request.span_id);
  made.node_id = std::move(request.node_id);
  made.role = std::move(request.role);
  made.risk = std::move(request.risk);
  made.reason = std::move(request.reason);
  made.rule_id = std::move(request.rule_id);
  made.value = std::move(request.value);
  made.threshold = std::move(request.threshold);
  made.action = std::move(request.prompt);
  made.digest = std::move(request.content_digest);
  made.requested_unix_nanos = request.since_unix_nanos;
  made.expires_unix_nanos = request.expires_unix_nanos;
  return made;
}

tl::unexpected<Error> no_such_approval(std::string_view id) {
  return fail(ErrorCode::not_found, fmt::format("nothing waits, or waited, under the id \"{}\"", id));
}

Result<runtime::RequestRecord> find_request(runtime::RunStore& store, std::string_view id) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size()) return no_such_approval(id);
  auto record = store.request(number);
  if (!record && record.error().code == ErrorCode::not_found) return no_such_approval(id);
  return record;
}

}  // namespace

Result<std::shared_ptr<Records>> ServedRuns::records() {
  const std::lock_guard lock(mutex_);
  if (records_ == nullptr) {
    auto opened = open_records_to_write(data_dir_);
    if (!opened && opened.error().code == ErrorCode::not_found) return std::shared_ptr<Records>();
    if (!opened) return tl::unexpected(std::move(opened).error());
    records_ = std::make_shared<Records>(std::move(*opened));
  }
  return records_;
}

Result<DeskLedger> ServedRuns::ledger(std::string_view run_id, std::string_view root_head) {
  DeskLedger ledger;
  MESHFLOW_TRY(const auto records, this->records());
  if (records == nullptr) return ledger;
  MESHFLOW_TRY(auto entries, records->ledger->entries(run_id));
  if (entries.empty()) {
    // A run of another machine has its ledger there; one of ours must have entries.
    const auto known = records->store->find(run_id);
    if (!known && known.error().code == ErrorCode::not_found) return ledger;
    if (!known) return tl::unexpected(known.error());
  }
  std::map<std::string, std::string> heads;
  if (!root_head.empty()) heads.emplace(run_id, root_head);
  MESHFLOW_TRY(const runtime::LedgerReport report, records->ledger->verify(run_id, heads));
  ledger.state = report.holds() ? DeskLedger::State::ok : DeskLedger::State::broken;
  if (!report.holds()) ledger.first_bad = DeskLedger::Fault{report.seq, report.message};
  if (report.holds() && entries.empty()) {
    ledger.state = DeskLedger::State::broken;
    ledger.first_bad = DeskLedger::Fault{0, "the run has no entry, though it was begun here"};
  }
  if (!entries.empty()) ledger.head = entries.back().entry_hash;
  ledger.entries_total = entries.size();
  if (entries.size() > server::kLedgerEntriesMax) entries.resize(server::kLedgerEntriesMax);
  for (runtime::LedgerEntry& entry : entries) ledger.entries.push_back(entry_of(std::move(entry)));
  return ledger;
}

Result<std::vector<DeskApproval>> ServedRuns::waiting() {
  std::vector<DeskApproval> approvals;
  MESHFLOW_TRY(const auto records, this->records());
  if (records == nullptr) return approvals;
  MESHFLOW_TRY(auto waiting, records->store->waiting({}, static_cast<std::int64_t>(server::kApprovalsMax)));
  std::map<std::string, runtime::RunRecord, std::less<>> runs;
  for (runtime::RequestRecord& record : waiting) {
    auto run = runs.find(record.request.run_id);
    if (run == runs.end()) {
      MESHFLOW_TRY(auto found, records->store->find(record.request.run_id));
      run = runs.emplace(record.request.run_id, std::move(found)).first;
    }
    if (run->second.status != RunStatus::paused) continue;  // it ended without the answer
    approvals.push_back(approval_of(std::move(record), run->second));
  }
  return approvals;
}

Result<DeskApproval> ServedRuns::approval(std::string_view id) {
  MESHFLOW_TRY(const auto records, this->records());
  if (records == nullptr) return no_such_approval(id);
  MESHFLOW_TRY(auto record, find_request(*records->store, id));
  MESHFLOW_TRY(const auto run, records->store->find(record.request.run_id));
  return approval_of(std::move(record), run);
}

Result<server::DeskOutcome> ServedRuns::decide(const server::DeskDecision& decision) {
  MESHFLOW_TRY(const auto records, this->records());
  if (records == nullptr) return no_such_approval(decision.id);
  runtime::RunStore& store = *records->store;
  MESHFLOW_TRY(const auto request, find_request(store, decision.id));
  MESHFLOW_TRY(const auto run, store.find(request.request.run_id));
  // Asked before the decision: a process that waits for it may be done with the run right after.
  MESHFLOW_TRY(const auto carrier, store.carrier(run.run_id));
  const bool is_continued_here = !carrier && !is_made_in_code(run);
  if (is_continued_here && !may_continue_one()) {
    return fail(ErrorCode::unavailable,
                fmt::format("{} runs are being continued from here (limit continued_runs)", kContinuedRunsMax),
                "try again later; nothing was decided");
  }
  runtime::RunStore::DecisionRecord record{
      run.run_id, {}, {decision.approves, decision.by, decision.comment}, system_clock().wall_nanos()};
  record.request_id = request.id;
  record.digest = decision.digest;
  MESHFLOW_CHECK(store.decide(*records->ledger, record));

  server::DeskOutcome outcome;
  outcome.state = decision.approves ? "approved" : "rejected";
  outcome.run_status = "running";
  if (carrier) {
    outcome.continues_in = fmt::format("process {}", carrier->pid);
  } else if (!is_continued_here) {
    outcome.run_status = "paused";
    outcome.continues_in = "program";
  } else if (continue_run(run.run_id)) {
    outcome.continues_in = "server";
  } else {  // decided all the same: whoever can start a process continues it
    outcome.run_status = "paused";
    outcome.continues_in = fmt::format("meshflow resume {}", run.run_id);
  }
  return outcome;
}

// Waits for those that have ended, so that none stays a zombie.
bool ServedRuns::may_continue_one() {
  const std::lock_guard lock(mutex_);
  std::erase_if(continued_, [](pid_t child) { return ::waitpid(child, nullptr, WNOHANG) != 0; });
  return continued_.size() < kContinuedRunsMax;
}

Result<void> ServedRuns::continue_run(const std::string& run_id) {
  MESHFLOW_TRY(const pid_t child,
               start_own_process({"--data", data_dir_, "--quiet", "resume", run_id}, ChildLife::on_its_own));
  const std::lock_guard lock(mutex_);
  continued_.push_back(child);
  return {};
}

}  // namespace meshflow::cli
