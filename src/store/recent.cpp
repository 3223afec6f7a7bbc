#include "store/recent.hpp"

#include <algorithm>
#include <atomic>

namespace meshflow::store {
namespace {

RecentSpans::Size size_of(const SpanChunk& chunk) noexcept { return {chunk.rows(), chunk.bytes()}; }

}  // namespace

// Gives the decoder room, and makes its rows visible when the request is whole.
class RecentSpans::Target final : public DecodeTarget {
 public:
  Target(RecentSpans& recent, Told& told) : recent_(recent), told_(told) {}
  ~Target() override { finish(); }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  SpanChunk& chunk() override {
    while (chunk_ == nullptr || chunk_->is_full()) {
      if (chunk_ != nullptr) {
        chunk_->seal();
        finish();
      }
      chunk_ = recent_.open_chunk();
      lock_ = std::unique_lock(chunk_->mutex);
      if (!chunk_->is_sealed()) continue;
      lock_.unlock();  // taken out meanwhile
      chunk_.reset();
    }
    chunk_->set_resource(resource_key_, resource_);
    chunk_->set_scope(scope_key_, scope_);
    return *chunk_;
  }
  void resource(std::uint64_t key, std::string_view message) override {
    resource_key_ = key;
    resource_ = message;
  }
  void scope(std::uint64_t key, std::string_view message) override {
    scope_key_ = key;
    scope_ = message;
  }
  void operation(std::string_view service, std::string_view name, std::int32_t kind) override {
    told_.operation(service, name, kind);
  }

 private:
  void finish() {
    if (chunk_ == nullptr) return;
    {
      // Before the chunk is let go: it may be taken out at once.
      const std::lock_guard lock(recent_.mutex_);
      recent_.last_ = size_of(*chunk_);
    }
    lock_.unlock();
    chunk_.reset();
  }

  RecentSpans& recent_;
  Told& told_;
  std::shared_ptr<SpanChunk> chunk_;
  std::unique_lock<std::mutex> lock_;
  std::uint64_t resource_key_ = 0;
  std::uint64_t scope_key_ = 0;
  std::string resource_;
  std::string scope_;
};

void RecentSpans::add(SpanDecoder& decoder, std::string_view request, const std::vector<otlp::SpanKey>& keys,
                      Told& told) {
  Target target(*this, told);
  decoder.decode(request, keys, target);
}

// The last chunk, or a new one where that is sealed.
std::shared_ptr<SpanChunk> RecentSpans::open_chunk() {
  {
    const std::lock_guard lock(mutex_);
    if (!chunks_.empty() && !chunks_.back().chunk->is_sealed()) return chunks_.back().chunk;
  }
  auto chunk = std::make_shared<SpanChunk>();
  const std::lock_guard lock(mutex_);
  push(chunk);
  return chunk;
}

void RecentSpans::push(std::shared_ptr<SpanChunk> chunk) {
  before_last_.rows += last_.rows;
  before_last_.bytes += last_.bytes;
  last_ = size_of(*chunk);
  chunks_.push_back({std::move(chunk), std::nullopt});
}

void RecentSpans::reached(const SourcePositions& positions) {
  const std::lock_guard lock(mutex_);
  // A request without a new span needs a chunk to hang on to, too; and one that was taken out does not count any more.
  if (chunks_.empty() || chunks_.back().chunk->is_sealed()) push(std::make_shared<SpanChunk>());
  chunks_.back().positions = positions;
}

RecentSpans::Batch RecentSpans::take_out(std::uint64_t rows_min, std::uint64_t bytes_min) {
  std::shared_ptr<SpanChunk> last;
  {
    const std::lock_guard lock(mutex_);
    if (!chunks_.empty()) last = chunks_.back().chunk;
  }
  Batch batch;
  std::uint64_t bytes = 0;
  if (last == nullptr) return batch;
  // While it is held no request is half decoded into that chunk.
  const std::lock_guard chunk_lock(last->mutex);
  const std::lock_guard lock(mutex_);
  for (const Held& held : chunks_) {
    if (batch.rows >= rows_min || bytes >= bytes_min) break;
    if (!held.chunk->is_sealed()) {
      if (held.chunk != last) break;  // begun meanwhile
      last->seal();
      last_ = size_of(*last);
    }
    batch.chunks.push_back(held.chunk);
    batch.rows += held.chunk->rows();
    bytes += held.chunk->bytes();
    if (held.positions) batch.positions = held.positions;
  }
  return batch;
}

void RecentSpans::remove(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(batch.chunks.size()));
  if (chunks_.empty()) last_ = {};
  before_last_ = {};
  for (std::size_t i = 0; i + 1 < chunks_.size(); ++i) {
    before_last_.rows += chunks_[i].chunk->rows();
    before_last_.bytes += chunks_[i].chunk->bytes();
  }
}

