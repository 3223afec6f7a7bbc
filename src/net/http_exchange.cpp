#include "net/http_exchange.hpp"

#include <utility>

#include "net/content_encoding.hpp"

namespace meshflow::net {
namespace {

bool is_compressible(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return type.starts_with("text/") || type == "application/json" || type == "application/x-protobuf" ||
         type == "application/protobuf" || type == "application/javascript" || type == "application/xml" ||
         type == "image/svg+xml" || type.ends_with("+json");
}

}  // namespace

// ---- HttpPipe -----------------------------------------------------------------------------------------------------

bool HttpPipe::write(std::string piece) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::open || is_closed_) return false;
    if (waiting_.size() >= bytes_max_) return false;
    if (piece.empty()) return true;
    if (waiting_.empty()) {
      waiting_ = std::move(piece);
    } else {
      waiting_ += piece;
    }
  }
  wake_();
  return true;
}

bool HttpPipe::wait_for_room(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  const bool is_decided = changed_.wait_for(
      lock, limit, [this] { return state_ != State::open || is_closed_ || waiting_.size() < bytes_max_; });
  return is_decided && state_ == State::open && !is_closed_;
}

bool HttpPipe::is_open() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::open && !is_closed_;
}

void HttpPipe::end() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::open) return;
    state_ = State::ended;
  }
  changed_.notify_all();
  wake_();
}

void HttpPipe::abandon() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::open) return;
    state_ = State::abandoned;
  }
  wake_();
}

HttpPipe::Pieces HttpPipe::take() {
  Pieces pieces;
  {
    const std::lock_guard lock(mutex_);
    pieces.bytes.swap(waiting_);
    pieces.state = state_;
  }
  changed_.notify_all();
  return pieces;
}

void HttpPipe::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  changed_.notify_all();
}

// ---- HttpOutcome --------------------------------------------------------------------------------------------------

bool HttpOutcome::give(HttpAnswer answer) {
  bool is_awaited = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_given_) return false;
    is_given_ = true;
    answer_ = std::move(answer);
    is_awaited = is_awaited_;
  }
  if (is_awaited) wake_();
  return true;
}

bool HttpOutcome::is_given() {
  const std::lock_guard lock(mutex_);
  return is_given_;
}

std::optional<HttpAnswer> HttpOutcome::take() {
  const std::lock_guard lock(mutex_);
  is_awaited_ = true;
  return std::exchange(answer_, std::nullopt);
}

// ---- HttpResponder and HttpStream ---------------------------------------------------------------------------------

HttpResponder::Exchange::~Exchange() {
  if (outcome->is_given()) return;
  HttpReply reply = core->is_stopping ? core->busy(head, "the server is stopping")
                                      : core->error(head, 500, "the server did not answer this request");
  outcome->give({.reply = std::move(reply)});
}

HttpResponder::HttpResponder(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

void HttpResponder::send(HttpReply reply) const {
  HttpAnswer answer{.reply = std::move(reply)};
  const std::string& body = answer.reply.body;
  const auto has_encoding = [&] {
    for (const auto& [name, value] : answer.reply.headers) {
      if (name == "Content-Encoding") return true;
    }
    return false;
  };
  if (body.size() >= exchange_->core->options.limits.compressed_reply_bytes_min &&
      accepts_gzip(exchange_->head.header("accept-encoding")) && is_compressible(answer.reply.content_type) &&
      !has_encoding()) {
    if (auto compressed = gzip_compress(body)) {
      answer.reply.body = std::move(*compressed);
      answer.is_compressed = true;
    }
  }
  exchange_->outcome->give(std::move(answer));
}

void HttpResponder::fail(int status, std::string_view sentence, HttpHeaders headers) const {
  HttpReply reply = exchange_->core->error(exchange_->head, status, sentence);
  for (auto& header : headers) reply.headers.push_back(std::move(header));
  send(std::move(reply));
}

HttpStream HttpResponder::stream(HttpReply head) const {
  auto pipe = std::make_shared<HttpPipe>(exchange_->core->options.limits.stream_bytes_max, exchange_->outcome->wake());
  auto state = std::make_shared<HttpStream::State>(pipe);
  if (!head.body.empty()) (void)pipe->write(std::exchange(head.body, {}));
  HttpAnswer answer{.reply = std::move(head), .pipe = pipe};
  if (!exchange_->outcome->give(std::move(answer))) pipe->close();
  return HttpStream(std::move(state));
}

bool HttpResponder::is_wanted() const { return !exchange_->outcome->is_left(); }

HttpStream::HttpStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
bool HttpStream::write(std::string piece) { return state_->pipe->write(std::move(piece)); }
bool HttpStream::wait_for_room(std::chrono::milliseconds limit) { return state_->pipe->wait_for_room(limit); }
bool HttpStream::is_open() const { return state_->pipe->is_open(); }
void HttpStream::end() { state_->pipe->end(); }

}  // namespace meshflow::net
