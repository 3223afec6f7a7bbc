// The tables of a data directory's runs.db. A change of meaning or columns raises kSchemaVersion and adds a migration.
#pragma once

#include <array>

#include "runtime/database.hpp"

namespace meshflow::runtime {

// STRICT: a column holds its type and nothing else, so that what is hashed is what is stored.
inline constexpr const char* kSchema = R"sql(
CREATE TABLE ledger (
  seq INTEGER PRIMARY KEY,
  time_unix_nanos INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  trace_id TEXT NOT NULL,
  span_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  carbon_nanograms INTEGER NOT NULL,
  input_digest TEXT NOT NULL,
  output_digest TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  entry_hash TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_by_run ON ledger (run_id, seq);

CREATE TABLE runs (
  run_id TEXT PRIMARY KEY,
  trace_id TEXT NOT NULL,
  workflow_name TEXT NOT NULL,
  workflow_version TEXT NOT NULL,
  source_path TEXT NOT NULL,
  variant TEXT NOT NULL,
  task TEXT NOT NULL,
  status TEXT NOT NULL,
  started_unix_nanos INTEGER NOT NULL,
  ended_unix_nanos INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  cache_written_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  carbon_nanograms INTEGER NOT NULL,
  carbon_low_nanograms INTEGER NOT NULL,
  carbon_high_nanograms INTEGER NOT NULL,
  model_calls INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  ledger_head TEXT NOT NULL,
  claim_pid INTEGER NOT NULL DEFAULT 0,
  claim_started_ticks INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_by_start ON runs (started_unix_nanos);

CREATE TABLE checkpoints (
  run_id TEXT PRIMARY KEY REFERENCES runs (run_id),
  state TEXT NOT NULL
) STRICT;

CREATE TABLE requests (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs (run_id),
  node_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  prompt TEXT NOT NULL,
  content_digest TEXT NOT NULL,
  since_unix_nanos INTEGER NOT NULL,
  expires_unix_nanos INTEGER NOT NULL,
  approved INTEGER,
  decided_by TEXT NOT NULL DEFAULT '',
  decided_note TEXT NOT NULL DEFAULT '',
  decided_unix_nanos INTEGER NOT NULL DEFAULT 0,
  span_id TEXT NOT NULL DEFAULT '',
  role TEXT NOT NULL DEFAULT '',
  risk TEXT NOT NULL DEFAULT '',
  rule_id TEXT NOT NULL DEFAULT '',
  threshold TEXT NOT NULL DEFAULT '',
  value TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX requests_by_run ON requests (run_id, id);

PRAGMA user_version = 2;
)sql";

// From each version to the next: kMigrations[0] makes version 2 of version 1.
inline constexpr std::array kMigrations{
    // How a request came to be asked.
    R"sql(
ALTER TABLE requests ADD COLUMN span_id TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN role TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN risk TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN rule_id TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN threshold TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN value TEXT NOT NULL DEFAULT '';
PRAGMA user_version = 2;
)sql",
};
static_assert(kMigrations.size() == kSchemaVersion - 1);

}  // namespace meshflow::runtime
