#include "telemetry/exporters/gzip.hpp"

#include <zlib.h>

namespace meshflow::telemetry {

Result<std::string> compress_gzip(std::string_view bytes) {
  constexpr int kGzipWindowBits = 15 + 16;  // 16 asks zlib for a gzip header
  constexpr int kMemoryLevel = 8;
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return fail(ErrorCode::internal, "zlib cannot start a gzip stream");
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (code != Z_STREAM_END) return fail(ErrorCode::internal, "zlib cannot finish a gzip stream");
  return out;
}

}  // namespace meshflow::telemetry
