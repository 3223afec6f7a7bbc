// TraceQL from outside: never a crash, what is refused is refused at a place of the text, and what is read prints as a
// text that reads the same. Reads, checks and prints.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "query/traceql/check.hpp"
#include "query/traceql/limits.hpp"
#include "query/traceql/parser.hpp"
#include "query/traceql/printer.hpp"

namespace meshflow::query::traceql {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void look_at(const Problem& problem, std::string_view text) {
  require(!problem.message.empty());
  require((problem.code == ErrorCode::limit_exceeded) == !problem.limit.empty());
  require(problem.place.end() <= text.size());
  require(problem.line >= 1 && problem.column >= 1);
  require(!to_error(problem).text().empty());
  const std::string marked = marked_line(problem, text);
  require(marked.ends_with('\n') && marked.find('^') != std::string::npos);
}

void check_text(std::string_view text) {
  const auto query = parse_query(text);
  if (!query) return look_at(query.error(), text);
  const std::string printed = print(*query);
  // Escapes may make a text longer than a query may be.
  if (printed.size() <= kQueryBytesMax) {
    const auto again = parse_query(printed);
    require(again.has_value());
    require(*again == *query);
    require(print(*again) == printed);
  }
  const auto checked = check(*query, text);
  if (!checked) return look_at(checked.error(), text);
  require(checked->query() == *query);
}

}  // namespace
}  // namespace meshflow::query::traceql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::query::traceql::check_text(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
