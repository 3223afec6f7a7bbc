#include "cli/records.hpp"

#include <fmt/format.h>

#include "base/try.hpp"
#include "meshflow/runtime/workflow.hpp"

namespace meshflow::cli {
namespace {

constexpr std::string_view kRunPrefix = "run_";

Result<Records> open(std::string data_dir, runtime::DatabaseOptions options) {
  Records records;
  records.data_dir = std::move(data_dir);
  MESHFLOW_TRY(records.database, runtime::Database::open(records.data_dir + "/meshflow.db", options));
  MESHFLOW_TRY(records.ledger, runtime::Ledger::open(records.database));
  MESHFLOW_TRY(records.store, runtime::RunStore::open(records.database));
  return records;
}

}  // namespace

Result<Records> open_records(const Session& session) {
  MESHFLOW_TRY(std::string folder, session.data_dir());
  return open(std::move(folder), {.read_only = true});
}

Result<Records> open_records_to_write(const Session& session) {
  MESHFLOW_TRY(std::string folder, session.data_dir());
  return open_records_to_write(std::move(folder));
}

Result<Records> open_records_to_write(std::string data_dir) {
  // A decision on a run that is not there makes no data directory.
  MESHFLOW_CHECK(runtime::Database::open(data_dir + "/meshflow.db", {.read_only = true}));
  return open(std::move(data_dir), {});
}

Result<runtime::RunRecord> find_run(runtime::RunStore& store, std::string_view name) {
  MESHFLOW_TRY(auto runs, store.list(name == "last" ? 1 : runtime::kRunsListedMax));
  if (name == "last") {
    if (runs.empty()) return fail(ErrorCode::not_found, "there are no runs");
    return std::move(runs.front());
  }
  const std::string start =
      name.starts_with(kRunPrefix) ? std::string(name) : std::string(kRunPrefix) + std::string(name);
  runtime::RunRecord* found = nullptr;
  for (auto& run : runs) {
    if (!run.run_id.starts_with(start)) continue;
    if (run.run_id == start) return std::move(run);
    if (found != nullptr) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} is the beginning of several runs: {}, {}, …", name, found->run_id, run.run_id),
                  "give more of the id");
    }
    found = &run;
  }
  if (found == nullptr)
    return fail(ErrorCode::not_found, fmt::format("there is no run {}", name), "meshflow runs lists them");
  return std::move(*found);
}

Result<std::string> status_text(runtime::RunStore& store, const runtime::RunRecord& run) {
  if (run.status == RunStatus::running) {
    MESHFLOW_TRY(const auto carrier, store.carrier(run.run_id));
    if (!carrier) return std::string("interrupted");
  }
  return std::string(name_of(run.status));
}

bool is_made_in_code(const runtime::RunRecord& run) {
  return run.source_path.empty() && run.workflow_name != Workflow::default_team(0).name();
}

}  // namespace meshflow::cli
