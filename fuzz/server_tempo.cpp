// Requests of tempopb.StreamingQuerier from outside: never a crash, bounds that hold, and messages cut into pieces that
// are their sum.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/tempo_grpc.hpp"
#include "server/tempo_protobuf.hpp"

namespace meshflow::server {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view input) {
  if (const auto search = decode_tempo_search(input)) {
    require(search->traces_max <= query::kTempoTracesMax && search->traces_max > 0);
    require(search->spans_per_set_max <= query::kTempoSpansPerSetMax);
    require(search->range.from <= search->range.to);
    (void)pipeline_of(*search);
  }
  for (const bool is_second : {false, true}) {
    if (const auto tags = decode_tempo_tags(input, is_second)) require(tags->count_max <= query::kTempoTagsMax);
    if (const auto values = decode_tempo_tag_values(input, is_second)) {
      require(values->count_max <= query::kTempoTagsMax);
      (void)query::narrowing_filter(values->query);
    }
  }
  if (const auto range = decode_tempo_range(input)) {
    require(range->range.from < range->range.to && range->step > 0);
    if (const auto metric = metric_of(*range)) require(exemplars_of(*metric, *range) <= query::kTempoExemplarsMax);
  }
  if (const auto instant = decode_tempo_instant(input)) require(instant->step == 0);
  if (const auto pieces = message_pieces(input, 16)) {
    std::string sum;
    for (const std::string& each : *pieces) sum += each;
    require(sum == input);
  }
}

}  // namespace
}  // namespace meshflow::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::server::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
