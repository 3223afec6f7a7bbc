#include "server/jaeger_names.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/compile.hpp"
#include "query/names.hpp"
#include "query/resources.hpp"

namespace meshflow::server {
namespace {

// Names that a list for people has.
constexpr std::size_t kOperationsMax = 10'000;

std::string kind_name(std::int32_t kind) { return std::string(query::name_of_kind(static_cast<otlp::SpanKind>(kind))); }

}  // namespace

namespace {

bool is_name_for_none(std::string_view service) {
  return service == query::kEmptyServiceName || service == query::kNoServiceName;
}

// Keys of the resources that are called so; both names for none are told apart by what a resource has.
Result<std::vector<std::uint64_t>> resources_called(store::Snapshot& snapshot, std::string_view service) {
  MESHFLOW_TRY(auto resources, snapshot.resources());
  return query::ResourceSet(std::move(resources)).keys_where([service](const otlp::Resource& resource) {
    return query::service_name_of(resource) == service;
  });
}

// Operations of spans without a service's name, which the store does not keep a list of by either name.
Result<std::vector<JaegerOperation>> operations_of_none(const QueryService& service, std::string_view name) {
  MESHFLOW_TRY(store::Snapshot snapshot, service.store().snapshot());
  std::vector<JaegerOperation> operations;
  const query::Condition condition{
      query::CompareIntrinsic{query::Intrinsic::service, query::Comparison::equal, std::string(name)}};
  MESHFLOW_TRY(auto resources, snapshot.resources());
  MESHFLOW_TRY(const query::Sql where, query::compile(condition, query::ResourceSet(std::move(resources))));
  for (const store::Piece& piece : snapshot.pieces()) {
    const std::string sql =
        fmt::format("SELECT DISTINCT name, kind FROM {} WHERE {} LIMIT {}", piece.source, where.text, kOperationsMax);
    MESHFLOW_TRY(const store::Rows rows, snapshot.query(sql, where.parameters, service.limits()));
    for (const auto& row : rows.rows) {
      const auto* const text = std::get_if<std::string>(row.data());
      const auto* const kind = std::get_if<std::int64_t>(&row[1]);
      if (text != nullptr && kind != nullptr)
        operations.push_back({*text, kind_name(static_cast<std::int32_t>(*kind))});
    }
  }
  return operations;
}

}  // namespace

Result<std::vector<std::string>> jaeger_services(const QueryService& service) {
  std::vector<std::string> names = service.store().services();
  if (std::erase(names, "") > 0) {
    MESHFLOW_TRY(store::Snapshot snapshot, service.store().snapshot());
    for (const std::string_view name : {query::kEmptyServiceName, query::kNoServiceName}) {
      MESHFLOW_TRY(const auto keys, resources_called(snapshot, name));
      if (!keys.empty()) names.emplace_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<std::vector<JaegerOperation>> jaeger_operations(const QueryService& service, std::string_view name,
                                                       std::string_view kind) {
  std::vector<JaegerOperation> operations;
  if (is_name_for_none(name)) {
    MESHFLOW_TRY(operations, operations_of_none(service, name));
  }
  if (!name.empty()) {
    for (const store::Operation& each : service.store().operations(name)) {
      operations.push_back({each.name, kind_name(each.kind)});
    }
  }
  if (!kind.empty()) std::erase_if(operations, [kind](const auto& each) { return each.kind != kind; });
  std::sort(operations.begin(), operations.end(),
            [](const auto& a, const auto& b) { return std::tie(a.name, a.kind) < std::tie(b.name, b.kind); });
  operations.erase(std::unique(operations.begin(), operations.end()), operations.end());
  return operations;
}

}  // namespace meshflow::server
