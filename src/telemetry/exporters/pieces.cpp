#include "telemetry/exporters/pieces.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

namespace meshflow::telemetry {

SpanBatch slice(const SpanBatch& batch, std::size_t first, std::size_t count) {
  constexpr std::uint32_t kAbsent = UINT32_MAX;
  SpanBatch out;
  out.resource = batch.resource;
  out.resource_schema_url = batch.resource_schema_url;
  std::vector<std::uint32_t> scope_index(batch.scopes.size(), kAbsent);
  const std::size_t end = std::min(batch.order.size(), first + count);
  for (std::size_t i = first; i < end; ++i) {
    SpanBatch::SpanReference reference = batch.order[i];
    const auto& from = batch.scopes[reference.scope];
    const std::string_view span = from.spans[reference.span];
    std::uint32_t& index = scope_index[reference.scope];
    if (index == kAbsent) {
      index = static_cast<std::uint32_t>(out.scopes.size());
      out.scopes.push_back({from.scope, from.schema_url, {}});
    }
    reference.scope = index;
    reference.span = static_cast<std::uint32_t>(out.scopes[index].spans.size());
    out.scopes[index].spans.push_back(span);
    out.order.push_back(reference);
    ++out.span_count;
    out.span_bytes += span.size();
  }
  return out;
}

ExportOutcome export_in_pieces(const SpanBatch& batch, std::size_t request_bytes_max,
                               const std::function<std::string(const SpanBatch&)>& encode,
                               const std::function<Attempt(std::string)>& send) {
  if (batch.span_count == 0) return {};
  std::string request = encode(batch);
  if (request.size() > request_bytes_max) {
    if (batch.span_count == 1) {
      return {.dropped = 1,
              .error = fmt::format("a span of {} bytes does not fit in a request of {} bytes", request.size(),
                                   request_bytes_max)};
    }
    request = {};
    const std::size_t half = batch.span_count / 2;
    ExportOutcome sum = export_in_pieces(slice(batch, 0, half), request_bytes_max, encode, send);
    ExportOutcome rest = export_in_pieces(slice(batch, half, batch.span_count - half), request_bytes_max, encode, send);
    sum.exported += rest.exported;
    sum.dropped += rest.dropped;
    if (!rest.error.empty()) sum.error = std::move(rest.error);
    return sum;
  }
  Attempt result = send(std::move(request));
  ExportOutcome outcome;
  outcome.dropped = result.kind == Attempt::Kind::accepted ? std::min<std::uint64_t>(result.rejected, batch.span_count)
                                                           : batch.span_count;
  outcome.exported = batch.span_count - outcome.dropped;
  outcome.error = std::move(result.error);
  return outcome;
}

}  // namespace meshflow::telemetry
