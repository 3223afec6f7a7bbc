#include "net/http_message.hpp"

#include <zlib.h>
#include <zstd.h>

#include <gmock/gmock.h>

#include "net/content_encoding.hpp"
#include "net/http_core.hpp"
#include "net/listen_address.hpp"
#include "support/http_server.hpp"

namespace meshflow::net {
namespace {

using ::testing::HasSubstr;

TEST(PercentDecode, UndoesEscapesAndRefusesBrokenOnes) {
  EXPECT_EQ(percent_decode("a%20b%2Fc%c3%A4", false), "a b/c\xC3\xA4");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  for (const char* text : {"%", "%2", "%2g", "%-1", "a%00b"})
    EXPECT_EQ(percent_decode(text, false), std::nullopt) << text;
}

TEST(ParseQuery, KeepsOrderRepetitionsAndEmptyValues) {
  EXPECT_EQ(parse_query("b=2&a=1&b=x=y&&c&=d"),
            (HttpParameters{{"b", "2"}, {"a", "1"}, {"b", "x=y"}, {"c", ""}, {"", "d"}}));
  EXPECT_EQ(parse_query("tags=%7B%22a%22%3A%22%3E+0.01%22%7D"), (HttpParameters{{"tags", "{\"a\":\"> 0.01\"}"}}));
  EXPECT_EQ(parse_query(""), HttpParameters());
  EXPECT_EQ(parse_query("a=%"), std::nullopt);
}

TEST(ParseQuery, TakesAThousandParametersAndNoMore) {
  std::string query;
  for (int i = 0; i < 1000; ++i) query += "a&";
  EXPECT_EQ(parse_query(query)->size(), 1000u);
  EXPECT_EQ(parse_query(query + "a"), std::nullopt);
}

TEST(HttpServerRequestTest, FindsTheRawPathOfEachFormOfTarget) {
  const auto raw_path = [](const char* target) {
    HttpServerRequest request;
    request.target = target;
    return std::string(request.raw_path());
  };
  EXPECT_EQ(raw_path("/a/b?c=/d"), "/a/b");
  EXPECT_EQ(raw_path("http://localhost:1/a?b"), "/a");
  EXPECT_EQ(raw_path("http://localhost"), "/");
  EXPECT_EQ(raw_path("http://localhost?a=/b"), "/");
  EXPECT_EQ(raw_path("*"), "*");
}

TEST(ListenAddressTest, IsReadAsPeopleWriteIt) {
  const auto parsed = [](const char* text) { return parse_listen_address("--jaeger", text); };
  EXPECT_EQ(*parsed("127.0.0.1:4318"), (ListenAddress{"127.0.0.1", 4318}));
  EXPECT_EQ(*parsed("localhost:0"), (ListenAddress{"127.0.0.1", 0}));
  EXPECT_EQ(*parsed("[0:0::1]:80"), (ListenAddress{"::1", 80}));
  EXPECT_EQ(parsed("[::]:80")->text(), "[::]:80");
  for (const char* text : {"", "4318", ":4318", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80",
                           "[127.0.0.1]:80", "example.com:80", "127.0.0.1:80x"}) {
    const auto refused = parsed(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(refused.error().message, HasSubstr("--jaeger"));
  }
}

TEST(ListenAddressTest, KnowsWhatOnlyThisMachineReaches) {
  for (const char* ip : {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE((ListenAddress{ip, 1}).is_loopback()) << ip;
  for (const char* ip : {"0.0.0.0", "10.0.0.1", "::", "::ffff:10.0.0.1", "fe80::1"}) {
    EXPECT_FALSE((ListenAddress{ip, 1}).is_loopback()) << ip;
  }
}

TEST(HttpDate, IsWrittenAsRfc9110Shows) {
  EXPECT_EQ(http_date(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(RenderJsonError, EscapesWhatJsonDoesNotAllow) {
  EXPECT_EQ(render_json_error({}, 400, "a \"b\" \\ \n \xff").body,
            "{\"error\":{\"code\":400,\"message\":\"a \\\"b\\\" \\\\ \\u000a \xEF\xBF\xBD\"}}\n");
}

TEST(AcceptsGzip, ReadsWeights) {
  for (const char* value : {"gzip", "GZIP", "x-gzip", "br, gzip;q=0.1", "*", "deflate,*;q=0.5"})
    EXPECT_TRUE(accepts_gzip(value)) << value;
  for (const char* value : {"", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *", "identity"}) {
    EXPECT_FALSE(accepts_gzip(value)) << value;
  }
}

// ---- Content-Encoding ---------------------------------------------------------------------------------------------

std::string deflated(const std::string& bytes, int window_bits) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& bytes, int window_log = 0) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  if (window_log > 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  if (window_log > 0) ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer target{out.data(), out.size(), 0};
  // In two steps, so that the frame does not know its size beforehand.
  ZSTD_compressStream2(context, &target, &in, window_log > 0 ? ZSTD_e_flush : ZSTD_e_end);
  if (window_log > 0) ZSTD_compressStream2(context, &target, &in, ZSTD_e_end);
  out.resize(target.pos);
  ZSTD_freeCCtx(context);
  return out;
}

struct Coding {
  const char* name;
  ContentEncoding encoding;
  std::string (*encode)(const std::string&);
};
const std::vector<Coding>& codings() {
  static const std::vector<Coding> all{
      {"gzip", ContentEncoding::gzip, [](const std::string& bytes) { return deflated(bytes, 31); }},
      {"zlib", ContentEncoding::deflate, [](const std::string& bytes) { return deflated(bytes, 15); }},
      {"raw", ContentEncoding::deflate, [](const std::string& bytes) { return deflated(bytes, -15); }},
      {"zstd", ContentEncoding::zstd, [](const std::string& bytes) { return zstd(bytes); }}};
  return all;
}

Result<std::string> decode(ContentEncoding encoding, std::string_view bytes, std::size_t piece_bytes,
                           std::size_t bytes_max = 1 << 20) {
  const auto decoder = ContentDecoder::make(encoding, 0, bytes_max);
  for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
    if (auto fed = decoder->feed(bytes.substr(at, piece_bytes)); !fed) return tl::unexpected(fed.error());
  }
  return decoder->finish();
}

std::string some_text(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i * i % 1009) + ",";
  text.resize(size);
  return text;
}

TEST(ContentDecoderTest, UndoesEachEncodingInPiecesOfAnySize) {
  for (const Coding& coding : codings()) {
    for (const std::size_t size : {0, 1, 1000, 65536, 300'000}) {
      const std::string text = some_text(size);
      const std::string bytes = coding.encode(text);
      for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, bytes.size()}) {
        const auto decoded = decode(coding.encoding, bytes, piece);
        ASSERT_TRUE(decoded) << coding.name << " " << decoded.error().message;
        EXPECT_EQ(*decoded, text) << coding.name << " " << size << " by " << piece;
      }
    }
  }
}

TEST(ContentDecoderTest, StopsAtItsLimitAndNotBefore) {
  for (const Coding& coding : codings()) {
    const std::string bytes = coding.encode(std::string(100'000, 'x'));
    for (const std::size_t piece : {std::size_t{1}, bytes.size()}) {
      EXPECT_TRUE(decode(coding.encoding, bytes, piece, 100'000)) << coding.name;
      const auto refused = decode(coding.encoding, bytes, piece, 99'999);
      ASSERT_FALSE(refused) << coding.name;
      EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded) << coding.name;
      EXPECT_THAT(refused.error().message, HasSubstr("99999"));
    }
  }
}

TEST(ContentDecoderTest, NoticesWhatIsCutOffOrBroken) {
  for (const Coding& coding : codings()) {
    const std::string bytes = coding.encode(some_text(10'000));
    for (const std::size_t size : {std::size_t{1}, bytes.size() / 2, bytes.size() - 1}) {
      const auto refused = decode(coding.encoding, std::string_view(bytes).substr(0, size), 512);
      ASSERT_FALSE(refused) << coding.name << " " << size;
      EXPECT_EQ(refused.error().code, ErrorCode::invalid_input) << coding.name;
    }
    EXPECT_FALSE(decode(coding.encoding, "this is plain text", 512)) << coding.name;
  }
}

TEST(ContentDecoderTest, JoinsSeveralMembersAndFrames) {
  for (const Coding& coding : codings()) {
    if (coding.encoding == ContentEncoding::deflate) continue;
    const std::string bytes = coding.encode("one ") + coding.encode("two");
    EXPECT_EQ(*decode(coding.encoding, bytes, bytes.size()), "one two") << coding.name;
    EXPECT_EQ(*decode(coding.encoding, bytes, 1), "one two") << coding.name;
  }
  EXPECT_FALSE(decode(ContentEncoding::deflate, deflated("one", 15) + "x", 512));
}

TEST(ContentDecoderTest, RefusesAZstdWindowLargerThanTheStandardsForHttpAllows) {
  const std::string text = some_text(100'000);
  EXPECT_TRUE(decode(ContentEncoding::zstd, zstd(text, 23), 512));
  const auto refused = decode(ContentEncoding::zstd, zstd(text, 24), 512);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
}

TEST(ContentDecoderTest, HoldsNoMoreThanItsLimit) {
  const auto decoder = ContentDecoder::make(ContentEncoding::gzip, 0, 1 << 20);
  (void)decoder->feed(deflated(std::string(100 << 20, '\0'), 31));
  EXPECT_LE(decoder->allocated_bytes(), std::size_t{1} << 20);
}

TEST(GzipCompress, IsUndoneByGunzip) {
  for (const std::size_t size : {0, 1, 100'000}) {
    const std::string text = some_text(size);
    EXPECT_EQ(test::gunzip(*gzip_compress(text)), text);
  }
}

TEST(ParseContentEncoding, KnowsFourNames) {
  EXPECT_EQ(*parse_content_encoding(""), ContentEncoding::identity);
  EXPECT_EQ(*parse_content_encoding(" Identity "), ContentEncoding::identity);
  EXPECT_EQ(*parse_content_encoding("GZIP"), ContentEncoding::gzip);
  EXPECT_EQ(*parse_content_encoding("deflate"), ContentEncoding::deflate);
  EXPECT_EQ(*parse_content_encoding("zstd"), ContentEncoding::zstd);
  for (const char* value : {"br", "gzip, gzip", "gzipp"}) EXPECT_FALSE(parse_content_encoding(value)) << value;
}

}  // namespace
}  // namespace meshflow::net
