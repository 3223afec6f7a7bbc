#include "net/http_connection.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/clock.hpp"
#include "net/content_encoding.hpp"

namespace meshflow::net {

namespace asio = boost::asio;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// The first read of a request takes so much: all of a small one, the head and a little of a large one.
constexpr std::size_t kBufferBytesMin = std::size_t{8} << 10;
// A plain body gets so much memory at once; the rest when that has come, so that a claim alone costs little.
constexpr std::size_t kBodyBytesAtOnce = std::size_t{1} << 20;
// Pieces in which a compressed body is read.
constexpr std::size_t kCodedPieceBytes = std::size_t{64} << 10;
// How much larger than its compressed form a body is expected to be: OTLP's telemetry shrinks to a fifth or a tenth.
constexpr std::size_t kExpectedRatio = 8;
// A body must come at this pace (HttpServerLimits::body_timeout).
constexpr std::size_t kBodyBytesPerSecondMin = std::size_t{64} << 10;
// An answer up to this size is sent in one piece with its head.
constexpr std::size_t kJoinedBodyBytesMax = std::size_t{16} << 10;
// The first word of HTTP/2's preface, which is no method of HTTP/1.
constexpr std::string_view kHttp2Begin = "PRI ";
// How long the rest of a refused body is read and thrown away, so that the client gets to see the answer: a socket that
// is closed with unread bytes resets the connection.
constexpr std::chrono::seconds kLingerTime{2};

}  // namespace

struct HttpConnection::Current {
  explicit Current(HttpCore& core) : parser(core.options.limits.header_bytes_max), budget(core) {}

  HttpRequestParser parser;
  BodyBudget budget;
  std::optional<HttpReply> refusal;
  bool is_body_unread = false;  // (a part of) the body may still come: no other request can follow
  ContentEncoding encoding = ContentEncoding::identity;
  Time body_begin;
  std::size_t body_bytes = 0;  // received
};

HttpConnection::HttpConnection(std::shared_ptr<HttpCore> core, std::shared_ptr<HttpLane> lane,
                               std::unique_ptr<HttpSocket> socket, std::string peer, bool is_surplus)
    : core_(std::move(core)),
      lane_(std::move(lane)),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      is_surplus_(is_surplus),
      wake_timer_(lane_->context) {
  lane_->connections.insert(this);
  buffer_.resize(kBufferBytesMin);
}

HttpConnection::~HttpConnection() { lane_->connections.erase(this); }

// ---- Life ---------------------------------------------------------------------------------------------------------

asio::awaitable<void> HttpConnection::run() {
  if (lane_->is_stopping) co_return;
  set_time_limit(core_->options.limits.header_timeout);
  // What is awaited has a name, in conditions above all: GCC 12 makes nonsense of a loop within a branch that both
  // await.
  bool is_going_on = co_await socket_->handshake();
  if (is_going_on && core_->options.take_http2) {
    const bool is_given_away = co_await give_away_http2();
    is_going_on = !is_given_away;
  }
  while (is_going_on) {
    const bool may_follow = co_await serve_one();
    is_going_on = may_follow;
  }
  socket_->close();
}

asio::awaitable<bool> HttpConnection::give_away_http2() {
  set_time_limit(core_->options.limits.idle_timeout);
  const std::optional<std::string> seen = co_await socket_->peek(kHttp2Begin.size());
  if (!seen) co_return false;
  if (seen->empty() || is_closed_) co_return true;
  if (*seen != kHttp2Begin || is_surplus_) co_return false;
  const int socket = socket_->release();
  if (socket >= 0) core_->options.take_http2(socket);
  co_return true;
}

void HttpConnection::sweep(Time now) {
  if (const auto outcome = awaited_.lock(); outcome != nullptr && !outcome->is_left() && socket_->is_peer_gone()) {
    outcome->leave();
    if (is_streaming_) return close();  // its producer may have nothing to write for long
  }
  if (now < time_limit_) return;
  if (has_timed_out_) return close();  // what followed the first time was late as well
  has_timed_out_ = true;
  if (!is_idle_) ++core_->timeouts;
  socket_->cancel();
}

void HttpConnection::finish() {
  is_finishing_ = true;
  if (is_idle_) return close();
  wake();  // a stream's producer is told
}

void HttpConnection::close() {
  is_closed_ = true;
  if (const auto outcome = awaited_.lock()) outcome->leave();
  socket_->close();
  wake();
}

void HttpConnection::wake() {
  is_woken_ = true;
  wake_timer_.cancel();
}

