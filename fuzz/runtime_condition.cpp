// Conditions from outside: never a crash, and what was parsed prints to a text that parses to the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/condition.hpp"

namespace meshflow::runtime {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

class JsonScope final : public ConditionScope {
 public:
  std::optional<std::string_view> output() const override { return "REVISE"; }
  std::optional<std::string_view> output_of(std::string_view) const override {
    return R"({"a": [1, {"b": "x"}], "c": true})";
  }
  std::string_view task() const override { return "task"; }
  std::optional<double> uncertainty() const override { return 0.5; }
  double cost_usd() const override { return 0.01; }
  double tokens() const override { return 100; }
  std::string_view verdict() const override { return "allowed"; }
  std::string_view status() const override { return "ok"; }
  double iteration() const override { return 1; }
};

void check(std::string_view input) {
  const auto condition = parse_condition(input, {"fuzz", 1, 1});
  if (!condition) {
    require(condition.error().position.has_value());
    return;
  }
  const auto text = condition->text();
  // Printing adds blanks and longer escapes, at most a few bytes for each one written.
  if (text.size() > kConditionBytesMax) return;
  const auto again = parse_condition(text);
  require(again && *again == *condition && again->text() == text);
  require(condition->evaluate(JsonScope()) == again->evaluate(JsonScope()));
}

}  // namespace
}  // namespace meshflow::runtime

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::runtime::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
