#include "telemetry/exporters/rpc_status.hpp"

#include <algorithm>
#include <cstdint>

#include <protozero/pbf_reader.hpp>

#include "base/bytes.hpp"

namespace meshflow::telemetry {
namespace {

constexpr std::int64_t kRetryDelaySecondsMax = 24 * 3600;

std::string_view view_of(protozero::data_view data) { return {data.data(), data.size()}; }

// Duration{seconds = 1, nanos = 2} of RetryInfo{retry_delay = 1}.
std::chrono::milliseconds retry_delay_of(std::string_view retry_info) {
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  protozero::pbf_reader info(retry_info.data(), retry_info.size());
  while (info.next(1, protozero::pbf_wire_type::length_delimited)) {
    protozero::pbf_reader duration = info.get_message();
    while (duration.next()) {
      switch (duration.tag_and_type()) {
        case protozero::tag_and_type(1, protozero::pbf_wire_type::varint): seconds = duration.get_int64(); break;
        case protozero::tag_and_type(2, protozero::pbf_wire_type::varint): nanos = duration.get_int32(); break;
        default: duration.skip();
      }
    }
  }
  seconds = std::clamp<std::int64_t>(seconds, 0, kRetryDelaySecondsMax);
  nanos = std::clamp<std::int64_t>(nanos, 0, 999'999'999);
  return std::chrono::milliseconds(seconds * 1000 + (nanos + 999'999) / 1'000'000);
}

// Any{type_url = 1, value = 2}.
std::optional<std::chrono::milliseconds> retry_delay_of_detail(protozero::pbf_reader detail) {
  std::string_view type;
  std::string_view value;
  while (detail.next()) {
    switch (detail.tag_and_type()) {
      case protozero::tag_and_type(1, protozero::pbf_wire_type::length_delimited):
        type = view_of(detail.get_view());
        break;
      case protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited):
        value = view_of(detail.get_view());
        break;
      default: detail.skip();
    }
  }
  if (!type.ends_with("/google.rpc.RetryInfo")) return std::nullopt;
  return retry_delay_of(value);
}

}  // namespace

// Status{code = 1, message = 2, details = 3}.
RpcStatus parse_rpc_status(std::string_view bytes) try {
  RpcStatus status;
  protozero::pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited):
        status.message = sanitize_utf8(view_of(reader.get_view()));
        break;
      case protozero::tag_and_type(3, protozero::pbf_wire_type::length_delimited):
        if (const auto delay = retry_delay_of_detail(reader.get_message())) status.retry_delay = delay;
        break;
      default: reader.skip();
    }
  }
  return status;
} catch (const protozero::exception&) {
  return {};
}

}  // namespace meshflow::telemetry