std::function<void()> HttpConnection::waker() {
  return [weak = weak_from_this(), lane = lane_] {
    asio::post(lane->context, [weak] {
      if (const auto connection = weak.lock()) connection->wake();
    });
  };
}

asio::awaitable<void> HttpConnection::wait_to_be_woken() {
  while (!is_woken_) {
    wake_timer_.expires_at(Time::max());
    co_await wake_timer_.async_wait(kAwait);
  }
  is_woken_ = false;
}

void HttpConnection::set_time_limit(std::chrono::milliseconds limit) {
  time_limit_ = std::chrono::steady_clock::now() + limit;
}

void HttpConnection::consume(std::size_t bytes) noexcept {
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

// One request and its answer. True where another may follow.
asio::awaitable<bool> HttpConnection::serve_one() {
  Current current(*core_);
  std::string body;
  const Reading of_head = co_await read_head(current);
  if (of_head == Reading::gone) co_return false;
  if (!current.refusal) check_before_body(current);
  if (current.refusal) co_return co_await refuse_and_go_on(current);

  // From here on it counts, until it is answered.
  struct Count {
    explicit Count(HttpCore& of) : core(of) {}
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    ~Count() { --core.requests_open; }
    HttpCore& core;
  };
  const HttpServerLimits& limits = core_->options.limits;
  const bool is_too_many = ++core_->requests_open > limits.requests_max;
  const Count count(*core_);
  if (is_too_many) {
    current.refusal = core_->busy(current.parser.head(), "too many requests are being worked on");
    co_return co_await refuse_and_go_on(current);
  }
  const Reading of_body = co_await read_body(current, body);
  if (of_body == Reading::gone) co_return false;
  if (current.refusal) co_return co_await refuse_and_go_on(current);
  current.is_body_unread = false;
  unset_time_limit();
  co_return co_await answer_with_handler(current, std::move(body));
}

asio::awaitable<bool> HttpConnection::answer_with_handler(Current& current, std::string body) {
  ++core_->requests;
  const auto outcome = std::make_shared<HttpOutcome>(waker());
  awaited_ = outcome;
  {
    HttpServerRequest request = current.parser.head();
    const HttpResponder responder(std::make_shared<HttpResponder::Exchange>(core_, outcome, current.parser.head()));
    request.body = std::move(body);
    try {
      core_->handler(std::move(request), responder);
    } catch (...) {
      responder.fail(500, "the server failed to answer this request");
    }
  }
  auto answer = co_await wait_for(*outcome);
  if (!answer) co_return false;
  co_return co_await send(current, std::move(*answer));
}

asio::awaitable<std::optional<HttpAnswer>> HttpConnection::wait_for(HttpOutcome& outcome) {
  for (;;) {
    if (auto answer = outcome.take()) co_return answer;
    co_await wait_to_be_woken();
    if (is_closed_) co_return std::nullopt;
  }
}

// ---- Reading ------------------------------------------------------------------------------------------------------

asio::awaitable<bool> HttpConnection::read_more() {
  if (end_ == buffer_.size()) {
    if (begin_ > 0) {
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), buffer_.end(), buffer_.begin());
      end_ -= begin_;
      begin_ = 0;
    } else {
      buffer_.resize(buffer_.size() * 2);
    }
  }
  const asio::mutable_buffer room(buffer_.data() + end_, buffer_.size() - end_);
  const auto read = co_await socket_->read_some(room);
  end_ += read.bytes;
  co_return !read.is_failed;
}

asio::awaitable<HttpConnection::Reading> HttpConnection::read_head(Current& current) {
  const HttpServerLimits& limits = core_->options.limits;
  is_idle_ = buffered().empty();
  set_time_limit(is_idle_ ? limits.idle_timeout : limits.header_timeout);
  bool wants_more = is_idle_;
  while (!current.parser.is_head_done()) {
    if (wants_more) {
      if (is_idle_ && is_finishing_) co_return Reading::gone;
      const bool is_more = co_await read_more();
      if (!is_more && (is_idle_ || is_closed_ || !has_timed_out_)) co_return Reading::gone;
      if (!is_more) {
        current.is_body_unread = true;
        current.refusal = core_->error(current.parser.head(), 408, "the request's headers took too long to come");
        co_return Reading::done;
      }
      if (std::exchange(is_idle_, false)) set_time_limit(limits.header_timeout);
    }
    const auto taken = current.parser.put(buffered());
    if (!taken) {
      current.is_body_unread = true;
      const int status = taken.error().code == ErrorCode::limit_exceeded ? 431 : 400;
      current.refusal = core_->error(current.parser.head(), status, taken.error().message);
      co_return Reading::done;
    }
    consume(*taken);
    wants_more = *taken == 0 || buffered().empty();
  }
  current.parser.head().peer = peer_;
  co_return Reading::done;
}