RecentView RecentSpans::view() const {
  RecentView view;
  const std::lock_guard lock(mutex_);
  for (const Held& held : chunks_) {
    const std::size_t rows = &held == &chunks_.back() ? last_.rows : held.chunk->rows();
    if (rows == 0) continue;
    view.parts.push_back({held.chunk, rows});
    view.rows += rows;
    view.start_min = std::min(view.start_min, held.chunk->start_min());
    view.start_max = std::max(view.start_max, held.chunk->start_max());
  }
  return view;
}

RecentSpans::Size RecentSpans::size() const {
  const std::lock_guard lock(mutex_);
  return {before_last_.rows + last_.rows, before_last_.bytes + last_.bytes};
}

std::vector<otlp::SpanKey> RecentSpans::find(const std::vector<otlp::SpanKey>& keys) const {
  std::unordered_map<std::uint64_t, const otlp::SpanKey*> wanted;
  for (const auto& key : keys) wanted.emplace(key.span, &key);
  std::vector<otlp::SpanKey> found;
  const RecentView seen = view();
  for (const auto& part : seen.parts) {
    const auto* spans = part.chunk->values<std::uint64_t>(Column::span_id);
    const auto* traces = part.chunk->values<duckdb_uhugeint>(Column::trace_id);
    for (std::size_t row = 0; row < part.rows; ++row) {
      if (wanted.count(spans[row]) == 0) continue;
      found.push_back({traces[row].upper, traces[row].lower, spans[row]});
    }
  }
  return found;
}

// ---- the table function -----------------------------------------------------------------------------------------

std::uint64_t RecentViews::add(std::shared_ptr<const RecentView> view) {
  const std::lock_guard lock(mutex_);
  views_.emplace(next_, std::move(view));
  return next_++;
}

void RecentViews::remove(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  views_.erase(id);
}

std::shared_ptr<const RecentView> RecentViews::find(std::uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto found = views_.find(id);
  return found == views_.end() ? nullptr : found->second;
}

namespace {

struct BoundView {
  std::shared_ptr<const RecentView> view;
};

// What the threads that scan share. Each says when it has looked at the view, and who destroys the scan sees that: so
// what the view holds is freed after it was read by an order of ours too, not by DuckDB's alone, which no tool sees.
struct Scan {
  Scan() = default;
  ~Scan() { (void)looks.load(std::memory_order_acquire); }
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  void has_looked() { looks.fetch_add(1, std::memory_order_release); }

