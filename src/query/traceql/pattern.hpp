// A regular expression of a query, compiled.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "meshflow/base/error.hpp"

namespace re2 {
class RE2;
}

namespace meshflow::query::traceql {

// RE2, fully anchored: it matches the whole of a text or nothing. A value; copies share what was compiled. const means
// safe from several threads.
class Pattern {
 public:
  // invalid_input says what RE2 says; limit_exceeded past kPatternBytesMax and kPatternMemoryBytesMax.
  [[nodiscard]] static Result<Pattern> compile(std::string_view text);

  // Linear in the text's length.
  [[nodiscard]] bool matches(std::string_view text) const;
  [[nodiscard]] const std::string& text() const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;  // shared: compiling is what costs
};

}  // namespace meshflow::query::traceql
