// PromQL from outside: never a crash; an error has its place; what was parsed prints to a text that parses to the same,
// and evaluates.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "query/promql/evaluator.hpp"
#include "query/promql/parser.hpp"

namespace meshflow::query::promql {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// A few series of whatever name is asked for.
class AnySource final : public SeriesSource {
 public:
  std::int64_t lookback_ms(const Expr& /*selector*/) const override { return kLookbackMs; }
  Result<std::vector<Series>> select(const SeriesRequest& request) override {
    std::vector<Series> made;
    for (const char* le : {"0.1", "1", "+Inf"}) {
      Series series{{{"__name__", request.selector.name}, {"le", le}, {"job", "a"}}};
      for (int i = 0; i < 4; ++i) series.samples.push_back({request.to_ms - 1'000 * (3 - i), 1.5 * i});
      made.push_back(std::move(series));
    }
    return made;
  }
};

void check(std::string_view input) {
  const auto expr = parse(input);
  if (!expr) {
    require(expr.error().position.has_value() || expr.error().code == ErrorCode::limit_exceeded);
    return;
  }
  const std::string text = print(*expr);
  // Printing adds blanks, parentheses and escapes.
  if (text.size() > kExpressionBytesMax) return;
  const auto again = parse(text);
  // Parentheses of the printer's own may pass the limit of depth.
  if (!again && again.error().code == ErrorCode::limit_exceeded) return;
  require(again && print(*again) == text);
  if (text.find("NaN") == std::string::npos) require(*again == *expr);  // which is unequal to itself
  if (expr->type == ValueType::matrix || expr->type == ValueType::text) return;
  AnySource source;
  (void)evaluate(*expr, source, 1'700'000'000'000);
}

}  // namespace
}  // namespace meshflow::query::promql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::query::promql::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
