#include "net/content_encoding.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "base/try.hpp"

namespace meshflow::net {
namespace {

constexpr std::size_t kOutputBytesMin = std::size_t{64} << 10;
// RFC 9659: a sender of Content-Encoding zstd keeps its window within 8 MiB, so that receivers can bound their memory.
constexpr int kZstdWindowLogMax = 23;
// zlib's: the largest window, and 16 more for the gzip frame.
constexpr int kWindowBits = 15;
constexpr int kGzipWindowBits = kWindowBits + 16;
constexpr int kMemoryLevel = 8;
// Replies are compressed while a client waits: the quickest level is within a fifth of the best on JSON.
constexpr int kCompressionLevel = 1;

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Memory for what comes out: grows by doubling up to a limit, and is cut to size once at the end.
class Output {
 public:
  Output(std::size_t expected_bytes, std::size_t bytes_max) : bytes_max_(bytes_max) {
    bytes_.resize(std::min(std::max(expected_bytes, kOutputBytesMin), bytes_max));
  }
  // Makes room for at least one more byte.
  Result<void> grow() {
    if (used_ < bytes_.size()) return {};
    if (used_ >= bytes_max_) {
      return fail(ErrorCode::limit_exceeded,
                  fmt::format("the body has more than {} bytes after decompression", bytes_max_));
    }
    bytes_.resize(std::min(bytes_.size() * 2, bytes_max_));
    return {};
  }
  char* end() noexcept { return bytes_.data() + used_; }
  std::size_t room() const noexcept { return bytes_.size() - used_; }
  bool is_full() const noexcept { return used_ >= bytes_max_; }
  void add(std::size_t size) noexcept { used_ += size; }
  std::size_t allocated() const noexcept { return bytes_.capacity(); }
  std::string take() {
    bytes_.resize(used_);
    used_ = 0;
    return std::move(bytes_);
  }

 private:
  const std::size_t bytes_max_;
  std::string bytes_;
  std::size_t used_ = 0;
};

// gzip (RFC 1952, several members too) and deflate (RFC 1950; some clients send RFC 1951 under that name).
class Inflater final : public ContentDecoder {
 public:
  Inflater(bool is_gzip, std::size_t expected_bytes, std::size_t bytes_max)
      : is_gzip_(is_gzip), output_(expected_bytes, bytes_max) {}
  ~Inflater() override {
    if (has_begun_) inflateEnd(&stream_);
  }

  Result<void> feed(std::string_view bytes) override {
    if (bytes.empty()) return {};
    if (!has_begun_) MESHFLOW_CHECK(begin(static_cast<unsigned char>(bytes.front())));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    while (stream_.avail_in > 0) MESHFLOW_CHECK(step());
    return drain();
  }

  Result<std::string> finish() override {
    if (!is_at_end_) return fail(ErrorCode::invalid_input, fmt::format("the {} body is cut off", name()));
    return output_.take();
  }

  std::size_t allocated_bytes() const noexcept override { return output_.allocated(); }

 private:
  const char* name() const noexcept { return is_gzip_ ? "gzip" : "deflate"; }

  Result<void> begin(unsigned char first) {
    // RFC 1950: the low four bits of the first byte are 8; a raw stream that begins so uses a reserved block type.
    const bool is_raw = !is_gzip_ && (first & 0x0F) != 8;
    const int bits = is_gzip_ ? kGzipWindowBits : (is_raw ? -kWindowBits : kWindowBits);
    if (inflateInit2(&stream_, bits) != Z_OK) return fail(ErrorCode::internal, "zlib could not begin");
    has_begun_ = true;
    return {};
  }

  Result<void> step() {
    if (is_at_end_) {
      if (!is_gzip_) return fail(ErrorCode::invalid_input, "bytes follow the end of the deflate body");
      inflateReset(&stream_);
      is_at_end_ = false;
    }
    return inflate_once();
  }

  // What zlib still holds back for want of room.
  Result<void> drain() {
    while (!is_at_end_ && stream_.avail_out == 0) {
      const std::size_t before = output_.room();
      MESHFLOW_CHECK(inflate_once());
      if (output_.room() == before) break;
    }
    return {};
  }

