// Resources and scopes that were read before. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "otlp/model.hpp"
#include "store/snapshot.hpp"

namespace meshflow::store {

// By the keys of the columns `resource` and `scope`, which are hashes of the messages: what a key stands for never
// changes, whichever piece it is in. Bounded; what does not fit makes it begin anew. Thread-safe.
class ContextCache {
 public:
  // Of the messages that what is kept was read from.
  static constexpr std::size_t kBytesMax = std::size_t{4} << 20;

  template <typename T>
  using Kept = std::shared_ptr<const T>;  // shared with readers: it may leave the cache meanwhile

  // Null where it is not kept.
  [[nodiscard]] Kept<otlp::ResourceSpans> resource(std::uint64_t key) const { return find(resources_, key); }
  [[nodiscard]] Kept<otlp::ScopeSpans> scope(std::uint64_t key) const { return find(scopes_, key); }
  void keep(std::uint64_t key, Kept<otlp::ResourceSpans> resource, std::size_t bytes) {
    insert(resources_, key, std::move(resource), bytes);
  }
  void keep(std::uint64_t key, Kept<otlp::ScopeSpans> scope, std::size_t bytes) {
    insert(scopes_, key, std::move(scope), bytes);
  }

  // All resources of the piece that was created then, when it had so many rows: more rows may have brought more.
  using Resources = Kept<std::vector<StoredResource>>;
  [[nodiscard]] Resources resources_of(std::uint64_t created, std::uint64_t rows) const {
    const std::lock_guard lock(mutex_);
    const auto found = pieces_.find(created);
    return found == pieces_.end() || found->second.rows != rows ? nullptr : found->second.resources;
  }
  void keep_all_of(std::uint64_t created, std::uint64_t rows, Resources resources, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (!has_room(bytes)) return;
    pieces_[created] = {rows, std::move(resources)};
  }

 private:
  template <typename T>
  using Map = std::unordered_map<std::uint64_t, Kept<T>>;

  template <typename T>
  [[nodiscard]] Kept<T> find(const Map<T>& map, std::uint64_t key) const {
    const std::lock_guard lock(mutex_);
    const auto found = map.find(key);
    return found == map.end() ? nullptr : found->second;
  }
  template <typename T>
  void insert(Map<T>& map, std::uint64_t key, Kept<T> value, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (has_room(bytes)) map.insert_or_assign(key, std::move(value));
  }
  // Makes room. With `mutex_`.
  [[nodiscard]] bool has_room(std::size_t bytes) {
    bytes += kBytesOfEntry;
    if (bytes > kBytesMax) return false;
    if (bytes_ + bytes > kBytesMax) {
      resources_.clear();
      scopes_.clear();
      pieces_.clear();
      bytes_ = 0;
    }
    bytes_ += bytes;
    return true;
  }

  static constexpr std::size_t kBytesOfEntry = 128;  // beside its message
  struct OfPiece {
    std::uint64_t rows = 0;
    Resources resources;
  };
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  Map<otlp::ResourceSpans> resources_;
  Map<otlp::ScopeSpans> scopes_;
  std::unordered_map<std::uint64_t, OfPiece> pieces_;  // by when they were created
};

}  // namespace meshflow::store
