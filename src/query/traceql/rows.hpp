// Spans as rows of cells: read from the store's pieces, a cell for each field that a query asks for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/resources.hpp"
#include "query/scopes.hpp"
#include "query/traceql/cell.hpp"
#include "query/traceql/fields.hpp"
#include "store/batch.hpp"

namespace meshflow::query::traceql {

struct Row {
  store::U128 trace_id;
  std::uint64_t span_id = 0;
  std::uint64_t parent_id = 0;  // 0: none
  std::uint64_t start = 0;
  std::int64_t duration = 0;
  std::uint64_t resource = 0;
  std::string name;
  std::vector<Cell> cells;  // a place for each of the reader's fields; nil for those of the trace (is_of_trace)
};

// Fields, resources and scopes must outlive it. One thread at a time.
class RowReader {
 public:
  // `columns_in_rest`: Snapshot::columns_in_rest of what will be read. Fields of parents need the field itself beside
  // them: with_parents().
  RowReader(const Fields& fields, const ResourceSet& resources, const ScopeSet& scopes, std::uint64_t columns_in_rest);

  // What a SELECT over a piece's source names, in the order in which read() takes it.
  [[nodiscard]] const std::string& select_list() const noexcept { return select_list_; }
  [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
  // Fails where the store's bytes are damaged.
  [[nodiscard]] Result<Row> read(const store::Batch& batch, std::size_t row);
  // The service's name as the resource says it; empty where it does not.
  [[nodiscard]] std::string service_of(const Row& row) const;
  [[nodiscard]] const otlp::Resource* resource_of(const Row& row) const;

 private:
  struct Source;
  [[nodiscard]] Cell on_span(const store::Batch& batch, std::size_t row, const std::string& key);
  [[nodiscard]] Cell short_or_long(const store::Batch& batch, std::size_t row, const Row& read, const std::string& key);
  [[nodiscard]] Cell nearest(const store::Batch& batch, std::size_t row, const Row& read, const std::string& key);
  [[nodiscard]] Cell attribute(const store::Batch& batch, std::size_t row, const Row& read, const Attribute& field);
  [[nodiscard]] Cell intrinsic(const store::Batch& batch, std::size_t row, const Row& read, Intrinsic field);
  [[nodiscard]] Cell of_resource(std::uint64_t resource, const std::string& key) const;
  [[nodiscard]] Cell of_scope(std::uint64_t scope, const std::string& key) const;
  // `rest` of the row, decoded once.
  [[nodiscard]] const otlp::Span& rest(const store::Batch& batch, std::size_t row);
  void need(const std::string& column);
  void need_attribute(const std::string& key);
  [[nodiscard]] std::size_t column(const std::string& name) const { return places_.at(name); }

  const Fields& fields_;
  std::unordered_map<std::uint64_t, const otlp::Resource*> resources_;
  std::unordered_map<std::uint64_t, const otlp::InstrumentationScope*> scopes_;
  const std::uint64_t columns_in_rest_;
  std::string select_list_;
  std::size_t columns_ = 0;
  std::map<std::string, std::size_t, std::less<>> places_;  // of columns in the select list
  std::optional<otlp::Span> rest_;
  std::optional<Error> failure_;
};

// The fields, and for each of a parent's the same of the span itself.
[[nodiscard]] Fields with_parents(Fields fields);
// The field of the parent, as a field of the span.
[[nodiscard]] Field without_parent(const Field& field);

}  // namespace meshflow::query::traceql
