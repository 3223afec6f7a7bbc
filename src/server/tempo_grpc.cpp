#include "server/tempo_grpc.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <protozero/pbf_reader.hpp>

#include "base/try.hpp"
#include "server/tempo_answers.hpp"
#include "server/tempo_protobuf.hpp"

namespace meshflow::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kService = "/tempopb.StreamingQuerier/";
// A query of 128 KiB, and what stands beside it.
constexpr std::size_t kRequestBytesMax = std::size_t{256} << 10;
constexpr std::size_t kTransportBytesMax = std::size_t{64} << 20;
// Clients of gRPC take 4 MiB unless they say otherwise.
constexpr std::size_t kMessageBytes = std::size_t{1} << 20;
// What was found goes out after so long, however little it is.
constexpr std::chrono::milliseconds kPartInterval{200};
// A client that does not read lets so much wait; then its query is ended.
constexpr std::size_t kWaitingBytesMax = std::size_t{64} << 20;

RpcStatus status_of(const TempoRefusal& refusal) {
  RpcStatus status;
  status.message = text_of(refusal);
  switch (refusal.error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::invalid_input: status.code = RpcCode::invalid_argument; break;
    case ErrorCode::limit_exceeded:
      status.code = refusal.problem ? RpcCode::invalid_argument : RpcCode::resource_exhausted;
      break;
    case ErrorCode::timeout: status.code = RpcCode::deadline_exceeded; break;
    case ErrorCode::unavailable:
    case ErrorCode::conflict: status.code = RpcCode::unavailable; break;
    case ErrorCode::cancelled: status.code = RpcCode::cancelled; break;
    default: status.code = RpcCode::internal;
  }
  return status;
}

void finish_with(const GrpcCall& call, const TempoResult<std::string>& message, std::uint32_t left_out = 0) {
  if (!message) return call.finish(status_of(message.error()));
  auto pieces = message_pieces(*message, kMessageBytes, left_out);
  if (!pieces) return call.finish(status_of(refusal_of(pieces.error())));
  std::string last = std::move(pieces->back());
  pieces->pop_back();
  for (std::string& each : *pieces) call.write(std::move(each));
  call.finish(std::move(last));
}

// Sends traces on as they are found, some at a time.
class Parts {
 public:
  explicit Parts(const GrpcCall& call) : call_(call) {}
  void add(std::string part) {
    waiting_ += part;  // messages of one type, one after the other, are their sum
    if (waiting_.size() >= kMessageBytes || Clock::now() - last_ >= kPartInterval) send();
  }
  void send() {
    if (waiting_.empty()) return;
    call_.write(std::exchange(waiting_, {}));
    last_ = Clock::now();
  }

 private:
  const GrpcCall& call_;
  std::string waiting_;
  Clock::time_point last_ = Clock::now();
};

void answer_search_in_parts(const TempoAsking& asking, const query::TempoSearch& search, const GrpcCall& call) {
  constexpr std::uint32_t kTraces = 1;
  Parts parts(call);
  const auto whole = answer_search(asking, search, [&](std::string part) { parts.add(std::move(part)); });
  parts.send();
  finish_with(call, whole, kTraces);
}

// A method: reads its request and answers it.
using Answer = std::function<void(const TempoAsking&, std::string_view message, const GrpcCall&)>;

template <typename Asked>
Answer answered_whole(Result<Asked> (*decode)(std::string_view),
                      TempoResult<std::string> (*answer)(const TempoAsking&, const Asked&)) {
  return [decode, answer](const TempoAsking& asking, std::string_view message, const GrpcCall& call) {
    const auto asked = decode(message);
    if (!asked) return call.finish(status_of(refusal_of(asked.error())));
    finish_with(call, answer(asking, *asked));
  };
}

template <bool kIsSecond>
Result<query::TempoTags> decode_tags(std::string_view bytes) {
  return decode_tempo_tags(bytes, kIsSecond);
}
template <bool kIsSecond>
Result<query::TempoTagValues> decode_tag_values(std::string_view bytes) {
  return decode_tempo_tag_values(bytes, kIsSecond);
}

struct Method {
  std::string_view name;
  std::string_view query;  // as its duration is counted
  Answer answer;
};

