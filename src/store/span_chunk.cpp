#include "store/span_chunk.hpp"

#include <algorithm>
#include <cstring>

#include "store/engine.hpp"

namespace meshflow::store {
namespace {

bool is_nullable(std::size_t column) noexcept {
  if (column >= kFieldColumns) return true;
  switch (static_cast<Column>(column)) {
    case Column::status_message:
    case Column::service:
    case Column::rest: return true;
    default: return false;
  }
}

// The chunk's types, made once: creating them anew costs an allocation a column.
class ChunkTypes {
 public:
  ChunkTypes() {
    for (std::size_t i = 0; i < column_count(); ++i) {
      types_.push_back(duckdb_create_logical_type(duckdb_type_of(column_type(i))));
    }
  }
  ~ChunkTypes() {
    for (auto& type : types_) duckdb_destroy_logical_type(&type);
  }
  ChunkTypes(const ChunkTypes&) = delete;
  ChunkTypes& operator=(const ChunkTypes&) = delete;
  [[nodiscard]] std::vector<duckdb_logical_type>& all() noexcept { return types_; }

 private:
  std::vector<duckdb_logical_type> types_;
};

}  // namespace

std::size_t column_count() noexcept { return kFieldColumns + attribute_columns().size(); }

ColumnType column_type(std::size_t column) noexcept {
  return column < kFieldColumns ? type_of(static_cast<Column>(column))
                                : attribute_columns()[column - kFieldColumns].type;
}

std::string_view column_name(std::size_t column) noexcept {
  return column < kFieldColumns ? name_of(static_cast<Column>(column))
                                : attribute_columns()[column - kFieldColumns].column;
}

duckdb_type duckdb_type_of(ColumnType type) noexcept {
  switch (type) {
    case ColumnType::u128: return DUCKDB_TYPE_UHUGEINT;
    case ColumnType::u64: return DUCKDB_TYPE_UBIGINT;
    case ColumnType::i64: return DUCKDB_TYPE_BIGINT;
    case ColumnType::i32: return DUCKDB_TYPE_INTEGER;
    case ColumnType::f64: return DUCKDB_TYPE_DOUBLE;
    case ColumnType::text: return DUCKDB_TYPE_VARCHAR;
    case ColumnType::blob: return DUCKDB_TYPE_BLOB;
  }
  return DUCKDB_TYPE_INVALID;
}

const char* sql_type_of(ColumnType type) noexcept {
  switch (type) {
    case ColumnType::u128: return "UHUGEINT";
    case ColumnType::u64: return "UBIGINT";
    case ColumnType::i64: return "BIGINT";
    case ColumnType::i32: return "INTEGER";
    case ColumnType::f64: return "DOUBLE";
    case ColumnType::text: return "VARCHAR";
    case ColumnType::blob: return "BLOB";
  }
  return "";
}

namespace {

std::size_t value_bytes(ColumnType type) noexcept {
  switch (type) {
    case ColumnType::u64:
    case ColumnType::i64:
    case ColumnType::f64: return 8;
    case ColumnType::i32: return 4;
    case ColumnType::u128:
    case ColumnType::text:
    case ColumnType::blob: return 16;
  }
  return 0;
}

}  // namespace

SpanChunk::SpanChunk() {
  static ChunkTypes chunk_types;  // constant once made; the interface of DuckDB is not const-correct
  auto& types = chunk_types.all();
  raw_ = duckdb_create_data_chunk(types.data(), types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(raw_, i);
    vectors_.push_back(vector);
    data_.push_back(duckdb_vector_get_data(vector));
    std::uint64_t* validity = nullptr;
    if (is_nullable(i)) {
      duckdb_vector_ensure_validity_writable(vector);
      validity = duckdb_vector_get_validity(vector);
      std::memset(validity, 0, kChunkRows / 8);
    }
    validity_.push_back(validity);
    column_bytes_ += kChunkRows * value_bytes(column_type(i));
  }
}

SpanChunk::~SpanChunk() { duckdb_destroy_data_chunk(&raw_); }

void SpanChunk::put_text(std::size_t column, std::string_view text) noexcept {
  constexpr std::size_t kInlined = sizeof(duckdb_string_t::value.inlined.inlined);
  if (text.size() <= kInlined) {
    // DuckDB compares inlined strings with their padding: it must be zero.
    duckdb_string_t inlined{};
    inlined.value.inlined.length = static_cast<std::uint32_t>(text.size());
    if (!text.empty()) std::memcpy(inlined.value.inlined.inlined, text.data(), text.size());
    data<duckdb_string_t>(column)[rows_] = inlined;
  } else {
    duckdb_vector_assign_string_element_len(vectors_[column], rows_, text.data(), text.size());
    text_bytes_ += text.size() + text.size() / 3;  // DuckDB takes memory for texts in steps that double
  }
  mark_valid(column);
}

void SpanChunk::end_row(std::uint64_t start) noexcept {
  if (start < start_min()) start_min_.store(start, std::memory_order_relaxed);
  if (start > start_max()) start_max_.store(start, std::memory_order_relaxed);
  ++rows_;
}

void SpanChunk::seal() {
  duckdb_data_chunk_set_size(raw_, rows_);
  sealed_.store(true, std::memory_order_release);
}

std::string_view SpanChunk::text(std::size_t column, std::size_t row) const noexcept {
  const std::uint64_t* const words = validity_[column];
  if (words != nullptr && (words[row >> 6] >> (row & 63) & 1) == 0) return {};
  return view_of(static_cast<const duckdb_string_t*>(data_[column])[row]);
}

}  // namespace meshflow::store
