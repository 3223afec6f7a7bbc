// Services and operations as Jaeger lists them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/trace_store.hpp"

namespace meshflow::server {

// Sorted, each once; a service without a name is called as query::service_name_of does.
[[nodiscard]] std::vector<std::string> jaeger_services(const store::TraceStore& store);

struct JaegerOperation {
  std::string name;
  std::string kind;  // "server", …; empty where unspecified
  friend bool operator==(const JaegerOperation&, const JaegerOperation&) = default;
};

// Of one service and, unless `kind` is empty, of one kind; sorted by name, then kind.
[[nodiscard]] std::vector<JaegerOperation> jaeger_operations(const store::TraceStore& store, std::string_view service,
                                                             std::string_view kind);

}  // namespace meshflow::server