void HttpConnection::check_before_body(Current& current) {
  HttpRequestParser& parser = current.parser;
  HttpServerRequest& head = parser.head();
  const HttpServerLimits& limits = core_->options.limits;
  const std::uint64_t length = parser.content_length().value_or(0);
  current.is_body_unread = length > 0 || parser.is_chunked();
  if (is_surplus_) {
    is_finishing_ = true;
    current.refusal = core_->busy(head, "too many clients are connected");
    return;
  }
  current.refusal = answer_from_head(*core_, head, parser.is_http_1_0());
  if (current.refusal) return;
  const std::string_view expectation = head.header("expect");
  if (!expectation.empty() && expectation != "100-continue") {
    current.refusal = core_->error(head, 417, "this server knows no expectation but 100-continue");
    return;
  }
  const std::string_view transfer = head.header("transfer-encoding");
  if (!transfer.empty() && (!parser.is_chunked() || transfer.find(',') != std::string_view::npos)) {
    current.refusal = core_->error(head, 501, "this server knows no Transfer-Encoding but chunked");
    return;
  }
  const auto encoding = parse_content_encoding(head.header("content-encoding"));
  if (!encoding) {
    current.refusal = core_->error(head, 415, encoding.error().text());
    return;
  }
  current.encoding = *encoding;
  if (length > limits.body_bytes_max) {
    current.refusal = core_->error(head, 413, fmt::format("the body has more than {} bytes", limits.body_bytes_max));
  }
}

// The pace that a body must keep: some patience, and then so many bytes a second since it began.
void HttpConnection::expect_body_progress(const Current& current) {
  const std::chrono::milliseconds earned(current.body_bytes * 1000 / kBodyBytesPerSecondMin);
  time_limit_ = current.body_begin + core_->options.limits.body_timeout + earned;
}

void HttpConnection::refuse(Current& current, const Error& error) {
  const int status = error.code == ErrorCode::limit_exceeded ? 413 : 400;
  current.refusal = core_->error(current.parser.head(), status, error.message);
}

bool HttpConnection::hold(Current& current, std::size_t bytes) {
  if (current.budget.hold(bytes)) return true;
  current.refusal = core_->busy(current.parser.head(), "the requests being worked on take all the memory they may");
  return false;
}

asio::awaitable<HttpConnection::Reading> HttpConnection::read_body(Current& current, std::string& body) {
  if (!current.is_body_unread) co_return Reading::done;
  current.body_begin = std::chrono::steady_clock::now();
  expect_body_progress(current);
  if (!current.parser.head().header("expect").empty() && buffered().empty()) {
    const bool is_told = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!is_told) co_return Reading::gone;
    expect_body_progress(current);
  }
  const auto length = static_cast<std::size_t>(current.parser.content_length().value_or(0));
  Reading reading = Reading::done;
  if (current.parser.is_chunked()) {
    reading = co_await read_chunked_body(current, body);
  } else if (current.encoding == ContentEncoding::identity) {
    reading = co_await read_plain_body(current, length, body);
  } else {
    reading = co_await read_coded_body(current, length, body);
  }
  core_->body_bytes += current.body_bytes;
  if (reading == Reading::gone && has_timed_out_ && !is_closed_) {
    current.refusal = core_->error(current.parser.head(), 408, "the request's body took too long to come");
    reading = Reading::done;
  }
  co_return reading;
}

// Straight into the string that the handler gets.
asio::awaitable<HttpConnection::Reading> HttpConnection::read_plain_body(Current& current, std::size_t length,
                                                                         std::string& body) {
  while (current.body_bytes < length) {
    if (current.body_bytes == body.size()) {
      const std::size_t size = std::min(length, std::max(body.size() * 2, kBodyBytesAtOnce));
      if (!hold(current, size)) co_return Reading::done;
      body.resize(size);
    }
    const std::size_t room = body.size() - current.body_bytes;
    char* const place = body.data() + current.body_bytes;
    if (const std::string_view waiting = buffered(); !waiting.empty()) {
      const std::size_t size = std::min(waiting.size(), room);
      std::copy_n(waiting.begin(), size, place);
      consume(size);
      current.body_bytes += size;
      continue;
    }
    const asio::mutable_buffer target(place, room);
    const auto read = co_await socket_->read_some(target);
    if (read.is_failed) co_return Reading::gone;
    current.body_bytes += read.bytes;
    expect_body_progress(current);
  }
  co_return Reading::done;
}

