// The columns of the span tables: what a span is stored as (docs/store-format.md). The one list: the writer fills
// columns in this order, the reader turns them back into OTLP, and the query room names them in SQL.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace meshflow::store {

enum class ColumnType : std::uint8_t { u128, u64, i64, i32, f64, text, blob };

// Fields of the span itself, then what is left of it, then one column for each attribute that is frequent.
enum class Column : std::uint8_t {
  trace_id,        // UHUGEINT, big-endian: the hex digits of the id are those of the number
  span_id,         // UBIGINT, likewise
  parent_id,       // UBIGINT; 0: none
  start,           // UBIGINT, start_time_unix_nano
  duration,        // BIGINT, end minus start in nanoseconds; negative where the span ends before it starts
  name,            // VARCHAR
  kind,            // INTEGER, SpanKind
  status,          // INTEGER, StatusCode
  status_message,  // VARCHAR; NULL where empty
  flags,           // BIGINT, Span.flags
  service,         // VARCHAR, the resource's service.name where it is a string; else NULL
  resource,        // UBIGINT, key into the piece's resources
  scope,           // UBIGINT, key into the piece's scopes
  attribute_order, // VARCHAR, where each attribute went, so that they come back in their order
  rest,  // BLOB, a Span message of the fields that have no column: other attributes, events, links, …; or NULL
  events,  // INTEGER, how many events are in `rest`; kEventsUnknown where format 1 wrote the row
  first_attribute,
};
// Not counted: there may be some.
inline constexpr std::int32_t kEventsUnknown = -1;
inline constexpr std::size_t kFieldColumns = static_cast<std::size_t>(Column::first_attribute);

// An attribute with a column of its own. A span whose attribute has another type keeps it in `rest`, and NULL here:
// a query over the attribute must look there too, unless it asks for a value of this type.
struct AttributeColumn {
  std::string_view key;  // "meshflow.role"
  std::string_view column;  // "meshflow_role"
  ColumnType type;  // text, i64 or f64
};

// Of every piece, in the order of their columns.
[[nodiscard]] std::span<const AttributeColumn> attribute_columns() noexcept;
// The attribute's place in attribute_columns(); nothing where it has no column.
[[nodiscard]] std::optional<std::size_t> find_attribute_column(std::string_view key) noexcept;

// The name in SQL of a field's column: "trace_id", "start", …
[[nodiscard]] std::string_view name_of(Column column) noexcept;
[[nodiscard]] ColumnType type_of(Column column) noexcept;

}  // namespace meshflow::store
