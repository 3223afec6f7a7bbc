// Completion out of a store: the names of attributes that its spans have, and their values.
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "query/traceql/complete.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query::traceql {

// Names and values as tags.hpp finds them, of at most kCompletionValuesMax each, within kCompletionTime; where that is
// not enough, or the store fails, there are none: a completion is no answer. Attributes of MeshFlow's and of the GenAI
// conventions come first. The snapshot must outlive it, and be used by one thread at a time.
inline constexpr std::size_t kCompletionValuesMax = 1'000;
inline constexpr std::chrono::milliseconds kCompletionTime{2'000};

class StoreCompletion final : public CompletionSource {
 public:
  explicit StoreCompletion(store::Snapshot& snapshot) : snapshot_(&snapshot) {}

  [[nodiscard]] std::vector<Attribute> attributes(Scope scope, std::string_view prefix) const override;
  [[nodiscard]] std::vector<Value> values(const Field& field) const override;

 private:
  store::Snapshot* snapshot_;
};

}  // namespace meshflow::query::traceql
