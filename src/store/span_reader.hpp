// Rows of a span table back into OTLP. Private to the room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "otlp/model.hpp"
#include "store/cell.hpp"

namespace meshflow::store {

// A row that was selected with select_list(), whole.
struct SpanRow {
  otlp::Span span;
  std::uint64_t resource = 0;
  std::uint64_t scope = 0;
};

// The columns in the order in which read_span wants them: "trace_id, span_id, …".
[[nodiscard]] const std::string& select_list();

// Fails where `rest` cannot be read: damage of the store's file.
[[nodiscard]] Result<SpanRow> read_span(const ChunkReader& chunk, std::size_t row);

// Of what the tables resources and scopes hold. Duplicate keys are resolved: the last value, in the place of the first.
[[nodiscard]] Result<otlp::ResourceSpans> read_resource(std::string_view message);
[[nodiscard]] Result<otlp::ScopeSpans> read_scope(std::string_view message);

void resolve_duplicate_keys(otlp::KeyValueList& attributes);

}  // namespace meshflow::store
