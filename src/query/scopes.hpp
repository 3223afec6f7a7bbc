// Instrumentation scopes as a query sees them.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "store/snapshot.hpp"

namespace meshflow::query {

// The scopes of the spans that a search looks at. A value; const methods may be called concurrently.
class ScopeSet {
 public:
  ScopeSet() = default;
  explicit ScopeSet(std::vector<store::StoredScope> scopes) : scopes_(std::move(scopes)) {}

  // Keys of those that `fits` says true of.
  [[nodiscard]] std::vector<std::uint64_t> keys_where(
      const std::function<bool(const otlp::InstrumentationScope&)>& fits) const {
    std::vector<std::uint64_t> keys;
    for (const store::StoredScope& each : scopes_) {
      if (fits(each.scope)) keys.push_back(each.key);
    }
    return keys;
  }
  // Likewise of those with an attribute of that key whose value fits.
  [[nodiscard]] std::vector<std::uint64_t> keys_where(std::string_view attribute,
                                                      const std::function<bool(const otlp::AnyValue&)>& fits) const {
    return keys_where([&](const otlp::InstrumentationScope& scope) {
      for (const otlp::KeyValue& each : scope.attributes) {
        if (each.key == attribute) return fits(each.value);
      }
      return false;
    });
  }
  [[nodiscard]] const std::vector<store::StoredScope>& all() const noexcept { return scopes_; }

 private:
  std::vector<store::StoredScope> scopes_;
};

}  // namespace meshflow::query
