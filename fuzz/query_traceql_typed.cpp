// What is typed around TraceQL: half a query with a cursor in it, tags, Honeycomb's JSON. Never a crash; what is
// proposed replaces bytes of the text, and what is translated is TraceQL that can be printed, read and checked.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "query/traceql/check.hpp"
#include "query/traceql/complete.hpp"
#include "query/traceql/from_tags.hpp"
#include "query/traceql/honeycomb.hpp"
#include "query/traceql/limits.hpp"
#include "query/traceql/parser.hpp"
#include "query/traceql/printer.hpp"

namespace meshflow::query::traceql {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void complete_at(std::string_view text, std::size_t cursor) {
  const Completions completions = complete(text, cursor);
  require(completions.from <= cursor && completions.from <= completions.to);
  require(completions.to <= text.size() || completions.items.empty());
  require(completions.items.size() <= kCompletionsMax);
  for (const Completion& each : completions.items) require(!each.label.empty() && !name_of(each.kind).empty());
}

void check_translated(const Query& query) {
  const std::string printed = print(query);
  if (printed.size() > kQueryBytesMax) return;
  const auto again = parse_query(printed);
  require(again ? *again == query : again.error().code == ErrorCode::limit_exceeded);
}

void check_text(std::string_view text) {
  for (std::size_t cursor = 0; cursor <= text.size() && cursor < 64; ++cursor) complete_at(text, cursor);
  complete_at(text, text.size());
  if (!parse_query(text)) {
    // What is no TraceQL is taken for tags at most, whose filter is well typed whatever they are.
    if (const auto lenient = read_lenient(text)) {
      check_translated(lenient->query);
      require(check(lenient->query).has_value());
    }
  }
  if (const auto query = query_of_honeycomb(text)) check_translated(*query);
}

}  // namespace
}  // namespace meshflow::query::traceql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::query::traceql::check_text(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
