// Services and operations as Jaeger lists them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "server/query_service.hpp"

namespace meshflow::server {

// Sorted, each once; spans without a service's name are listed under Jaeger's names for that
// (query::service_name_of).
[[nodiscard]] Result<std::vector<std::string>> jaeger_services(const QueryService& service);

struct JaegerOperation {
  std::string name;
  std::string kind;  // "server", …; empty where unspecified
  friend bool operator==(const JaegerOperation&, const JaegerOperation&) = default;
};

// Of one service and, unless `kind` is empty, of one kind; sorted by name, then kind.
[[nodiscard]] Result<std::vector<JaegerOperation>> jaeger_operations(const QueryService& service, std::string_view name,
                                                                     std::string_view kind);

}  // namespace meshflow::server