  Result<void> inflate_once() {
    // At the limit one byte more is asked for, on the side: whether the stream ends there is seen only so.
    Bytef beyond = 0;
    const bool is_full = output_.is_full();
    if (!is_full) MESHFLOW_CHECK(output_.grow());
    const uInt room =
        is_full ? 1 : static_cast<uInt>(std::min<std::size_t>(output_.room(), std::numeric_limits<uInt>::max()));
    stream_.next_out = is_full ? &beyond : reinterpret_cast<Bytef*>(output_.end());
    stream_.avail_out = room;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (is_full && stream_.avail_out == 0) return output_.grow();  // fails
    if (!is_full) output_.add(room - stream_.avail_out);
    if (code == Z_STREAM_END) {
      is_at_end_ = true;
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return fail(ErrorCode::invalid_input, fmt::format("the body is not valid {}", name()));
    }
    return {};
  }

  const bool is_gzip_;
  Output output_;
  z_stream stream_{};
  bool has_begun_ = false;
  bool is_at_end_ = false;
};

// zstd (RFC 8878), several frames too.
class ZstdDecoder final : public ContentDecoder {
 public:
  ZstdDecoder(std::size_t expected_bytes, std::size_t bytes_max)
      : output_(expected_bytes, bytes_max), context_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }

  Result<void> feed(std::string_view bytes) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    bool is_output_full = false;
    while (in.pos < in.size || (is_output_full && rest_ != 0)) {
      char beyond = 0;
      const bool is_full = output_.is_full();
      if (!is_full) MESHFLOW_CHECK(output_.grow());
      ZSTD_outBuffer out{is_full ? &beyond : output_.end(), is_full ? 1 : output_.room(), 0};
      rest_ = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(rest_) != 0) {
        return fail(ErrorCode::invalid_input, fmt::format("the body is not valid zstd: {}", ZSTD_getErrorName(rest_)));
      }
      if (is_full && out.pos > 0) return output_.grow();  // fails
      if (!is_full) output_.add(out.pos);
      if (is_output_full && is_full && out.pos == 0 && in.pos == in.size) break;
      is_output_full = out.pos == out.size || is_full;
    }
    return {};
  }

  Result<std::string> finish() override {
    if (rest_ != 0) return fail(ErrorCode::invalid_input, "the zstd body is cut off");
    return output_.take();
  }

  std::size_t allocated_bytes() const noexcept override { return output_.allocated(); }

 private:
  Output output_;
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
  std::size_t rest_ = 1;  // 0 where a frame has ended
};

}  // namespace

Result<ContentEncoding> parse_content_encoding(std::string_view value) {
  value = trim(value);
  if (value.empty() || equals_ignoring_case(value, "identity")) return ContentEncoding::identity;
  if (equals_ignoring_case(value, "gzip") || equals_ignoring_case(value, "x-gzip")) return ContentEncoding::gzip;
  if (equals_ignoring_case(value, "deflate")) return ContentEncoding::deflate;
  if (equals_ignoring_case(value, "zstd")) return ContentEncoding::zstd;
  return fail(ErrorCode::unsupported, fmt::format("Content-Encoding is \"{}\"", value.substr(0, 64)),
              "bodies may be gzip, zstd, deflate or not encoded");
}

std::unique_ptr<ContentDecoder> ContentDecoder::make(ContentEncoding encoding, std::size_t expected_bytes,
                                                     std::size_t bytes_max) {
  if (encoding == ContentEncoding::zstd) return std::make_unique<ZstdDecoder>(expected_bytes, bytes_max);
  return std::make_unique<Inflater>(encoding == ContentEncoding::gzip, expected_bytes, bytes_max);
}

Result<std::string> gzip_compress(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, kCompressionLevel, Z_DEFLATED, kGzipWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(ErrorCode::internal, "zlib could not begin");
  }
  const std::unique_ptr<z_stream, decltype(&deflateEnd)> ending(&stream, &deflateEnd);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return fail(ErrorCode::internal, "zlib did not finish");
  out.resize(out.size() - stream.avail_out);
  return out;
}

bool accepts_gzip(std::string_view accept_encoding) noexcept {
  bool any = false;
  while (!accept_encoding.empty()) {
    const std::size_t end = std::min(accept_encoding.find(','), accept_encoding.size());
    std::string_view piece = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    const std::size_t semicolon = std::min(piece.find(';'), piece.size());
    std::string_view weight = trim(piece.substr(std::min(semicolon + 1, piece.size())));
    // "q=0", "q=0.0", "q=0.000": not acceptable.
    const bool is_refused = weight.size() >= 3 && (weight[0] == 'q' || weight[0] == 'Q') && weight[1] == '=' &&
                            weight.substr(2).find_first_not_of("0.") == std::string_view::npos;
    const std::string_view name = trim(piece.substr(0, semicolon));
    if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip")) return !is_refused;
    if (name == "*") any = !is_refused;
  }
  return any;
}

}  // namespace meshflow::net
