// What somebody asks on the command line in TraceQL, or in what stands for it.
#pragma once

#include <optional>
#include <string>

#include "cli/session.hpp"
#include "meshflow/base/error.hpp"
#include "query/traceql/ast.hpp"
#include "store/snapshot.hpp"

namespace CLI {
class App;
}

namespace meshflow::cli {

// The flags of `traces search` and `traces metrics` that say what is asked, and when.
class TraceqlQuestion {
 public:
  // `since`: the age that counts where none is given; empty: everything.
  explicit TraceqlQuestion(std::string since) : since_(std::move(since)) {}

  // QUERY, --honeycomb, --since.
  void add_flags(CLI::App& app);

  // TraceQL as the engine reads it, from TraceQL, from tags as people type them, or from Honeycomb's JSON; checked.
  // What is wrong with TraceQL is shown beneath it, marked; the Error then says it.
  [[nodiscard]] Result<query::traceql::Query> read(const Session& session);
  // Of --since, else of the "lookback" that was typed among tags, else of the default. After read().
  [[nodiscard]] Result<store::TimeRange> range() const;

 private:
  std::string text_;
  std::string since_;
  bool is_since_given_ = false;
  bool is_honeycomb_ = false;
  std::string lookback_;
  const CLI::App* app_ = nullptr;
};

}  // namespace meshflow::cli