asio::awaitable<HttpConnection::Reading> HttpConnection::read_coded_body(Current& current, std::size_t length,
                                                                         std::string& body) {
  const std::size_t expected = std::min(length * kExpectedRatio, kBodyBytesAtOnce);
  const auto decoder = ContentDecoder::make(current.encoding, expected, core_->options.limits.decoded_body_bytes_max);
  std::string piece(std::min(length, kCodedPieceBytes), '\0');
  while (current.body_bytes < length) {
    std::string_view bytes = buffered().substr(0, length - current.body_bytes);
    if (bytes.empty()) {
      const asio::mutable_buffer target(piece.data(), std::min(piece.size(), length - current.body_bytes));
      const auto read = co_await socket_->read_some(target);
      if (read.is_failed) co_return Reading::gone;
      bytes = std::string_view(piece).substr(0, read.bytes);
    } else {
      begin_ += bytes.size();  // taken now, and not overwritten before the next read
    }
    current.body_bytes += bytes.size();
    expect_body_progress(current);
    if (const auto fed = decoder->feed(bytes); !fed) {
      refuse(current, fed.error());
      co_return Reading::done;
    }
    consume(0);
    if (!hold(current, decoder->allocated_bytes())) co_return Reading::done;
  }
  auto decoded = decoder->finish();
  if (!decoded) {
    refuse(current, decoded.error());
    co_return Reading::done;
  }
  body = std::move(*decoded);
  co_return Reading::done;
}

asio::awaitable<HttpConnection::Reading> HttpConnection::read_chunked_body(Current& current, std::string& body) {
  const HttpServerLimits& limits = core_->options.limits;
  std::unique_ptr<ContentDecoder> decoder;
  if (current.encoding != ContentEncoding::identity) {
    decoder = ContentDecoder::make(current.encoding, kBodyBytesAtOnce, limits.decoded_body_bytes_max);
  }
  current.parser.set_on_body([&](std::string_view bytes) -> Result<void> {
    current.body_bytes += bytes.size();
    if (current.body_bytes > limits.body_bytes_max) {
      return fail(ErrorCode::limit_exceeded, fmt::format("the body has more than {} bytes", limits.body_bytes_max));
    }
    if (decoder) return decoder->feed(bytes);
    body.append(bytes);
    return {};
  });
  while (!current.parser.is_done()) {
    const auto taken = current.parser.put(buffered());
    if (!taken) {
      refuse(current, taken.error());
      co_return Reading::done;
    }
    consume(*taken);
    if (!hold(current, decoder ? decoder->allocated_bytes() : body.capacity())) co_return Reading::done;
    if (*taken > 0) continue;
    if (buffered().size() >= limits.header_bytes_max) {
      current.refusal = core_->error(current.parser.head(), 400, "a chunk's header is too long");
      co_return Reading::done;
    }
    const bool is_more = co_await read_more();
    if (!is_more) co_return Reading::gone;
    expect_body_progress(current);
  }
  if (!decoder || current.body_bytes == 0) co_return Reading::done;
  auto decoded = decoder->finish();
  if (!decoded) {
    refuse(current, decoded.error());
    co_return Reading::done;
  }
  body = std::move(*decoded);
  co_return Reading::done;
}

// ---- Answering ----------------------------------------------------------------------------------------------------

asio::awaitable<bool> HttpConnection::refuse_and_go_on(Current& current) {
  if (current.refusal->status >= 400) ++core_->refused;
  HttpAnswer answer{.reply = std::move(*current.refusal)};
  co_return co_await send(current, std::move(answer));
}

std::string HttpConnection::head_of(Current& current, const HttpAnswer& answer) {
  const auto is_plain = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7F; });
  };
  const HttpReply& reply = answer.reply;
  const std::int64_t second = system_clock().wall_nanos() / 1'000'000'000;
  if (second != lane_->date_second) {
    lane_->date_second = second;
    lane_->date = http_date(second);
  }
  std::string head;
  head.reserve(512);
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!is_plain(name) || !is_plain(value)) return;
    head.append(name).append(": ").append(value).append("\r\n");
  };
  head += fmt::format("HTTP/1.1 {} {}\r\n", reply.status, http_reason(reply.status));
  add("Date", lane_->date);
  if (!reply.content_type.empty()) add("Content-Type", reply.content_type);
  if (reply.status != 204 && reply.status != 304) {
    if (answer.pipe == nullptr) {
      add("Content-Length", std::to_string(reply.body.size()));
    } else if (!current.parser.is_http_1_0()) {
      add("Transfer-Encoding", "chunked");
    }
  }
  if (answer.is_compressed) {
    add("Content-Encoding", "gzip");
    add("Vary", "Accept-Encoding");
  }
  for (const auto& [name, value] : reply.headers) add(name, value);
  for (const auto& [name, value] : cors_headers(*core_, current.parser.head())) add(name, value);
  if (is_finishing_) {
    add("Connection", "close");
  } else if (current.parser.is_http_1_0()) {
    add("Connection", "keep-alive");
  }
  head += "\r\n";
  return head;
}

