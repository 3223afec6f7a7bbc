#include "query/typed_test.hpp"

#include <re2/re2.h>

namespace meshflow::query {
namespace {

using store::RestTest;

RE2::Options options() {
  RE2::Options made;
  made.set_log_errors(false);
  made.set_dot_nl(true);
  return made;
}

}  // namespace

struct TypedTest::Regex {
  explicit Regex(const std::string& pattern) : compiled(pattern, options()) {}
  RE2 compiled;
};

TypedTest::TypedTest(RestTest test, Literal literal) : test_(test), literal_(std::move(literal)) {
  const auto* const pattern = std::get_if<std::string>(&literal_);
  if (pattern != nullptr && (test == RestTest::matches || test == RestTest::not_matches)) {
    regex_ = std::make_unique<const Regex>(*pattern);
  }
}
TypedTest::~TypedTest() = default;
TypedTest::TypedTest(TypedTest&&) noexcept = default;
TypedTest& TypedTest::operator=(TypedTest&&) noexcept = default;

bool TypedTest::holds(std::string_view text) const {
  if (test_ == RestTest::exists) return true;
  const auto* const literal = std::get_if<std::string>(&literal_);
  if (literal == nullptr) return false;
  if (regex_ != nullptr) {
    return regex_->compiled.ok() && RE2::FullMatch(text, regex_->compiled) == (test_ == RestTest::matches);
  }
  return ordered(text, test_, std::string_view(*literal));
}

bool TypedTest::holds(const otlp::AnyValue& value) const {
  if (std::holds_alternative<std::monostate>(value.value)) return false;
  if (test_ == RestTest::exists) return true;
  if (const auto* const array = std::get_if<otlp::ArrayValue>(&value.value)) {
    const bool of_all = test_ == RestTest::not_equal || test_ == RestTest::not_matches;
    for (const otlp::AnyValue& each : *array) {
      if (holds(each) != of_all) return !of_all;
    }
    return of_all;
  }
  if (const auto* const text = std::get_if<std::string>(&value.value)) return holds(std::string_view(*text));
  if (const bool* const flag = std::get_if<bool>(&value.value)) {
    const bool* const literal = std::get_if<bool>(&literal_);
    const bool is_equality = test_ == RestTest::equal || test_ == RestTest::not_equal;
    return literal != nullptr && is_equality && ordered(*flag, test_, *literal);
  }
  const auto* const integer = std::get_if<std::int64_t>(&value.value);
  const auto* const real = std::get_if<double>(&value.value);
  if (integer == nullptr && real == nullptr) return false;
  const auto* const literal_integer = std::get_if<std::int64_t>(&literal_);
  const auto* const literal_real = std::get_if<double>(&literal_);
  if (literal_integer == nullptr && literal_real == nullptr) return false;
  if (integer != nullptr && literal_integer != nullptr) return ordered(*integer, test_, *literal_integer);
  return ordered(integer != nullptr ? static_cast<double>(*integer) : *real, test_,
                 literal_integer != nullptr ? static_cast<double>(*literal_integer) : *literal_real);
}

}  // namespace meshflow::query
