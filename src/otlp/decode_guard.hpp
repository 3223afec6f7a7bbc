// What both decoders, protobuf and JSON, do at every step: keep to the limits, mend text, judge ids.
// Private to the room.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "meshflow/base/error.hpp"
#include "otlp/decode_limits.hpp"
#include "otlp/model.hpp"

namespace meshflow::otlp {

// Ends decoding from any depth; caught where decoding began.
struct DecodeFailure {
  Error error;
};

// The limits of one decoding and what was counted so far. Failures are thrown as DecodeFailure.
class DecodeGuard {
 public:
  explicit DecodeGuard(const DecodeLimits& limits) : limits_(limits) {}

  void check_input(std::size_t bytes) const { require(bytes, limits_.input_bytes_max, "input_bytes_max", "bytes"); }
  // Once for every element of a repeated field, before it is kept.
  void count_item() { require(++items_, limits_.items_max, "items_max", "items"); }
  void count_span() {
    count_item();
    require(++spans_, limits_.spans_max, "spans_max", "spans");
  }
  // For the attribute that comes after `present` others of the same span, event, link, scope or resource.
  void count_attribute(std::size_t present) {
    count_item();
    require(present + 1, limits_.attributes_max, "attributes_max", "attributes of one item");
  }
  // `depth`: how many arrays and lists a value would be in, its own included.
  void check_depth(std::size_t depth) const {
    require(depth, limits_.value_depth_max, "value_depth_max", "levels of nesting in a value");
  }
  void check_json_values(std::size_t count) const {
    require(count, limits_.json_values_max, "json_values_max", "JSON values");
  }

  [[nodiscard]] std::string text(std::string_view bytes) {
    return is_valid_utf8(bytes) ? std::string(bytes) : sanitize_utf8(bytes, &stats_.replaced_utf8);
  }

  // As `text`, for who needs only the count.
  void check_text(std::string_view bytes) {
    if (!is_valid_utf8(bytes)) (void)sanitize_utf8(bytes, &stats_.replaced_utf8);
  }

  // `name`: the span's, as it came.
  void count_rejected(std::string_view name, std::string_view why) {
    constexpr std::size_t kNameBytesMax = 64;
    if (stats_.rejected_spans++ > 0) return;
    stats_.rejection = fmt::format("span \"{}\": {}", utf8_prefix(sanitize_utf8(name), kNameBytesMax), why);
  }

  [[nodiscard]] DecodeStats take_stats() { return std::move(stats_); }

 private:
  static void require(std::size_t count, std::size_t max, const char* limit, const char* what) {
    if (count <= max) return;
    throw DecodeFailure{{.code = ErrorCode::limit_exceeded,
                         .message = fmt::format("OTLP data has more than {} {} (limit {})", max, what, limit)}};
  }

  const DecodeLimits& limits_;
  DecodeStats stats_;
  std::size_t items_ = 0;
  std::size_t spans_ = 0;
};

// Why a span cannot be kept; empty while nothing speaks against it.
using Rejection = std::string;

// Takes an id's bytes; none at all leave it unset.
template <std::size_t kSize>
void take_id(std::array<std::uint8_t, kSize>& id, std::string_view bytes, std::string_view field,
             Rejection& rejection) {
  if (bytes.size() == kSize) {
    std::copy(bytes.begin(), bytes.end(), id.begin());
  } else if (bytes.empty()) {
    id = {};
  } else if (rejection.empty()) {
    rejection = fmt::format("{} has {} bytes instead of {}", field, bytes.size(), kSize);
  }
}

// The last word on a span whose ids have the right length.
inline Rejection id_complaint(bool has_trace_id, bool has_span_id) {
  if (!has_trace_id) return "trace_id is missing or all zero";
  if (!has_span_id) return "span_id is missing or all zero";
  return {};
}
inline void check_ids(const Span& span, Rejection& rejection) {
  if (rejection.empty()) rejection = id_complaint(is_set(span.trace_id), is_set(span.span_id));
}

}  // namespace meshflow::otlp
