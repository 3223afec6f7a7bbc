// One client of an HttpServer. Private to the room.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/http_core.hpp"
#include "net/http_exchange.hpp"
#include "net/http_parser.hpp"
#include "net/http_socket.hpp"
#include "net/io_loops.hpp"

namespace meshflow::net {

class HttpConnection;

// What the connections of one server on one event loop share. Touched on that loop's thread only.
struct HttpLane {
  HttpLane(std::shared_ptr<IoThreads::Loops> of, std::size_t index)
      : loops(std::move(of)), context(loops->context(index)), sweep(context) {}

  const std::shared_ptr<IoThreads::Loops> loops;  // shared: an answer that is still owed leads here
  boost::asio::io_context& context;
  boost::asio::steady_timer sweep;  // ends what is late
  std::unordered_set<HttpConnection*> connections;
  bool is_stopping = false;
  bool is_over = false;  // the sweep ends
  std::string date;  // the Date header's value, of `date_second`
  std::int64_t date_second = -1;
};

// Reads requests and sends answers until either side has enough. On its lane's thread only, but for the wake function
// that it gives away.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `is_surplus`: beyond the limit of connections; the first request is answered with 503.
  HttpConnection(std::shared_ptr<HttpCore> core, std::shared_ptr<HttpLane> lane, std::unique_ptr<HttpSocket> socket,
                 std::string peer, bool is_surplus);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // The whole life of a connection; whoever spawns it keeps it alive until it returns.
  [[nodiscard]] boost::asio::awaitable<void> run();

  // Ends what is under way where its time has passed.
  void sweep(Time now);
  // The server stops: ends it now where no request has begun, after the running one else.
  void finish();
  // Ends it, whatever it is at.
  void close();

 private:
  // What is known of the request that is being read or answered.
  struct Current;
  enum class Reading { done, gone };  // gone: no answer is owed

  [[nodiscard]] boost::asio::awaitable<bool> serve_one();
  // True where the connection was HTTP/2 and has been given away, or is over.
  [[nodiscard]] boost::asio::awaitable<bool> give_away_http2();
  [[nodiscard]] boost::asio::awaitable<bool> answer_with_handler(Current& current, std::string body);
  [[nodiscard]] boost::asio::awaitable<std::optional<HttpAnswer>> wait_for(HttpOutcome& outcome);

  // Fills `current.refusal` where what came is not good enough to go on.
  [[nodiscard]] boost::asio::awaitable<Reading> read_head(Current& current);
  [[nodiscard]] boost::asio::awaitable<Reading> read_body(Current& current, std::string& body);
  [[nodiscard]] boost::asio::awaitable<Reading> read_plain_body(Current& current, std::size_t length,
                                                                std::string& body);
  [[nodiscard]] boost::asio::awaitable<Reading> read_coded_body(Current& current, std::size_t length,
                                                                std::string& body);
  [[nodiscard]] boost::asio::awaitable<Reading> read_chunked_body(Current& current, std::string& body);
  void check_before_body(Current& current);
  void refuse(Current& current, const Error& error);
  [[nodiscard]] bool hold(Current& current, std::size_t bytes);
  // True where more bytes are in the buffer; else see `timed_out_`.
  [[nodiscard]] boost::asio::awaitable<bool> read_more();
  void expect_body_progress(const Current& current);

  [[nodiscard]] boost::asio::awaitable<bool> refuse_and_go_on(Current& current);
  [[nodiscard]] boost::asio::awaitable<bool> send(Current& current, HttpAnswer answer);
  [[nodiscard]] boost::asio::awaitable<bool> send_pieces(Current& current, HttpPipe& pipe);
  [[nodiscard]] boost::asio::awaitable<bool> write(std::string_view first,
                                                   std::string_view second = std::string_view());
  [[nodiscard]] boost::asio::awaitable<void> wait_to_be_woken();
  [[nodiscard]] boost::asio::awaitable<void> end_gently(bool is_more_to_come);
  [[nodiscard]] std::string head_of(Current& current, const HttpAnswer& answer);
  [[nodiscard]] std::function<void()> waker();
  void wake();

  [[nodiscard]] std::string_view buffered() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes) noexcept;
  void set_time_limit(std::chrono::milliseconds limit);
  void unset_time_limit() noexcept { time_limit_ = Time::max(); }

  const std::shared_ptr<HttpCore> core_;  // shared with the server
  const std::shared_ptr<HttpLane> lane_;  // shared with the server and the lane's other connections
  const std::unique_ptr<HttpSocket> socket_;
  const std::string peer_;
  const bool is_surplus_;

  std::string buffer_;  // what was read and not yet taken: [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;

  Time time_limit_ = Time::max();  // of what is under way
  bool is_idle_ = true;            // no byte of a request has come
  bool has_timed_out_ = false;
  bool is_finishing_ = false;  // after this answer it ends
  bool is_closed_ = false;
  bool is_streaming_ = false;  // pieces of an answer, as they come
  boost::asio::steady_timer wake_timer_;
  bool is_woken_ = false;
  std::weak_ptr<HttpOutcome> awaited_;  // the answer that a handler is at
};

}  // namespace meshflow::net
