// Which services there are and what they do: the lists that a search begins with. Private to the room.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "store/trace_store.hpp"

namespace meshflow::store {

// Bounded: past the limits new names are counted and not listed (a client that puts ids into span names would otherwise
// fill the memory and every drop-down list). Thread-safe; `add` is meant for one thread.
class Operations {
 public:
  static constexpr std::size_t kOperationsMax = 100'000;
  static constexpr std::size_t kPerServiceMax = 10'000;
  static constexpr std::size_t kNameBytesMax = 1024;  // longer names are listed cut

  // Of what an operation is, for sets of those that are known; a collision leaves a name out of a list.
  [[nodiscard]] static std::uint64_t hash_of(std::string_view service, std::string_view name,
                                             std::int32_t kind) noexcept;

  void add(std::string_view service, std::string_view name, std::int32_t kind);

  [[nodiscard]] std::vector<std::string> services() const;
  [[nodiscard]] std::vector<Operation> of(std::string_view service) const;
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  // Begins anew with these: what is left after old spans went.
  void replace(std::vector<Operation> operations);

 private:
  void insert(Operation operation);

  mutable std::mutex mutex_;
  std::set<Operation> operations_;
  std::set<std::string, std::less<>> services_;
  std::unordered_set<std::uint64_t> seen_;  // hashes of those in operations_, and of as many that were dropped
  std::string last_service_;
  std::size_t last_service_count_ = 0;
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace meshflow::store
