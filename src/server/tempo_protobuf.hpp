// Requests of tempopb.StreamingQuerier as questions. Total: any bytes; invalid_input for what is no message, and what
// query/tempo_requests.hpp says of a question's bounds. Unknown fields are passed over. Pure.
#pragma once

#include <string_view>

#include "meshflow/base/error.hpp"
#include "query/tempo_requests.hpp"

namespace meshflow::server {

// tempopb.SearchRequest; its tags are asked for as those of an address.
[[nodiscard]] Result<query::TempoSearch> decode_tempo_search(std::string_view bytes);
// tempopb.SearchTagsRequest and SearchTagValuesRequest; `is_second`: of the method that ends with V2.
[[nodiscard]] Result<query::TempoTags> decode_tempo_tags(std::string_view bytes, bool is_second);
[[nodiscard]] Result<query::TempoTagValues> decode_tempo_tag_values(std::string_view bytes, bool is_second);
// tempopb.QueryRangeRequest, whose step is chosen where it is 0, and QueryInstantRequest.
[[nodiscard]] Result<query::TempoMetrics> decode_tempo_range(std::string_view bytes);
[[nodiscard]] Result<query::TempoMetrics> decode_tempo_instant(std::string_view bytes);

}  // namespace meshflow::server