  std::shared_ptr<const RecentView> view;
  std::vector<idx_t> columns;
  std::atomic<std::size_t> next_part{0};
  std::atomic<std::size_t> looks{0};
};

template <typename T>
void delete_as(void* pointer) {
  delete static_cast<T*>(pointer);
}

void bind_recent(duckdb_bind_info info) {
  auto* views = static_cast<RecentViews*>(duckdb_bind_get_extra_info(info));
  duckdb_value id = duckdb_bind_get_parameter(info, 0);
  auto view = views->find(static_cast<std::uint64_t>(duckdb_get_int64(id)));
  duckdb_destroy_value(&id);
  if (view == nullptr) {
    duckdb_bind_set_error(info, "recent() reads what a snapshot of the store saw, by its number");
    return;
  }
  for (std::size_t i = 0; i < column_count(); ++i) {
    const LogicalType type(duckdb_type_of(column_type(i)));
    duckdb_bind_add_result_column(info, std::string(column_name(i)).c_str(), type.raw());
  }
  duckdb_bind_set_cardinality(info, view->rows, true);
  duckdb_bind_set_bind_data(info, new BoundView{std::move(view)}, delete_as<BoundView>);
}

void init_recent(duckdb_init_info info) {
  const auto* bound = static_cast<const BoundView*>(duckdb_init_get_bind_data(info));
  auto* scan = new Scan;
  scan->view = bound->view;
  const idx_t count = duckdb_init_get_column_count(info);
  for (idx_t i = 0; i < count; ++i) scan->columns.push_back(duckdb_init_get_column_index(info, i));
  duckdb_init_set_max_threads(info, std::max<std::size_t>(1, scan->view->parts.size() / 8));
  scan->has_looked();
  duckdb_init_set_init_data(info, scan, delete_as<Scan>);
}

// A sealed chunk is referred to; the one that is being filled is copied while its thread waits.
void read_part(const RecentView::Part& part, const std::vector<idx_t>& columns, duckdb_data_chunk output) {
  const bool is_copied = !part.chunk->is_sealed() || part.chunk->rows() != part.rows;
  std::unique_lock lock(part.chunk->mutex, std::defer_lock);
  duckdb_selection_vector selection = nullptr;
  if (is_copied) {
    lock.lock();
    selection = duckdb_create_selection_vector(part.rows);
    sel_t* const rows = duckdb_selection_vector_get_data_ptr(selection);
    for (std::size_t i = 0; i < part.rows; ++i) rows[i] = static_cast<sel_t>(i);
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] >= column_count()) continue;  // a row number: for counting alone
    duckdb_vector to = duckdb_data_chunk_get_vector(output, i);
    duckdb_vector from = part.chunk->vector(columns[i]);
    if (is_copied) {
      duckdb_vector_copy_sel(from, to, selection, part.rows, 0, 0);
    } else {
      duckdb_vector_reference_vector(to, from);
    }
  }
  if (selection != nullptr) duckdb_destroy_selection_vector(selection);
  duckdb_data_chunk_set_size(output, part.rows);
}

void scan_recent(duckdb_function_info info, duckdb_data_chunk output) {
  auto* scan = static_cast<Scan*>(duckdb_function_get_init_data(info));
  const std::size_t index = scan->next_part.fetch_add(1);
  if (index < scan->view->parts.size()) {
    read_part(scan->view->parts[index], scan->columns, output);
  } else {
    duckdb_data_chunk_set_size(output, 0);
  }
  scan->has_looked();
}

}  // namespace

Result<void> register_recent(Connection& connection, RecentViews& views) {
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, "recent");
  const LogicalType id(DUCKDB_TYPE_BIGINT);
  duckdb_table_function_add_parameter(function, id.raw());
  duckdb_table_function_set_extra_info(function, &views, nullptr);
  duckdb_table_function_set_bind(function, bind_recent);
  duckdb_table_function_set_init(function, init_recent);
  duckdb_table_function_set_function(function, scan_recent);
  duckdb_table_function_supports_projection_pushdown(function, true);
  const duckdb_state registered = duckdb_register_table_function(connection.raw(), function);
  duckdb_destroy_table_function(&function);
  if (registered != DuckDBSuccess) return fail(ErrorCode::internal, "DuckDB refused the table function recent");
  return {};
}

}  // namespace meshflow::store