asio::awaitable<bool> HttpConnection::send(Current& current, HttpAnswer answer) {
  const bool is_known = current.parser.is_head_done();
  const bool is_head = is_known && current.parser.head().method == "HEAD";
  const bool is_raw_stream = answer.pipe != nullptr && is_known && current.parser.is_http_1_0();
  // That the server stops may be known before this connection's lane has heard of it.
  if (!is_known || !current.parser.keep_alive() || current.is_body_unread || is_raw_stream || has_timed_out_ ||
      core_->is_stopping) {
    is_finishing_ = true;
  }
  std::string first = head_of(current, answer);
  std::string& body = answer.reply.body;
  if (is_head || answer.reply.status == 204 || answer.reply.status == 304) {
    body.clear();
    if (answer.pipe) answer.pipe->close();
    answer.pipe = nullptr;
  }
  bool is_sent = false;
  if (answer.pipe != nullptr) {
    is_sent = co_await write(first);
    is_streaming_ = true;
    if (is_sent) is_sent = co_await send_pieces(current, *answer.pipe);
    is_streaming_ = false;
    answer.pipe->close();
  } else {
    if (body.size() <= kJoinedBodyBytesMax) first += std::exchange(body, {});
    is_sent = co_await write(first, body);
  }
  unset_time_limit();
  if (!is_sent) co_return false;
  if (!is_finishing_) co_return true;
  co_await end_gently(current.is_body_unread || !buffered().empty());
  co_return false;
}

asio::awaitable<bool> HttpConnection::send_pieces(Current& current, HttpPipe& pipe) {
  const bool is_chunked = !current.parser.is_http_1_0();
  for (;;) {
    const HttpPipe::Pieces pieces = pipe.take();
    if (!pieces.bytes.empty()) {
      std::string chunk;
      if (is_chunked) chunk = fmt::format("{:x}\r\n", pieces.bytes.size());
      chunk += pieces.bytes;
      if (is_chunked) chunk += "\r\n";
      const bool is_sent = co_await write(chunk);
      if (!is_sent) co_return false;
    }
    if (pieces.state == HttpPipe::State::abandoned) co_return false;
    if (pieces.state == HttpPipe::State::ended) break;
    if (!pieces.bytes.empty()) continue;
    unset_time_limit();
    co_await wait_to_be_woken();
    if (is_closed_) co_return false;
    if (lane_->is_stopping) pipe.close();  // the producer sees it and ends
  }
  if (!is_chunked) co_return true;
  co_return co_await write("0\r\n\r\n");
}

asio::awaitable<bool> HttpConnection::write(std::string_view first, std::string_view second) {
  while (!first.empty() || !second.empty()) {
    set_time_limit(core_->options.limits.write_timeout);
    const std::array<asio::const_buffer, 2> buffers{asio::const_buffer(first.data(), first.size()),
                                                    asio::const_buffer(second.data(), second.size())};
    const auto written = co_await socket_->write_some(buffers);
    if (written.is_failed) co_return false;
    const std::size_t of_first = std::min(written.bytes, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(written.bytes - of_first);
  }
  co_return true;
}

// Lets the client read the answer before the connection goes.
asio::awaitable<void> HttpConnection::end_gently(bool is_more_to_come) {
  if (is_closed_) co_return;
  set_time_limit(kLingerTime);
  is_idle_ = true;  // its time limit counts as nobody's fault
  has_timed_out_ = true;
  co_await socket_->shutdown_write();
  if (!is_more_to_come) co_return;
  // Bounded by the time alone: whoever has announced more than the limit is to be told so, too.
  while (!is_closed_) {
    const asio::mutable_buffer target(buffer_.data(), buffer_.size());
    const auto read = co_await socket_->read_some(target);
    if (read.is_failed) break;
  }
}

}  // namespace meshflow::net
