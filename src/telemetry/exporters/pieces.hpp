// Batches that are too large for one request.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "telemetry/exporter.hpp"
#include "telemetry/exporters/retry.hpp"

namespace meshflow::telemetry {

// The spans order[first] to order[first + count - 1] as a batch of its own, whose views point to the same memory.
[[nodiscard]] SpanBatch slice(const SpanBatch& batch, std::size_t first, std::size_t count);

// Sends a batch as one request, or, where its encoding is larger than `request_bytes_max`, as two halves, and so on; a
// single span that is too large is dropped. `encode` gives a request's bytes, `send` delivers them.
[[nodiscard]] ExportOutcome export_in_pieces(const SpanBatch& batch, std::size_t request_bytes_max,
                                             const std::function<std::string(const SpanBatch&)>& encode,
                                             const std::function<Attempt(std::string)>& send);

}  // namespace meshflow::telemetry
