// What may stand at a place of a query that is being written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "query/traceql/ast.hpp"

namespace meshflow::query::traceql {

// What the store knows. Its answers may be a part of what there is.
class CompletionSource {
 public:
  virtual ~CompletionSource() = default;
  // Names of attributes that begin with `prefix`, of any scope or of one; the most useful first.
  [[nodiscard]] virtual std::vector<Attribute> attributes(Scope scope, std::string_view prefix) const = 0;
  // Values that the field has; the most useful first.
  [[nodiscard]] virtual std::vector<Value> values(const Field& field) const = 0;

 protected:
  CompletionSource() = default;
  CompletionSource(const CompletionSource&) = default;
  CompletionSource& operator=(const CompletionSource&) = default;
};

struct Completion {
  enum class Kind { field, value, function, keyword, sign };
  std::string label;        // what is to stand there
  Kind kind = Kind::keyword;
  std::string detail = {};  // for people: "a duration", "spans per second"
  friend bool operator==(const Completion&, const Completion&) = default;
};
[[nodiscard]] std::string_view name_of(Completion::Kind kind);

// Any of `items` may replace the bytes [from, to) of the query.
struct Completions {
  std::size_t from = 0;
  std::size_t to = 0;
  std::vector<Completion> items = {};
};

inline constexpr std::size_t kCompletionsMax = 100;

// For the cursor before the byte `cursor` of `text`, which may be any text; `source` may be none. What stands before
// the cursor decides, and of the word that the cursor is in, what was written of it so far. Nothing inside strings and
// names that are quoted, but values. Linear in the text's length, beside what the source does.
[[nodiscard]] Completions complete(std::string_view text, std::size_t cursor, const CompletionSource* source = nullptr);

}  // namespace meshflow::query::traceql
