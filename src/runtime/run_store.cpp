#include "runtime/run_store.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/files.hpp"
#include "base/try.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::string_view kRunColumns =
    "run_id, trace_id, workflow_name, workflow_version, source_path, variant, task, status, started_unix_nanos, "
    "ended_unix_nanos, input_tokens, output_tokens, cached_tokens, cache_written_tokens, cost_nano_usd, "
    "carbon_nanograms, "
    "carbon_low_nanograms, carbon_high_nanograms, model_calls, blocked, ledger_head";
constexpr std::string_view kRequestColumns =
    "id, run_id, node_id, reason, prompt, content_digest, since_unix_nanos, expires_unix_nanos, approved, decided_by, "
    "decided_note, decided_unix_nanos, span_id, role, risk, rule_id, threshold, value";

tl::unexpected<Error> no_such_run(std::string_view run_id) {
  return fail(ErrorCode::not_found, fmt::format("there is no run {}", run_id));
}

RunRecord run_row(const Statement& row) {
  RunRecord run{.run_id = row.text(0)};
  run.trace_id = row.text(1);
  run.workflow_name = row.text(2);
  run.workflow_version = row.text(3);
  run.source_path = row.text(4);
  run.variant = row.text(5);
  run.task = row.text(6);
  run.status = run_status_from(row.text_view(7)).value_or(RunStatus::failed);
  run.started_unix_nanos = row.integer(8);
  run.ended_unix_nanos = row.integer(9);
  run.usage.tokens = Tokens{
      .input = row.integer(10), .output = row.integer(11), .cached = row.integer(12), .cache_written = row.integer(13)};
  run.usage.cost_nano_usd = row.integer(14);
  run.usage.carbon = Carbon{row.integer(15), row.integer(16), row.integer(17)};
  run.usage.model_calls = row.integer(18);
  run.blocked = row.integer(19);
  run.ledger_head = row.text(20);
  return run;
}

RequestRecord request_row(const Statement& row) {
  RequestRecord record;
  record.id = row.integer(0);
  record.request.run_id = row.text(1);
  record.request.node_id = row.text(2);
  record.request.reason = row.text(3);
  record.request.prompt = row.text(4);
  record.request.content_digest = row.text(5);
  record.request.since_unix_nanos = row.integer(6);
  record.request.expires_unix_nanos = row.integer(7);
  if (!row.is_null(8)) {
    record.decision = Decision{
        .approved = row.integer(8) != 0, .by = row.text(9), .note = row.text(10), .unix_nanos = row.integer(11)};
  }
  record.request.span_id = row.text(12);
  record.request.role = row.text(13);
  record.request.risk = row.text(14);
  record.request.rule_id = row.text(15);
  record.request.threshold = row.text(16);
  record.request.value = row.text(17);
  return record;
}

// All rows of `statement`, which is reset afterwards.
template <typename T, typename Read>
Result<std::vector<T>> rows_of(Statement& statement, Read read) {
  std::vector<T> rows;
  while (true) {
    MESHFLOW_TRY(const bool has_row, statement.step());
    if (!has_row) break;
    rows.push_back(read(statement));
  }
  statement.reset();
  return rows;
}

// Field 22 of /proc/PID/stat, counted after the command's name, which may hold anything but ends with the last ')'.
std::int64_t started_ticks_of(std::int64_t pid) {
  constexpr int kFieldsAfterName = 20;
  const auto stat = system_files().read_all(fmt::format("/proc/{}/stat", pid), 4096);
  if (!stat) return 0;
  std::string_view rest = *stat;
  const auto name_end = rest.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  rest.remove_prefix(name_end + 1);
  for (int field = 0; field < kFieldsAfterName; ++field) {
    const auto space = rest.find(' ');
    if (space == std::string_view::npos) return 0;
    rest.remove_prefix(space + 1);
  }
  std::int64_t ticks = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), ticks);
  return ticks;
}

}  // namespace

ProcessId this_process() { return ProcessId{::getpid(), started_ticks_of(::getpid())}; }

bool is_alive(const ProcessId& process) {
  if (process.pid <= 0) return false;
  if (::kill(static_cast<pid_t>(process.pid), 0) != 0 && errno == ESRCH) return false;
  const std::int64_t ticks = started_ticks_of(process.pid);
  return ticks == 0 || ticks == process.started_ticks;
}

