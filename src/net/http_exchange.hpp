// One answer on its way from whoever gives it to the connection that sends it. Private to the room.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/http_core.hpp"
#include "net/http_server.hpp"

namespace meshflow::net {

// The pieces of a streamed body. Thread-safe. `wake` calls the connection, from any thread.
class HttpPipe {
 public:
  HttpPipe(std::size_t bytes_max, std::function<void()> wake) : bytes_max_(bytes_max), wake_(std::move(wake)) {}

  // For the producer, as HttpStream has them; abandon(): the producer is gone.
  [[nodiscard]] bool write(std::string piece);
  [[nodiscard]] bool wait_for_room(std::chrono::milliseconds limit);
  [[nodiscard]] bool is_open() const;
  void end();
  void abandon();

  // For the connection. take(): what there is to send; an empty string: nothing yet.
  enum class State { open, ended, abandoned };
  struct Pieces {
    std::string bytes;
    State state = State::open;
  };
  [[nodiscard]] Pieces take();
  // The producer learns that nothing more is wanted.
  void close();

 private:
  const std::size_t bytes_max_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  State state_ = State::open;
  bool is_closed_ = false;
};

struct HttpAnswer {
  HttpReply reply;
  bool is_compressed = false;
  std::shared_ptr<HttpPipe> pipe = nullptr;  // where the body is streamed; shared with the producer
};

// Where the answer to one request is laid down. Thread-safe. `wake` calls the connection, from any thread.
class HttpOutcome {
 public:
  explicit HttpOutcome(std::function<void()> wake) : wake_(std::move(wake)) {}

  // The first answer counts; false for later ones.
  bool give(HttpAnswer answer);
  [[nodiscard]] bool is_given();
  // Once for the connection. Nothing yet: `wake` comes when there is.
  [[nodiscard]] std::optional<HttpAnswer> take();
  [[nodiscard]] const std::function<void()>& wake() const noexcept { return wake_; }
  // The connection says that nobody waits for the answer any more.
  void leave() noexcept { is_left_.store(true, std::memory_order_release); }
  [[nodiscard]] bool is_left() const noexcept { return is_left_.load(std::memory_order_acquire); }

 private:
  const std::function<void()> wake_;
  std::atomic<bool> is_left_{false};
  std::mutex mutex_;
  std::optional<HttpAnswer> answer_;
  bool is_given_ = false;
  bool is_awaited_ = false;
};

class HttpStream::State {
 public:
  explicit State(std::shared_ptr<HttpPipe> shared) : pipe(std::move(shared)) {}
  ~State() { pipe->abandon(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const std::shared_ptr<HttpPipe> pipe;  // shared with the connection
};

// What all copies of an HttpResponder share.
class HttpResponder::Exchange {
 public:
  // `request` without its body.
  Exchange(std::shared_ptr<HttpCore> of, std::shared_ptr<HttpOutcome> to, HttpServerRequest request)
      : core(std::move(of)), outcome(std::move(to)), head(std::move(request)) {}
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const std::shared_ptr<HttpCore> core;        // shared with the server
  const std::shared_ptr<HttpOutcome> outcome;  // shared with the connection
  const HttpServerRequest head;
};

}  // namespace meshflow::net
