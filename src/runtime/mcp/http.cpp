// MCP over HTTP: each message a POST, answered by JSON or by an event stream (specification 2026-07-28, "Streamable
// HTTP", and those from 2025-03-26 on, which have sessions).
#include <array>

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include "net/http_client.hpp"
#include "net/sse.hpp"
#include "runtime/mcp/transport.hpp"

namespace meshflow::runtime::mcp {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kEndSessionTime{1000};
constexpr std::size_t kSessionIdBytesMax = 1024;

bool is_event_stream(const net::HttpResponse& response) {
  return response.header("content-type").starts_with("text/event-stream");
}

// A session's id goes into a header and onto a span: visible ASCII, as the specification says.
bool is_session_id(std::string_view id) {
  return id.size() <= kSessionIdBytesMax && std::ranges::all_of(id, [](char c) { return c >= 0x21 && c <= 0x7e; });
}

class HttpTransport final : public Transport {
 public:
  explicit HttpTransport(const ServerAddress& server) : server_(server), name_(server.name()) {}
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;
  ~HttpTransport() override {
    if (session_.empty() || is_broken_) return;
    // The server may forget the session now; whether it heard that does not matter.
    net::HttpRequest end = request_for("DELETE", {});
    end.connect_timeout = kEndSessionTime;
    end.total_timeout = kEndSessionTime;
    static_cast<void>(client_.send(end));
  }

  Outcome<json::object> exchange(const Request& request, Deadline deadline) override {
    std::optional<Outcome<Received>> answer;
    net::ServerEventReader events;
    const auto look = [&](const net::HttpResponse& so_far) {
      if (!is_event_stream(so_far)) return false;
      for (const auto& event : events.read(so_far.body)) {
        auto received = read_message(event.data, request.id, name_);
        if (received && received->kind != Received::Kind::response) continue;
        answer.emplace(std::move(received));
        return true;
      }
      return false;
    };
    auto response = post(request, deadline, look);
    if (!response) return tl::unexpected(std::move(response).error());
    if (response->status < 200 || response->status > 299) return refusal(*response, request);
    if (!is_event_stream(*response)) answer.emplace(read_message(response->body, request.id, name_));
    if (!answer || (*answer && (*answer)->kind != Received::Kind::response)) {
      return failure(ErrorCode::callback_failed, fmt::format("{} ended its answer without a response", name_),
                     "invalid_response");
    }
    if (!*answer) return tl::unexpected(std::move(*answer).error());
    if (const auto id = response->header("mcp-session-id"); !id.empty() && has_sessions_ && is_session_id(id)) {
      session_ = id;
    }
    return result_of(std::move((*answer)->message), name_);
  }

  Outcome<void> notify(const Request& notification, Deadline deadline) override {
    auto response = post(notification, deadline, nullptr);
    if (!response) return tl::unexpected(std::move(response).error());
    if (response->status < 200 || response->status > 299) {
      return refusal(*response, notification);
    }
    return {};
  }

  void cancel() noexcept override { client_.cancel(); }
  bool is_alive() override { return !is_broken_; }
  void set_version(std::string_view version, bool is_stateless) override {
    version_ = version;
    has_sessions_ = !is_stateless;
  }
  std::string session_id() const override { return session_; }
  void begin_stop() noexcept override {}

 private:
  net::HttpRequest request_for(std::string_view method, const Headers& more) {
    net::HttpRequest out;
    out.url = server_.url;
    out.method = method;
    out.headers = server_.headers;
    out.headers.emplace_back("Accept", "application/json, text/event-stream");
    if (!version_.empty()) out.headers.emplace_back("MCP-Protocol-Version", version_);
    if (!session_.empty()) out.headers.emplace_back("Mcp-Session-Id", session_);
    out.headers.insert(out.headers.end(), more.begin(), more.end());
    return out;
  }

  Outcome<net::HttpResponse> post(const Request& request, Deadline deadline,
                                  std::function<bool(const net::HttpResponse&)> is_enough) {
    net::HttpRequest out = request_for("POST", request.headers);
    out.headers.emplace_back("Content-Type", "application/json");
    out.body = request.text;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    out.total_timeout = std::max(left, std::chrono::milliseconds(1));
    out.connect_timeout = out.total_timeout;
    out.response_bytes_max = kExchangeBytesMax;
    out.is_enough = std::move(is_enough);
    auto response = client_.send(out);
    if (response) return std::move(*response);
    return tl::unexpected(failure_of(response.error()));
  }

  Failure failure_of(const net::HttpFailure& what) {
    using Phase = net::HttpFailurePhase;
    is_broken_ = true;
    Failure failed{Error{ErrorCode::callback_failed, fmt::format("{}: {}", name_, what.reason)}};
    failed.type = net::http_failure_phase_name(what.phase);
    if (what.phase == Phase::resolve || what.phase == Phase::connect) {
      failed.error.code = ErrorCode::unavailable;
      failed.was_sent = false;
    } else if (what.phase == Phase::timeout) {
      failed.error.code = ErrorCode::timeout;
    } else if (what.phase == Phase::too_large) {
      failed.error.code = ErrorCode::limit_exceeded;
    } else if (what.phase == Phase::cancelled) {
      failed.error.code = ErrorCode::cancelled;
    }
    return failed;
  }

  // An answer that is none of success: a JSON-RPC error in it says more than its status.
  tl::unexpected<Failure> refusal(const net::HttpResponse& response, const Request& request) {
    const bool ends_session = response.status == 404 && !session_.empty();
    if (ends_session) is_broken_ = true;  // the server has forgotten the session, and did nothing
    auto received = read_message(response.body, request.id, name_);
    if (received && received->message.contains("error")) {
      auto result = result_of(std::move(received->message), name_);
      if (!result) {
        Failure failed = std::move(result).error();
        failed.http_status = response.status;
        failed.was_sent = !ends_session;
        failed.is_broken = ends_session;
        return tl::unexpected(std::move(failed));
      }
    }
    Failure failed{Error{ErrorCode::callback_failed, fmt::format("{} answered {}", name_, response.status)}};
    failed.type = std::to_string(response.status);
    failed.http_status = response.status;
    failed.is_broken = ends_session;
    failed.was_sent = !ends_session && response.status != 429;
    if (ends_session || response.status == 429) failed.error.code = ErrorCode::unavailable;
    return tl::unexpected(std::move(failed));
  }

  const ServerAddress server_;
  const std::string name_;
  net::HttpClient client_;
  std::string version_;
  std::string session_;
  bool has_sessions_ = true;
  bool is_broken_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_http_transport(const ServerAddress& server) {
  return std::make_unique<HttpTransport>(server);
}

}  // namespace meshflow::runtime::mcp
