// The engine over a real store, answering as tests compare answers.
#pragma once

#include <memory>
#include <string>

#include "otlp/model.hpp"
#include "query/traceql_answer.hpp"
#include "query/traceql_oracle.hpp"

namespace meshflow::query::traceql::test {

// Where the spans are when they are asked for.
enum class Where { in_memory, in_duckdb, in_both };

// A store in a folder of its own, which goes with it. Throws std::runtime_error where that fails.
class EngineStore {
 public:
  // in_both: about half the spans of each trace are in DuckDB, the others arrived later.
  EngineStore(const otlp::TracesData& data, Where where);
  ~EngineStore();
  EngineStore(const EngineStore&) = delete;
  EngineStore& operator=(const EngineStore&) = delete;

  [[nodiscard]] Answer ask(const std::string& query, const MetricsRange& range);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace meshflow::query::traceql::test
