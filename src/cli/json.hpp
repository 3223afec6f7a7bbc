// Results as JSON. Money and carbon stand twice: as exact integers (nano-dollars, nanograms) and as decimals.
#pragma once

#include <boost/json/object.hpp>

#include "meshflow/runtime/run.hpp"
#include "runtime/ledger.hpp"
#include "runtime/run_store.hpp"

namespace meshflow::cli {

[[nodiscard]] boost::json::object json_of(const Usage& usage);
[[nodiscard]] boost::json::object json_of(const PendingRequest& request);
[[nodiscard]] boost::json::object json_of(const RunResult& result);
[[nodiscard]] boost::json::object json_of(const runtime::RunRecord& run);
[[nodiscard]] boost::json::object json_of(const runtime::LedgerEntry& entry);
[[nodiscard]] boost::json::object json_of(const runtime::LedgerReport& report);

}  // namespace meshflow::cli
