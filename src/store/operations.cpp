#include "store/operations.hpp"

#include <algorithm>

#include <xxhash.h>

#include "base/bytes.hpp"

namespace meshflow::store {

std::uint64_t Operations::hash_of(std::string_view service, std::string_view name, std::int32_t kind) noexcept {
  const auto seed = XXH3_64bits_withSeed(service.data(), service.size(), static_cast<std::uint64_t>(kind));
  return XXH3_64bits_withSeed(name.data(), name.size(), seed);
}

void Operations::add(std::string_view service, std::string_view name, std::int32_t kind) {
  const std::uint64_t hash = hash_of(service, name, kind);
  const std::lock_guard lock(mutex_);
  if (seen_.count(hash) > 0) return;
  if (seen_.size() < 2 * kOperationsMax) seen_.insert(hash);
  insert({std::string(utf8_prefix(service, kNameBytesMax)), std::string(utf8_prefix(name, kNameBytesMax)), kind});
}

void Operations::insert(Operation operation) {
  const auto count_of = [this](const std::string& service) {
    const auto begin = operations_.lower_bound(Operation{service, {}, INT32_MIN});
    auto end = begin;
    while (end != operations_.end() && end->service == service) ++end;
    return static_cast<std::size_t>(std::distance(begin, end));
  };
  if (operation.service != last_service_) {
    last_service_ = operation.service;
    last_service_count_ = count_of(last_service_);
  }
  if (operations_.size() >= kOperationsMax || last_service_count_ >= kPerServiceMax) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  services_.insert(operation.service);
  if (operations_.insert(std::move(operation)).second) ++last_service_count_;
}

std::vector<std::string> Operations::services() const {
  const std::lock_guard lock(mutex_);
  return {services_.begin(), services_.end()};
}

std::vector<Operation> Operations::of(std::string_view service) const {
  const std::lock_guard lock(mutex_);
  std::vector<Operation> found;
  for (auto at = operations_.lower_bound(Operation{std::string(service), {}, INT32_MIN});
       at != operations_.end() && at->service == service; ++at) {
    found.push_back(*at);
  }
  return found;
}

std::uint64_t Operations::count() const {
  const std::lock_guard lock(mutex_);
  return operations_.size();
}

void Operations::replace(std::vector<Operation> operations) {
  const std::lock_guard lock(mutex_);
  operations_.clear();
  services_.clear();
  seen_.clear();
  last_service_.clear();
  last_service_count_ = 0;
  for (auto& operation : operations) insert(std::move(operation));
}

}  // namespace meshflow::store
