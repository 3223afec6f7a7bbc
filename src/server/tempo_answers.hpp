// What Tempo's questions are answered with: whole messages, for HTTP, for gRPC, and for the commands.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "meshflow/base/error.hpp"
#include "query/tempo_requests.hpp"
#include "query/traceql/problem.hpp"
#include "store/trace_store.hpp"

namespace meshflow::server {

enum class TempoEncoding { json, protobuf };

// Why a question is not answered. `problem` where it is the query that is wrong, at its place in `query`.
struct TempoRefusal {
  Error error;
  std::optional<query::traceql::Problem> problem = {};
  std::string query = {};
};
[[nodiscard]] TempoRefusal refusal_of(Error error);
[[nodiscard]] TempoRefusal refusal_of(const query::traceql::Problem& problem, std::string_view query);
// The sentence that Tempo's clients show, with the place in the query.
[[nodiscard]] std::string text_of(const TempoRefusal& refusal);

template <typename T>
using TempoResult = tl::expected<T, TempoRefusal>;

struct TempoAsking {
  store::TraceStore& store;
  store::QueryLimits limits = {};
  TempoEncoding encoding = TempoEncoding::json;
};

// tempopb.SearchResponse. One that was ended by a limit has found the newest traces, completedJobs below totalJobs, and
// beyond Tempo `status` and `message`, numbered and worded as in QueryRangeResponse. `on_part`, where there is one,
// gets the traces as they are found, as responses of their own.
[[nodiscard]] TempoResult<std::string> answer_search(const TempoAsking& asking, const query::TempoSearch& search,
                                                     const std::function<void(std::string)>& on_part = {});

// tempopb.SearchTagsResponse and SearchTagsV2Response.
[[nodiscard]] TempoResult<std::string> answer_tags(const TempoAsking& asking, const query::TempoTags& tags);
[[nodiscard]] TempoResult<std::string> answer_tags_v2(const TempoAsking& asking, const query::TempoTags& tags);
// tempopb.SearchTagValuesResponse and SearchTagValuesV2Response.
[[nodiscard]] TempoResult<std::string> answer_tag_values(const TempoAsking& asking,
                                                         const query::TempoTagValues& values);
[[nodiscard]] TempoResult<std::string> answer_tag_values_v2(const TempoAsking& asking,
                                                            const query::TempoTagValues& values);

// tempopb.QueryRangeResponse and QueryInstantResponse, without the labels in Prometheus' form that Tempo 3 has dropped.
[[nodiscard]] TempoResult<std::string> answer_query_range(const TempoAsking& asking,
                                                          const query::TempoMetrics& metrics);
[[nodiscard]] TempoResult<std::string> answer_query_instant(const TempoAsking& asking,
                                                            const query::TempoMetrics& metrics);

}  // namespace meshflow::server
