// Questions about what stands in a span's `rest`: the part of it that has no column (columns.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "meshflow/base/error.hpp"
#include "otlp/model.hpp"

namespace meshflow::store {

// `rest` as a span that has nothing but that. Fails where the bytes are damaged. Pure.
[[nodiscard]] Result<otlp::Span> read_rest(std::string_view rest);

enum class RestPart : char {
  attribute = 'a',        // of the span
  event_attribute = 'e',  // of any of its events
  link_attribute = 'l',
  event_name = 'n',
  link_trace_id = 'T',  // hex
  link_span_id = 'S',
};
enum class RestTest : char {
  exists = '?',
  equal = '=',
  not_equal = '!',
  less = '<',
  less_equal = 'l',
  greater = '>',
  greater_equal = 'g',
  matches = '~',  // the whole text, by RE2
  not_matches = '^',
};

// Of two values of one type; false for the tests that compare none.
template <typename T>
[[nodiscard]] bool ordered(const T& left, RestTest test, const T& right) {
  switch (test) {
    case RestTest::equal: return left == right;
    case RestTest::not_equal: return left != right;
    case RestTest::less: return left < right;
    case RestTest::less_equal: return left <= right;
    case RestTest::greater: return left > right;
    case RestTest::greater_equal: return left >= right;
    default: return false;
  }
}

// Text compares with text, numbers with numbers, truth values for equality; any other pair is false. Of an array's
// elements one that fits is enough; not_equal and not_matches ask it of all of them. Of several events or links one is
// enough, whatever the test. Without a value (OTLP's empty one is none) every test is false.
struct RestPredicate {
  RestPart part = RestPart::attribute;
  RestTest test = RestTest::exists;
  std::string key;  // of attributes
  std::variant<std::monostate, bool, std::int64_t, double, std::string> literal;
};

// The second argument of rest_holds (functions.hpp).
[[nodiscard]] std::string encode(const RestPredicate& predicate);

// A predicate made ready. A value; const methods may be called concurrently.
class RestMatcher {
 public:
  // Errors: invalid_input for a text that encode() did not make, and for a bad regular expression.
  [[nodiscard]] static Result<RestMatcher> parse(std::string_view encoded);
  ~RestMatcher();
  RestMatcher(RestMatcher&&) noexcept;
  RestMatcher& operator=(RestMatcher&&) noexcept;
  // Damaged bytes throw what protozero throws.
  [[nodiscard]] bool holds(std::string_view rest) const;

  class Implementation;

 private:
  explicit RestMatcher(std::unique_ptr<const Implementation> implementation);
  std::unique_ptr<const Implementation> implementation_;
};

// A bit for each of attribute_columns() whose key is in `rest`: a value of another type than the column's. And a bit
// for attributes of events or links.
inline constexpr std::uint64_t kEventOrLinkAttributes = std::uint64_t{1} << 63;
[[nodiscard]] std::uint64_t columns_in_rest(std::string_view rest);

}  // namespace meshflow::store
