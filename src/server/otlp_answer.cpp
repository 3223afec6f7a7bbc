#include "server/otlp_answer.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/bytes.hpp"
#include "otlp/wire.hpp"

namespace meshflow::server {
namespace {

namespace wire = otlp::wire;

// google/rpc/status.proto, google/protobuf/any.proto, google/rpc/error_details.proto, google/protobuf/duration.proto.
enum class StatusField : std::uint32_t { code = 1, message = 2, details = 3 };
enum class AnyField : std::uint32_t { type_url = 1, value = 2 };
enum class RetryInfoField : std::uint32_t { retry_delay = 1 };
enum class DurationField : std::uint32_t { seconds = 1 };

constexpr std::string_view kRetryInfoType = "type.googleapis.com/google.rpc.RetryInfo";

template <auto kField>
void append_bytes(std::string& out, std::string_view body) {
  const std::size_t before = out.size();
  out.resize(before + wire::length_field_size<kField>(body.size()));
  wire::write_length_field<kField>(out.data() + before, body);
}

template <auto kField>
void append_number(std::string& out, std::uint64_t number) {
  const std::size_t before = out.size();
  out.resize(before + wire::varint_field_size<kField>(number));
  wire::write_varint_field<kField>(out.data() + before, number);
}

std::string retry_info(std::chrono::seconds delay) {
  std::string duration;
  append_number<DurationField::seconds>(duration, static_cast<std::uint64_t>(delay.count()));
  std::string info;
  append_bytes<RetryInfoField::retry_delay>(info, duration);
  std::string any;
  append_bytes<AnyField::type_url>(any, kRetryInfoType);
  append_bytes<AnyField::value>(any, info);
  return any;
}

}  // namespace

std::string encode(const RpcStatus& status) {
  std::string out;
  append_number<StatusField::code>(out, static_cast<std::uint64_t>(status.code));
  append_bytes<StatusField::message>(out, sanitize_utf8(status.message));
  if (status.retry_delay) append_bytes<StatusField::details>(out, retry_info(*status.retry_delay));
  return out;
}

std::string encode_json(const RpcStatus& status) {
  return boost::json::serialize(
      boost::json::object{{"code", static_cast<int>(status.code)}, {"message", sanitize_utf8(status.message)}});
}

Refusal refusal_of(const Error& error, std::chrono::seconds retry_after, ReceiverCounters& counters) {
  Refusal refusal{.status = {.message = error.text()}};
  switch (error.code) {
    case ErrorCode::invalid_input:
      ++counters.refused_bad;
      refusal.status.code = RpcCode::invalid_argument;
      refusal.http_status = 400;
      break;
    case ErrorCode::limit_exceeded:
      ++counters.refused_too_large;
      refusal.status.code = RpcCode::resource_exhausted;
      refusal.http_status = 413;
      break;
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
    case ErrorCode::cancelled:
    case ErrorCode::conflict:
      ++counters.refused_overloaded;
      refusal.status.code = RpcCode::unavailable;
      refusal.status.retry_delay = retry_after;
      refusal.http_status = 503;
      break;
    default:
      ++counters.refused_failed;
      refusal.status.code = RpcCode::internal;
      refusal.http_status = 500;
  }
  return refusal;
}

RpcCode rpc_code_of(int http_status) noexcept {
  switch (http_status) {
    case 401: return RpcCode::unauthenticated;
    case 403:
    case 421: return RpcCode::permission_denied;
    case 404:
    case 405:
    case 501: return RpcCode::unimplemented;
    case 408: return RpcCode::deadline_exceeded;
    case 413:
    case 429:
    case 431: return RpcCode::resource_exhausted;
    case 503: return RpcCode::unavailable;
    default: return http_status < 500 ? RpcCode::invalid_argument : RpcCode::internal;
  }
}

}  // namespace meshflow::server
