// MCP over the standard streams of a child process: one message a line (specification 2026-07-28, "stdio").
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "base/bytes.hpp"
#include "runtime/mcp/child.hpp"
#include "runtime/mcp/transport.hpp"

namespace meshflow::runtime::mcp {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t kErrorsKept = 4096;  // of the child's standard error: its last words explain its end
constexpr std::size_t kReadPiece = std::size_t{64} << 10;

class StdioTransport final : public Transport {
 public:
  explicit StdioTransport(const ServerAddress& server)
      : server_(server), name_(server.name()), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  StdioTransport(const StdioTransport&) = delete;
  StdioTransport& operator=(const StdioTransport&) = delete;
  ~StdioTransport() override {
    if (is_broken_ || is_late_ || cancelled_) child_.hurry();
  }

  Outcome<json::object> exchange(const Request& request, Deadline deadline) override {
    if (auto sent = send(request.text, deadline); !sent) return tl::unexpected(std::move(sent).error());
    read_bytes_ = 0;
    while (true) {
      auto line = next_line(deadline);
      if (!line) return tl::unexpected(std::move(line).error());
      auto received = read_message(*line, request.id, name_);
      if (!received) {
        is_broken_ = true;
        return tl::unexpected(std::move(received).error());
      }
      if (received->kind == Received::Kind::response) {
        is_late_ = false;
        return result_of(std::move(received->message), name_);
      }
      if (received->kind == Received::Kind::request) {
        if (auto sent = answer(received->message, deadline); !sent) return tl::unexpected(std::move(sent).error());
      }
    }
  }

  Outcome<void> notify(const Request& notification, Deadline deadline) override {
    return send(notification.text, deadline);
  }

  void cancel() noexcept override {
    cancelled_ = true;
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  }

  bool is_alive() override { return !is_broken_ && !cancelled_ && (!started_ || child_.ending(0ms).empty()); }
  void set_version(std::string_view, bool) override {}
  std::string session_id() const override { return {}; }
  void begin_stop() noexcept override { child_.input().close(); }

 private:
  Outcome<void> start() {
    if (started_) return {};
    auto child = ChildProcess::start(server_.command, server_.args, server_.environment);
    if (!child) {
      Failure failed{child.error(), "start_failed"};
      failed.was_sent = false;
      return tl::unexpected(std::move(failed));
    }
    child_ = std::move(*child);
    started_ = true;
    return {};
  }

  Outcome<void> send(std::string_view text, Deadline deadline) {
    if (auto begun = start(); !begun) return begun;
    to_write_ += text;
    to_write_ += '\n';
    while (!to_write_.empty()) {
      if (auto moved = move_bytes(deadline); !moved) return moved;
      if (incoming_.size() > kExchangeBytesMax) return too_much();
    }
    return {};
  }

  Outcome<std::string> next_line(Deadline deadline) {
    std::size_t looked_at = 0;
    while (true) {
      const auto end = incoming_.find('\n', looked_at);
      if (end != std::string::npos) {
        std::string line = incoming_.substr(0, end);
        incoming_.erase(0, end + 1);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty()) {
          looked_at = 0;
          continue;
        }
        return line;
      }
      looked_at = incoming_.size();
      if (incoming_.size() > kMessageBytesMax || read_bytes_ > kExchangeBytesMax) return too_much();
      if (output_ended_) return ended();
      if (auto moved = move_bytes(deadline); !moved) return tl::unexpected(std::move(moved).error());
    }
  }

