// TraceQL's comparison of an attribute with a literal, on values in memory: as store/rest.hpp defines it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "otlp/model.hpp"
#include "store/rest.hpp"

namespace meshflow::query {

// A test made ready. A value; const methods may be called concurrently.
class TypedTest {
 public:
  using Literal = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
  // A regular expression that RE2 refuses fits nothing.
  TypedTest(store::RestTest test, Literal literal);
  ~TypedTest();
  TypedTest(TypedTest&&) noexcept;
  TypedTest& operator=(TypedTest&&) noexcept;

  [[nodiscard]] bool holds(const otlp::AnyValue& value) const;
  [[nodiscard]] bool holds(std::string_view text) const;

 private:
  struct Regex;
  store::RestTest test_;
  Literal literal_;
  std::unique_ptr<const Regex> regex_;
};

}  // namespace meshflow::query
