#include "server/reply_writer.hpp"

#include <utility>

namespace meshflow::server {
namespace {

// Up to here a reply is one piece, with a length and compressed. Above it nothing larger is kept in memory.
constexpr std::size_t kWholeReplyBytesMax = std::size_t{1} << 20;
constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
// How long a client may take for a piece.
constexpr std::chrono::milliseconds kPatience{20'000};

}  // namespace

ReplyWriter::ReplyWriter(net::HttpResponder responder, std::string content_type)
    : responder_(std::move(responder)), content_type_(std::move(content_type)) {}

bool ReplyWriter::write(std::string piece) {
  if (is_gone_) return false;
  if (body_.empty()) {
    body_ = std::move(piece);
  } else {
    body_ += piece;
  }
  if (!stream_ && body_.size() > kWholeReplyBytesMax) {
    net::HttpReply head;
    head.content_type = content_type_;
    stream_ = responder_.stream(std::move(head));
  }
  return !stream_ || body_.size() < kPieceBytes || flush();
}

bool ReplyWriter::flush() {
  std::string body = std::exchange(body_, {});
  for (std::size_t at = 0; at < body.size() && !is_gone_; at += kPieceBytes) {
    is_gone_ = !stream_->wait_for_room(kPatience) || !stream_->write(body.substr(at, kPieceBytes));
  }
  return !is_gone_;
}

void ReplyWriter::finish() {
  if (!stream_) {
    net::HttpReply reply;
    reply.content_type = content_type_;
    reply.body = std::move(body_);
    responder_.send(std::move(reply));
    return;
  }
  if (!is_gone_ && flush()) stream_->end();
}

}  // namespace meshflow::server