  // Waits until something can be written, read, or has to end, and does that.
  Outcome<void> move_bytes(Deadline deadline) {
    if (cancelled_)
      return broken(ErrorCode::cancelled, fmt::format("the call of {} was cancelled", name_), "cancelled");
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left <= 0ms) {
      is_late_ = true;
      return failure(ErrorCode::timeout, fmt::format("{} did not answer in time", name_), "timeout");
    }
    std::array<pollfd, 4> watched{{{wake_.get(), POLLIN, 0},
                                   {to_write_.empty() ? -1 : child_.input().get(), POLLOUT, 0},
                                   {output_ended_ ? -1 : child_.output().get(), POLLIN, 0},
                                   {errors_ended_ ? -1 : child_.errors().get(), POLLIN, 0}}};
    const int limit = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    if (::poll(watched.data(), watched.size(), limit) < 0 && errno != EINTR) {
      return broken(ErrorCode::internal, fmt::format("waiting for {} failed: {}", name_, std::strerror(errno)), {});
    }
    if (watched[3].revents != 0) read_errors();
    if (watched[2].revents != 0) read_output();
    if (watched[1].revents != 0 && !write_input()) return ended();
    return {};
  }

  // False where the child does not read any more.
  bool write_input() {
    const auto written = ::send(child_.input().get(), to_write_.data(), to_write_.size(), MSG_NOSIGNAL);
    if (written < 0) return errno == EAGAIN || errno == EINTR;
    to_write_.erase(0, static_cast<std::size_t>(written));
    return true;
  }

  void read_output() {
    std::array<char, kReadPiece> piece;
    const auto count = ::read(child_.output().get(), piece.data(), piece.size());
    if (count > 0) {
      incoming_.append(piece.data(), static_cast<std::size_t>(count));
      read_bytes_ += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      output_ended_ = true;
    }
  }

  void read_errors() {
    std::array<char, kErrorsKept> piece;
    const auto count = ::read(child_.errors().get(), piece.data(), piece.size());
    if (count > 0) {
      last_words_.append(piece.data(), static_cast<std::size_t>(count));
      if (last_words_.size() > kErrorsKept) last_words_.erase(0, last_words_.size() - kErrorsKept);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      errors_ended_ = true;
    }
  }

  // A request of the server's: we offer nothing, but are there.
  Outcome<void> answer(const json::object& request, Deadline deadline) {
    json::object response{{"jsonrpc", "2.0"}, {"id", request.at("id")}};
    if (request.at("method") == "ping") {
      response["result"] = json::object();
    } else {
      response["error"] = json::object{{"code", -32601}, {"message", "Method not found"}};
    }
    return send(json::serialize(response), deadline);
  }

  tl::unexpected<Failure> broken(ErrorCode code, std::string message, std::string type) {
    is_broken_ = true;
    return failure(code, std::move(message), std::move(type));
  }

  tl::unexpected<Failure> too_much() {
    return broken(ErrorCode::limit_exceeded,
                  fmt::format("{} wrote a message of more than {} bytes, or more than {} without an answer", name_,
                              kMessageBytesMax, kExchangeBytesMax),
                  "too_large");
  }

  // It closed its output, or does not read its input any more.
  tl::unexpected<Failure> ended() {
    const std::string how = child_.ending(500ms);
    while (!errors_ended_) {  // what it said is in the pipe already
      const auto before = last_words_.size();
      read_errors();
      if (last_words_.size() == before) break;
    }
    std::string_view words = last_words_;
    while (!words.empty() && (words.back() == '\n' || words.back() == '\r')) words.remove_suffix(1);
    if (const auto line = words.rfind('\n'); line != std::string_view::npos) words.remove_prefix(line + 1);
    constexpr std::size_t kShownBytesMax = 300;
    return broken(
        ErrorCode::callback_failed,
        fmt::format("{} ended before it answered{}{}{}{}", name_, how.empty() ? "" : " (", how, how.empty() ? "" : ")",
                    words.empty() ? std::string() : ": " + sanitize_utf8(utf8_prefix(words, kShownBytesMax))),
        "server_ended");
  }

  const ServerAddress server_;
  const std::string name_;
  const Descriptor wake_;
  std::atomic<bool> cancelled_{false};
  bool started_ = false;
  bool is_broken_ = false;
  bool is_late_ = false;  // it owes an answer for which nobody waits any more
  ChildProcess child_;
  std::string to_write_;
  std::string incoming_;
  std::size_t read_bytes_ = 0;  // since the request was sent
  bool output_ended_ = false;
  bool errors_ended_ = false;
  std::string last_words_;
};

}  // namespace

std::unique_ptr<Transport> make_stdio_transport(const ServerAddress& server) {
  return std::make_unique<StdioTransport>(server);
}

}  // namespace meshflow::runtime::mcp
