// The part of JSON Schema (2020-12) that `output_schema` may use: type, properties, required, additionalProperties,
// items, enum, const, minimum, maximum, minLength, maxLength, pattern (RE2); and the annotations title, description,
// default, examples, deprecated, $schema, $id and $comment. Any other keyword is an Error: nothing is silently ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "meshflow/base/error.hpp"

namespace meshflow::runtime {

inline constexpr std::size_t kSchemaBytesMax = std::size_t{64} << 10;
inline constexpr std::size_t kSchemaDepthMax = 32;  // of the schema's own nesting
inline constexpr std::size_t kSchemaInstanceBytesMax = std::size_t{8} << 20;  // of a text that is checked
inline constexpr std::size_t kSchemaInstanceDepthMax = 64;
inline constexpr std::int64_t kSchemaPatternMemoryBytesMax = std::int64_t{1} << 20;

struct SchemaNode;  // private

// A value; copies share what never changes. Safe to use concurrently.
class OutputSchema {
 public:
  // `json`: the schema. Errors (invalid_input, limit_exceeded) name the keyword and the JSON pointer of its schema.
  [[nodiscard]] static Result<OutputSchema> parse(std::string_view json);

  // Fails (invalid_input) for text that is not JSON, or with the JSON pointer of the first violation.
  [[nodiscard]] Result<void> check(std::string_view output) const;

 private:
  explicit OutputSchema(std::shared_ptr<const SchemaNode> root) noexcept : root_(std::move(root)) {}
  std::shared_ptr<const SchemaNode> root_;
};

}  // namespace meshflow::runtime
