#include "server/tempo_protobuf.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <protozero/pbf_reader.hpp>

#include "base/bytes.hpp"
#include "base/try.hpp"

namespace meshflow::server {
namespace {

using protozero::pbf_reader;

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;

// Calls `take` with each field; what protozero throws becomes an Error.
template <typename Take>
Result<void> for_each_field(std::string_view bytes, Take take) {
  try {
    pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next()) take(reader);
  } catch (const protozero::exception& broken) {
    return fail(ErrorCode::invalid_input, fmt::format("the request is no message of its type: {}", broken.what()));
  }
  return {};
}

// Fields of another wire type than theirs are passed over, and read as empty.
// Text is repaired where it is not UTF-8.
std::string text_of(pbf_reader& reader) {
  if (!reader.has_wire_type(protozero::pbf_wire_type::length_delimited)) {
    reader.skip();
    return {};
  }
  const auto view = reader.get_view();
  return sanitize_utf8({view.data(), view.size()});
}
std::uint64_t uint64_of(pbf_reader& reader) {
  if (reader.has_wire_type(protozero::pbf_wire_type::varint)) return reader.get_uint64();
  reader.skip();
  return 0;
}
std::uint32_t uint32_of(pbf_reader& reader) { return static_cast<std::uint32_t>(uint64_of(reader)); }

// `key="value"`, with what logfmt escapes.
std::string logfmt_of(std::string_view key, std::string_view value) {
  std::string quoted;
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format("{}=\"{}\"", key, quoted);
}

Result<store::TimeRange> range_of(std::uint64_t start, std::uint64_t end) {
  if (start == 0 && end == 0) return store::TimeRange{};
  if (end <= start) {
    return fail(ErrorCode::invalid_input,
                fmt::format("start must be before end. received start={} end={}", start, end));
  }
  return store::TimeRange{start * kSecond, end * kSecond};
}

std::size_t count_of(std::uint32_t asked_for) {
  return asked_for == 0 ? query::kTempoTagsDefault : std::min<std::size_t>(asked_for, query::kTempoTagsMax);
}

Result<query::TempoMetrics> decode_metrics(std::string_view bytes, bool is_range) {
  query::TempoMetrics metrics;
  metrics.range = {0, 0};
  MESHFLOW_CHECK(for_each_field(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case 1: metrics.query = text_of(reader); break;
      case 2: metrics.range.from = uint64_of(reader); break;
      case 3: metrics.range.to = uint64_of(reader); break;
      case 4: is_range ? void(metrics.step = uint64_of(reader)) : reader.skip(); break;
      case 16: metrics.exemplars_max = std::min<std::size_t>(uint32_of(reader), query::kTempoExemplarsMax); break;
      case 17: {
        const std::uint32_t most = uint32_of(reader);
        if (most > 0) metrics.series_max = most;
        break;
      }
      default: reader.skip();
    }
  }));
  if (is_range && metrics.step == 0) metrics.step = query::default_step(metrics.range);
  MESHFLOW_CHECK(query::check_bounds(metrics, is_range));
  return metrics;
}

}  // namespace

Result<query::TempoSearch> decode_tempo_search(std::string_view bytes) {
  query::TempoSearch search;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  MESHFLOW_CHECK(for_each_field(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case 1: {
        const std::string bytes_of_entry = text_of(reader);
        pbf_reader entry(bytes_of_entry);
        std::string key;
        std::string value;
        while (entry.next()) {
          if (entry.tag() == 1) {
            key = text_of(entry);
          } else if (entry.tag() == 2) {
            value = text_of(entry);
          } else {
            entry.skip();
          }
        }
        search.tags += (search.tags.empty() ? "" : " ") + logfmt_of(key, value);
        break;
      }
      case 2:
        if (const std::uint32_t ms = uint32_of(reader); ms > 0) search.duration_min = ms * kMillisecond;
        break;
      case 3:
        if (const std::uint32_t ms = uint32_of(reader); ms > 0) search.duration_max = ms * kMillisecond;
        break;
      case 4:
        if (const std::uint32_t limit = uint32_of(reader); limit > 0) search.traces_max = limit;
        break;
      case 5: start = uint32_of(reader); break;
      case 6: end = uint32_of(reader); break;
      case 8: search.query = text_of(reader); break;
      case 9:
        if (const std::uint32_t spans = uint32_of(reader); spans > 0) search.spans_per_set_max = spans;
        break;
      default: reader.skip();
    }
  }));
  MESHFLOW_TRY(search.range, range_of(start, end));
  MESHFLOW_CHECK(query::check_bounds(search));
  return search;
}

Result<query::TempoTags> decode_tempo_tags(std::string_view bytes, bool is_second) {
  query::TempoTags tags;
  std::string scope;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  MESHFLOW_CHECK(for_each_field(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case 1: scope = text_of(reader); break;
      case 2: tags.query = text_of(reader); break;
      case 3: start = uint32_of(reader); break;
      case 4: end = uint32_of(reader); break;
      case 5: tags.count_max = count_of(uint32_of(reader)); break;
      default: reader.skip();
    }
  }));
  MESHFLOW_CHECK(query::set_scope(tags, scope, is_second));
  MESHFLOW_TRY(tags.range, range_of(start, end));
  return tags;
}

Result<query::TempoTagValues> decode_tempo_tag_values(std::string_view bytes, bool is_second) {
  query::TempoTagValues values;
  std::string tag;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  MESHFLOW_CHECK(for_each_field(bytes, [&](pbf_reader& reader) {
    switch (reader.tag()) {
      case 1: tag = text_of(reader); break;
      case 2: values.query = text_of(reader); break;
      case 4: start = uint32_of(reader); break;
      case 5: end = uint32_of(reader); break;
      case 6: values.count_max = count_of(uint32_of(reader)); break;
      default: reader.skip();
    }
  }));
  MESHFLOW_TRY(values.field, query::tempo_field_of(tag, is_second));
  MESHFLOW_TRY(values.range, range_of(start, end));
  return values;
}

Result<query::TempoMetrics> decode_tempo_range(std::string_view bytes) { return decode_metrics(bytes, true); }
Result<query::TempoMetrics> decode_tempo_instant(std::string_view bytes) { return decode_metrics(bytes, false); }

}  // namespace meshflow::server
