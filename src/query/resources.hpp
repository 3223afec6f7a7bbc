// Resources seen as a query sees them: which of them have an attribute, and what service they are.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/model.hpp"
#include "query/condition.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// As Jaeger 1.48 names a resource: its service.name, "empty-service-name" where that is empty or no string or where
// there are only other attributes, "OTLPResourceNoServiceName" where there is no attribute at all. Pure.
[[nodiscard]] std::string service_name_of(const otlp::Resource& resource);
inline constexpr std::string_view kEmptyServiceName = "empty-service-name";
inline constexpr std::string_view kNoServiceName = "OTLPResourceNoServiceName";

// Any value as Jaeger's text of it (store/functions.hpp, rest_string). Pure.
[[nodiscard]] std::string text_of(const otlp::AnyValue& value);
// Arrays and lists as JSON the way Go writes it: keys of a list sorted, the last of equal keys, bytes in base64. Pure.
[[nodiscard]] std::string json_of(const otlp::AnyValue& value);

// The same comparisons as compile() writes in SQL, on one value of a resource's attributes. Pure.
[[nodiscard]] bool holds(const CompareAttribute& compare, const otlp::AnyValue& value);
[[nodiscard]] bool reads_as(const otlp::AnyValue& value, std::string_view text);

// The resources of the spans that a search looks at. A value; const methods may be called concurrently.
class ResourceSet {
 public:
  ResourceSet() = default;
  explicit ResourceSet(std::vector<store::StoredResource> resources) : resources_(std::move(resources)) {}

  // True where there are resources, and this is the service.name of each of them: asking spans for it is asking for
  // nothing.
  [[nodiscard]] bool are_all_of_service(std::string_view name) const;

  // Keys of those that `fits` says true of.
  [[nodiscard]] std::vector<std::uint64_t> keys_where(const std::function<bool(const otlp::Resource&)>& fits) const;
  // Likewise of those with an attribute of that key whose value fits.
  [[nodiscard]] std::vector<std::uint64_t> keys_where(std::string_view attribute,
                                                      const std::function<bool(const otlp::AnyValue&)>& fits) const;
  [[nodiscard]] std::size_t size() const noexcept { return resources_.size(); }
  [[nodiscard]] const std::vector<store::StoredResource>& all() const noexcept { return resources_; }

 private:
  std::vector<store::StoredResource> resources_;
};

}  // namespace meshflow::query
