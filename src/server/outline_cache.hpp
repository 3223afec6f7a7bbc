// Which rows an outline had that was given before: so that a page which has it gets only what is new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "query/outline.hpp"

namespace meshflow::server {

// By revision, the least recently used go first. Thread-safe.
class OutlineCache {
 public:
  // What is kept together: some four million spans.
  static constexpr std::size_t kBytesMax = std::size_t{32} << 20;

  struct Known {
    std::vector<std::uint64_t> span_ids;  // of the rows, in their order
    std::vector<std::pair<std::uint64_t, std::size_t>> hidden;  // Outline::hidden

    // The row that shows a span; nothing where it has none.
    [[nodiscard]] std::unordered_map<std::uint64_t, std::size_t> places() const;
  };

  void keep(const query::Outline& outline);
  // Null where it is not kept; shared with other readers.
  [[nodiscard]] std::shared_ptr<const Known> find(std::string_view revision);

 private:
  struct Entry {
    std::string revision;
    std::shared_ptr<const Known> known;
    std::size_t bytes = 0;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;  // the last used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_revision_;
  std::size_t bytes_ = 0;
};

}  // namespace meshflow::server