const std::vector<Method>& methods() {
  static const std::vector<Method> kMethods = {
      {"Search", "search",
       [](const TempoAsking& asking, std::string_view message, const GrpcCall& call) {
         const auto search = decode_tempo_search(message);
         if (!search) return call.finish(status_of(refusal_of(search.error())));
         answer_search_in_parts(asking, *search, call);
       }},
      {"SearchTags", "tags", answered_whole(decode_tags<false>, answer_tags)},
      {"SearchTagsV2", "tags", answered_whole(decode_tags<true>, answer_tags_v2)},
      {"SearchTagValues", "tag values", answered_whole(decode_tag_values<false>, answer_tag_values)},
      {"SearchTagValuesV2", "tag values", answered_whole(decode_tag_values<true>, answer_tag_values_v2)},
      {"MetricsQueryRange", "metrics", answered_whole(decode_tempo_range, answer_query_range)},
      {"MetricsQueryInstant", "metrics", answered_whole(decode_tempo_instant, answer_query_instant)},
  };
  return kMethods;
}

const Method* find_method(std::string_view name) {
  if (!name.starts_with(kService)) return nullptr;
  for (const Method& each : methods()) {
    if (each.name == name.substr(kService.size())) return &each;
  }
  return nullptr;
}

std::optional<RpcStatus> check_method(std::string_view name) {
  if (find_method(name) != nullptr) return std::nullopt;
  return RpcStatus{.code = RpcCode::unimplemented,
                   .message = fmt::format("there is no {}; there is tempopb.StreamingQuerier", name)};
}

}  // namespace

Result<std::unique_ptr<TempoGrpc>> TempoGrpc::start(const TempoGrpcOptions& options) {
  std::unique_ptr<TempoGrpc> made(new TempoGrpc);
  GrpcServerOptions grpc;
  grpc.name = "tempo-grpc";
  grpc.bearer_token = options.bearer_token;
  grpc.message_bytes_max = kRequestBytesMax;
  grpc.transport_bytes_max = kTransportBytesMax;
  MESHFLOW_TRY(made->server_,
               GrpcServer::start(std::move(grpc), check_method,
                                 [api = made.get()](std::string_view method, std::string message, GrpcCall call) {
                                   api->answer(method, std::move(message), call);
                                 }));
  return made;
}

TempoGrpc::~TempoGrpc() { stop(std::chrono::milliseconds(0)); }

void TempoGrpc::answer(std::string_view name, std::string message, const GrpcCall& call) const {
  const QueryService* const service = service_;
  if (service == nullptr) {
    return call.finish({.code = RpcCode::unavailable, .message = "the server is starting: the store is being opened"});
  }
  auto request = without_gzip(std::move(message), kRequestBytesMax);
  if (!request) return call.finish(status_of(refusal_of(request.error())));
  const Method& method = *find_method(name);  // by check_method
  const bool is_taken =
      service->try_post("tempo-grpc", method.query, [service, &method, call, request = std::move(*request)] {
        const ClientWatch::Guard client(
            service->clients(), [&call] { return call.is_wanted() && call.waiting_bytes() <= kWaitingBytesMax; });
        TempoAsking asking{service->store(), service->limits(), TempoEncoding::protobuf};
        asking.limits.cancelled = &client.is_gone();
        method.answer(asking, request, call);
      });
  if (!is_taken) {
    call.finish({.code = RpcCode::resource_exhausted, .message = "too many queries are waiting, try again later"});
  }
}

Result<std::vector<std::string>> message_pieces(std::string_view message, std::size_t bytes_max,
                                                std::uint32_t left_out) {
  std::vector<std::string> pieces(1);
  try {
    protozero::pbf_reader reader(message.data(), message.size());
    const char* begin = message.data();
    const char* const end = begin + message.size();
    while (reader.next()) {
      const bool is_left_out = reader.tag() == left_out;
      reader.skip();
      const char* const next = end - reader.length();
      const std::string_view field(begin, static_cast<std::size_t>(next - begin));
      begin = next;
      if (is_left_out) continue;
      if (!pieces.back().empty() && pieces.back().size() + field.size() > bytes_max) pieces.emplace_back();
      pieces.back() += field;
    }
  } catch (const protozero::exception& broken) {
    return fail(ErrorCode::invalid_input, fmt::format("these bytes are no message: {}", broken.what()));
  }
  return pieces;
}

}  // namespace meshflow::server