Result<std::unique_ptr<RunStore>> RunStore::open(std::shared_ptr<Database> database, IsAlive is_alive) {
  std::unique_ptr<RunStore> store(new RunStore(std::move(database), std::move(is_alive)));
  MESHFLOW_CHECK(store->prepare());
  return store;
}

Result<void> RunStore::prepare() {
  const auto lock = database_->lock();
  const auto sql = [this](const std::string& text) { return database_->prepare(text); };
  MESHFLOW_TRY(
      save_,
      sql(fmt::format("INSERT INTO runs ({}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (run_id) "
                      "DO UPDATE SET ({}) = (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      kRunColumns, kRunColumns)));
  MESHFLOW_TRY(find_, sql(fmt::format("SELECT {} FROM runs WHERE run_id = ?", kRunColumns)));
  MESHFLOW_TRY(list_,
               sql(fmt::format("SELECT {} FROM runs ORDER BY started_unix_nanos DESC, run_id LIMIT ?", kRunColumns)));
  MESHFLOW_TRY(save_checkpoint_, sql("INSERT INTO checkpoints (run_id, state) VALUES (?1, ?2) "
                                     "ON CONFLICT (run_id) DO UPDATE SET state = ?2"));
  MESHFLOW_TRY(checkpoint_, sql("SELECT state FROM checkpoints WHERE run_id = ?"));
  MESHFLOW_TRY(remove_checkpoint_, sql("DELETE FROM checkpoints WHERE run_id = ?"));
  MESHFLOW_TRY(add_request_,
               sql("INSERT INTO requests (run_id, node_id, reason, prompt, content_digest, since_unix_nanos, "
                   "expires_unix_nanos, span_id, role, risk, rule_id, threshold, value) "
                   "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"));
  MESHFLOW_TRY(pending_,
               sql(fmt::format(
                   "SELECT {} FROM requests WHERE approved IS NULL AND (?1 = '' OR run_id = ?1) ORDER BY id LIMIT ?2",
                   kRequestColumns)));
  MESHFLOW_TRY(request_, sql(fmt::format("SELECT {} FROM requests WHERE id = ?", kRequestColumns)));
  MESHFLOW_TRY(requests_, sql(fmt::format("SELECT {} FROM requests WHERE run_id = ? ORDER BY id", kRequestColumns)));
  MESHFLOW_TRY(
      decide_,
      sql("UPDATE requests SET approved = ?, decided_by = ?, decided_note = ?, decided_unix_nanos = ? WHERE id = ?"));
  MESHFLOW_TRY(claimant_, sql("SELECT claim_pid, claim_started_ticks FROM runs WHERE run_id = ?"));
  MESHFLOW_TRY(set_claim_, sql("UPDATE runs SET claim_pid = ?, claim_started_ticks = ? WHERE run_id = ?"));
  return {};
}

Result<void> RunStore::save(const RunRecord& run) {
  const auto lock = database_->lock();
  constexpr int kColumns = 21;
  const std::string_view status = name_of(run.status);
  for (const int base : {0, kColumns}) {  // the values to insert, and the same to update
    int at = base;
    for (const std::string_view text :
         {std::string_view(run.run_id), std::string_view(run.trace_id), std::string_view(run.workflow_name),
          std::string_view(run.workflow_version), std::string_view(run.source_path), std::string_view(run.variant),
          std::string_view(run.task), status}) {
      save_.bind(++at, text);
    }
    for (const std::int64_t number :
         {run.started_unix_nanos, run.ended_unix_nanos, run.usage.tokens.input, run.usage.tokens.output,
          run.usage.tokens.cached, run.usage.tokens.cache_written, run.usage.cost_nano_usd, run.usage.carbon.nanograms,
          run.usage.carbon.low_nanograms, run.usage.carbon.high_nanograms, run.usage.model_calls, run.blocked}) {
      save_.bind(++at, number);
    }
    save_.bind(++at, run.ledger_head);
  }
  return save_.run();
}

Result<RunRecord> RunStore::find(std::string_view run_id) {
  const auto lock = database_->lock();
  find_.bind(1, run_id);
  MESHFLOW_TRY(auto rows, rows_of<RunRecord>(find_, run_row));
  if (rows.empty()) return no_such_run(run_id);
  return std::move(rows.front());
}

Result<std::vector<RunRecord>> RunStore::list(std::int64_t limit) {
  const auto lock = database_->lock();
  list_.bind(1, std::clamp<std::int64_t>(limit, 0, kRunsListedMax));
  return rows_of<RunRecord>(list_, run_row);
}

Result<void> RunStore::save_checkpoint(std::string_view run_id, std::string_view state) {
  if (state.size() > kCheckpointBytesMax) {
    return fail(ErrorCode::limit_exceeded, fmt::format("the checkpoint of {} has {} bytes; the limit is {}", run_id,
                                                       state.size(), kCheckpointBytesMax));
  }
  const auto lock = database_->lock();
  return save_checkpoint_.bind(1, run_id).bind(2, state).run();
}

Result<std::string> RunStore::checkpoint(std::string_view run_id) {
  const auto lock = database_->lock();
  checkpoint_.bind(1, run_id);
  MESHFLOW_TRY(auto rows, rows_of<std::string>(checkpoint_, [](const Statement& row) { return row.text(0); }));
  if (rows.empty()) return fail(ErrorCode::not_found, fmt::format("{} has no checkpoint", run_id));
  return std::move(rows.front());
}

Result<void> RunStore::remove_checkpoint(std::string_view run_id) {
  const auto lock = database_->lock();
  return remove_checkpoint_.bind(1, run_id).run();
}

Result<void> RunStore::add_request(const PendingRequest& request) {
  add_request_.bind(1, request.run_id).bind(2, request.node_id).bind(3, request.reason).bind(4, request.prompt);
  add_request_.bind(5, request.content_digest).bind(6, request.since_unix_nanos).bind(7, request.expires_unix_nanos);
  add_request_.bind(8, request.span_id).bind(9, request.role).bind(10, request.risk).bind(11, request.rule_id);
  add_request_.bind(12, request.threshold).bind(13, request.value);
  return add_request_.run();
}

Result<std::vector<PendingRequest>> RunStore::pending(std::string_view run_id) {
  MESHFLOW_TRY(auto records, waiting(run_id));
  std::vector<PendingRequest> requests;
  requests.reserve(records.size());
  for (RequestRecord& record : records) requests.push_back(std::move(record.request));
  return requests;
}

Result<std::vector<RequestRecord>> RunStore::waiting(std::string_view run_id, std::int64_t limit) {
  const auto lock = database_->lock();
  pending_.bind(1, run_id).bind(2, limit);
  return rows_of<RequestRecord>(pending_, request_row);
}

Result<RequestRecord> RunStore::request(std::int64_t id) {
  const auto lock = database_->lock();
  request_.bind(1, id);
  MESHFLOW_TRY(auto rows, rows_of<RequestRecord>(request_, request_row));
  if (rows.empty()) return fail(ErrorCode::not_found, fmt::format("there is no request {}", id));
  return std::move(rows.front());
}

Result<std::vector<RequestRecord>> RunStore::requests(std::string_view run_id) {
  const auto lock = database_->lock();
  requests_.bind(1, run_id);
  return rows_of<RequestRecord>(requests_, request_row);
}

Result<std::optional<RequestRecord>> RunStore::request_of(std::string_view run_id, std::string_view node_id) {
  MESHFLOW_TRY(auto all, requests(run_id));
  for (auto request = all.rbegin(); request != all.rend(); ++request) {
    if (request->request.node_id == node_id) return std::optional(std::move(*request));
  }
  return std::optional<RequestRecord>{};
}

Result<LedgerEntry> RunStore::pause(Ledger& ledger, const Pause& pause) {
  MESHFLOW_TRY(auto transaction, ledger.begin());
  MESHFLOW_TRY(auto entry, ledger.append(pause.entry));
  RunRecord run = pause.run;
  run.status = RunStatus::paused;
  run.ledger_head = entry.entry_hash;
  MESHFLOW_CHECK(save(run));
  MESHFLOW_CHECK(save_checkpoint(run.run_id, pause.checkpoint));
  for (const PendingRequest& request : pause.requests) MESHFLOW_CHECK(add_request(request));
  MESHFLOW_CHECK(transaction.commit());
  return entry;
}

namespace {

tl::unexpected<Error> not_decidable(std::string_view run_id, std::string message, std::string hint = {}) {
  return fail(ErrorCode::conflict, fmt::format("{} {}", run_id, message), std::move(hint));
}

LedgerDraft decision_entry(const RunRecord& run, const RequestRecord& open, const RunStore::DecisionRecord& record) {
  LedgerDraft entry;
  entry.run_id = run.run_id;
  entry.trace_id = run.trace_id;
  entry.node_id = open.request.node_id;
  entry.kind = "decision";
  entry.verdict = record.decision.approved ? "approved" : record.is_expiry ? "expired" : "rejected";
  entry.reason =
      record.is_expiry ? "nobody decided in time" : fmt::format("{} by {}", entry.verdict, record.decision.by);
  if (!record.decision.note.empty()) entry.reason += fmt::format(": {}", record.decision.note);
  entry.span_id = open.request.span_id;
  entry.input_digest = open.request.content_digest;
  return entry;
}

}  // namespace

Result<LedgerEntry> RunStore::decide(Ledger& ledger, const DecisionRecord& record) {
  MESHFLOW_TRY(auto transaction, ledger.begin());
  MESHFLOW_TRY(auto run, find(record.run_id));
  MESHFLOW_TRY(const auto all, requests(record.run_id));
  const RequestRecord* open = nullptr;
  const RequestRecord* asked = nullptr;  // the last one that is meant
  for (const RequestRecord& request : all) {
    const bool meant = (record.node_id.empty() || request.request.node_id == record.node_id) &&
                       (record.request_id == 0 || request.id == record.request_id);
    if (meant) asked = &request;
    if (meant && !request.decision && open == nullptr) open = &request;
  }
  if (open == nullptr) {
    if (asked == nullptr)
      return not_decidable(record.run_id, "waits for nobody", fmt::format("its status is {}", name_of(run.status)));
    const auto& last = asked->decision;
    return not_decidable(record.run_id,
                         fmt::format("was decided already: {} by {}", last && last->approved ? "approved" : "rejected",
                                     last ? last->by : ""));
  }
  const bool expired =
      open->request.expires_unix_nanos > 0 && record.now_unix_nanos >= open->request.expires_unix_nanos;
  if (expired && !record.is_expiry)
    return not_decidable(record.run_id, "has waited too long: the time for a decision is over");
  if (!record.digest.empty() && record.digest != open->request.content_digest)
    return not_decidable(record.run_id, "waits for a decision on something else by now", "look at it again");
  if (!expired && record.is_expiry) return not_decidable(record.run_id, "may still be decided");
  if (record.is_expiry && record.decision.approved)
    return fail(ErrorCode::internal, "an expired request cannot be approved");

  decide_.bind(1, std::int64_t{record.decision.approved ? 1 : 0})
      .bind(2, record.decision.by)
      .bind(3, record.decision.note);
  MESHFLOW_CHECK(decide_.bind(4, record.now_unix_nanos).bind(5, open->id).run());
  MESHFLOW_TRY(auto entry, ledger.append(decision_entry(run, *open, record)));
  run.ledger_head = entry.entry_hash;
  MESHFLOW_CHECK(save(run));
  MESHFLOW_CHECK(transaction.commit());
  return entry;
}

Result<ProcessId> RunStore::claimant(std::string_view run_id) {
  claimant_.bind(1, run_id);
  MESHFLOW_TRY(auto rows, rows_of<ProcessId>(claimant_, [](const Statement& row) {
                 return ProcessId{row.integer(0), row.integer(1)};
               }));
  if (rows.empty()) return no_such_run(run_id);
  return rows.front();
}

Result<void> RunStore::claim(std::string_view run_id, const ProcessId& self) {
  MESHFLOW_TRY(auto transaction, database_->begin());
  MESHFLOW_TRY(const auto holder, claimant(run_id));
  if (holder.pid != 0 && holder != self && is_alive_(holder)) {
    return fail(ErrorCode::conflict, fmt::format("{} is carried by the process {}", run_id, holder.pid),
                "only one process may continue a run");
  }
  MESHFLOW_CHECK(set_claim_.bind(1, self.pid).bind(2, self.started_ticks).bind(3, run_id).run());
  return transaction.commit();
}

Result<void> RunStore::unclaim(std::string_view run_id, const ProcessId& self) {
  MESHFLOW_TRY(auto transaction, database_->begin());
  MESHFLOW_TRY(const auto holder, claimant(run_id));
  if (holder == self)
    MESHFLOW_CHECK(set_claim_.bind(1, std::int64_t{0}).bind(2, std::int64_t{0}).bind(3, run_id).run());
  return transaction.commit();
}

Result<std::optional<ProcessId>> RunStore::carrier(std::string_view run_id) {
  const auto lock = database_->lock();
  MESHFLOW_TRY(const auto holder, claimant(run_id));
  if (holder.pid == 0 || !is_alive_(holder)) return std::optional<ProcessId>{};
  return std::optional(holder);
}

}  // namespace meshflow::runtime
