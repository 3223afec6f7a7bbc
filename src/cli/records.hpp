// The data directory's ledger and runs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cli/session.hpp"
#include "meshflow/base/error.hpp"
#include "runtime/database.hpp"
#include "runtime/ledger.hpp"
#include "runtime/run_store.hpp"

namespace meshflow::cli {

struct Records {
  std::string data_dir;
  std::shared_ptr<runtime::Database> database;  // as the other two share it
  std::unique_ptr<runtime::Ledger> ledger;
  std::unique_ptr<runtime::RunStore> store;
};

// To be read only: nothing is made where there is nothing (not_found).
[[nodiscard]] Result<Records> open_records(const Session& session);
[[nodiscard]] Result<Records> open_records_to_write(const Session& session);
[[nodiscard]] Result<Records> open_records_to_write(std::string data_dir);

// The run that `name` means: a run id or an unambiguous beginning of one, with or without "run_", or "last".
[[nodiscard]] Result<runtime::RunRecord> find_run(runtime::RunStore& store, std::string_view name);

// The status of a run as people should read it: one whose process died while it ran says so.
[[nodiscard]] Result<std::string> status_text(runtime::RunStore& store, const runtime::RunRecord& run);

// Why a run cannot be continued by its workflow's file: it was made in code.
[[nodiscard]] bool is_made_in_code(const runtime::RunRecord& run);

}  // namespace meshflow::cli
