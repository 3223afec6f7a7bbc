// YAML as a small tree that knows where each value was written. The only place that sees yaml-cpp.
//
// Bounded, and strict where YAML is treacherous: one document; keys are texts and none comes twice; aliases are copied,
// and what they copy counts towards the limits.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::runtime::yaml {

inline constexpr std::size_t kYamlBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kYamlDepthMax = 64;
inline constexpr std::size_t kYamlValuesMax = 100'000;  // aliases expanded

struct Value;
struct Entry;

struct Value {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  std::string scalar = {};  // as text
  bool is_quoted = false;  // "12" is text, 12 is a number
  SourcePosition position = {};
  // Where the scalar's first character was written. Columns within it can be counted from there only if
  // `is_verbatim`: no escapes, no folded lines.
  SourcePosition text_position = {};
  bool is_verbatim = false;
  std::vector<Value> items = {};
  std::vector<Entry> entries;  // in the order written; no initializer: clang would need Entry whole here

  [[nodiscard]] const Value* find(std::string_view key) const noexcept;
};

struct Entry {
  Value key;
  Value value;
};

// Errors (invalid_input, limit_exceeded) carry `file`, line and column. An empty document is null.
[[nodiscard]] Result<Value> parse(std::string_view text, const std::string& file);

// An Error at a value.
[[nodiscard]] tl::unexpected<Error> fail_at(const Value& value, std::string message, std::string hint = {});

// `what` begins the message: "timeout_s of node \"a\"".
[[nodiscard]] Result<std::string> text_of(const Value& value, std::string_view what);
[[nodiscard]] Result<std::int64_t> integer_of(const Value& value, std::string_view what);
[[nodiscard]] Result<double> number_of(const Value& value, std::string_view what);
[[nodiscard]] Result<bool> boolean_of(const Value& value, std::string_view what);
// One text, or a list of them.
[[nodiscard]] Result<std::vector<std::string>> texts_of(const Value& value, std::string_view what);

// Fails unless `value` is a map whose keys are all among `known`; the Error has a hint to the nearest name.
[[nodiscard]] Result<void> check_keys(const Value& value, std::string_view what,
                                      std::span<const std::string_view> known);

// As JSON text, plain scalars by YAML's core schema (null, true, 1, 1.5); for values such as schemas and arguments.
[[nodiscard]] std::string json_of(const Value& value);

}  // namespace meshflow::runtime::yaml
