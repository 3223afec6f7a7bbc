#include "server/jaeger_names.hpp"

#include <algorithm>
#include <tuple>

#include "query/resources.hpp"

namespace meshflow::server {
namespace {

// The store lists spans without a service name under the empty one.
std::string shown(const std::string& service) {
  return service.empty() ? std::string(query::kEmptyServiceName) : service;
}

std::string kind_name(std::int32_t kind) {
  switch (static_cast<otlp::SpanKind>(kind)) {
    case otlp::SpanKind::internal: return "internal";
    case otlp::SpanKind::server: return "server";
    case otlp::SpanKind::client: return "client";
    case otlp::SpanKind::producer: return "producer";
    case otlp::SpanKind::consumer: return "consumer";
    default: return {};
  }
}

}  // namespace

std::vector<std::string> jaeger_services(const store::TraceStore& store) {
  std::vector<std::string> names;
  for (const std::string& each : store.services()) names.push_back(shown(each));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<JaegerOperation> jaeger_operations(const store::TraceStore& store, std::string_view service,
                                               std::string_view kind) {
  std::vector<JaegerOperation> operations;
  const auto add = [&](std::string_view stored_service) {
    for (const store::Operation& each : store.operations(stored_service)) {
      JaegerOperation operation{each.name, kind_name(each.kind)};
      if (kind.empty() || kind == operation.kind) operations.push_back(std::move(operation));
    }
  };
  add(service);
  if (service == query::kEmptyServiceName) add("");
  std::sort(operations.begin(), operations.end(),
            [](const auto& a, const auto& b) { return std::tie(a.name, a.kind) < std::tie(b.name, b.kind); });
  operations.erase(std::unique(operations.begin(), operations.end()), operations.end());
  return operations;
}

}  // namespace meshflow::server
