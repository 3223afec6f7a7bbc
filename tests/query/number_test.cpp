#include "query/number.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "query/json_writer.hpp"

namespace meshflow::query {
namespace {

TEST(Number, KeepsMoneyExactly) {
  const Number cent = parse_number("0.01").value();
  EXPECT_EQ(cent.value, 0.01);
  EXPECT_EQ(cent.integer, std::nullopt);
  EXPECT_EQ(cent.nano_floor, 10'000'000);
  EXPECT_TRUE(cent.nano_is_exact);
  // The double nearest to 0.1 is above it: rounding the double up would give the same, cutting 0.3 would not.
  EXPECT_EQ(parse_number("0.3")->nano_floor, 300'000'000);
  EXPECT_EQ(parse_number("1e-9")->nano_floor, 1);
}

TEST(Number, RoundsDownBetweenTwoBillionths) {
  EXPECT_EQ(parse_number("0.0000000015")->nano_floor, 1);
  EXPECT_FALSE(parse_number("0.0000000015")->nano_is_exact);
  EXPECT_EQ(parse_number("-0.0000000015")->nano_floor, -2);
  EXPECT_TRUE(parse_number("0.0000000010000")->nano_is_exact);
}

TEST(Number, IsAnIntegerOnlyWhereItIsWrittenAsOne) {
  EXPECT_EQ(parse_number("5")->integer, 5);
  EXPECT_EQ(parse_number("+5")->integer, 5);
  EXPECT_EQ(parse_number("-9223372036854775808")->integer, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_number("9223372036854775808")->integer, std::nullopt);
  EXPECT_EQ(parse_number("9223372036854775808")->value, 9223372036854775808.0);
  EXPECT_EQ(parse_number("5.0")->integer, std::nullopt);
  EXPECT_EQ(parse_number("1e3")->value, 1000);
}

TEST(Number, RefusesWhatIsNone) {
  for (const char* text :
       {"", "-", ".", "1.2.3", "0x10", "1e", "1e+", "abc", "1 ", " 1", "1e999", "NaN", "inf", "--1"}) {
    EXPECT_FALSE(parse_number(text)) << text;
  }
  EXPECT_FALSE(parse_number(std::string(1000, '9')));
}

// Go's strconv.FormatFloat(v, 'g', 10, 64), as Jaeger's KeyValue.AsString calls it.
TEST(TenDigits, WritesFloatsAsJaegerComparesThem) {
  EXPECT_EQ(ten_digits(0.1), "0.1");
  EXPECT_EQ(ten_digits(1.0 / 3), "0.3333333333");
  EXPECT_EQ(ten_digits(1e6), "1000000");
  EXPECT_EQ(ten_digits(1e10), "1e+10");
  EXPECT_EQ(ten_digits(0.0001), "0.0001");
  EXPECT_EQ(ten_digits(0.00001), "1e-05");
  EXPECT_EQ(ten_digits(HUGE_VAL), "+Inf");
}

TEST(TenDigits, NamesTheRangeOfDoublesThatReadSo) {
  const DoubleRange third = doubles_written("0.3333333333").value();
  EXPECT_LE(third.from, 1.0 / 3);
  EXPECT_GE(third.to, 1.0 / 3);
  EXPECT_GT(third.from, 0.333333333);
  EXPECT_LT(third.to, 0.3333333334);
  EXPECT_TRUE(doubles_written("0"));
  // Not how a float is written.
  for (const char* text : {"0.10", "1e6", "01", "1.", "abc", "0.33333333333"})
    EXPECT_FALSE(doubles_written(text)) << text;
}

// https://pkg.go.dev/time#ParseDuration
TEST(GoDuration, ReadsWhatGoReads) {
  EXPECT_EQ(parse_go_duration("1.5s"), 1'500'000'000);
  EXPECT_EQ(parse_go_duration("1h15m30.918s"), 4'530'918'000'000);
  EXPECT_EQ(parse_go_duration("100us"), 100'000);
  EXPECT_EQ(parse_go_duration("100µs"), 100'000);
  EXPECT_EQ(parse_go_duration("-2ms"), -2'000'000);
  EXPECT_EQ(parse_go_duration("0"), 0);
  EXPECT_EQ(parse_go_duration(".5ms"), 500'000);
  EXPECT_EQ(parse_go_duration("1m"), 60'000'000'000);
  EXPECT_EQ(parse_go_duration("0.000000001s"), 1);
}

TEST(GoDuration, RefusesWhatGoRefuses) {
  for (const char* text : {"", "1", "s", "1x", "1 s", ".s", "1..5s", "-", "300000000h", "3d"}) {
    EXPECT_FALSE(parse_go_duration(text)) << text;
  }
}

// https://pkg.go.dev/time#Duration.String
TEST(GoDuration, WritesAsGoWrites) {
  EXPECT_EQ(go_duration(0), "0s");
  EXPECT_EQ(go_duration(1), "1ns");
  EXPECT_EQ(go_duration(1'100), "1.1µs");
  EXPECT_EQ(go_duration(2'200'000), "2.2ms");
  EXPECT_EQ(go_duration(3'300'000'000), "3.3s");
  EXPECT_EQ(go_duration(245'000'000'000), "4m5s");
  EXPECT_EQ(go_duration(245'001'000'000), "4m5.001s");
  EXPECT_EQ(go_duration(18'367'001'000'000), "5h6m7.001s");
  EXPECT_EQ(go_duration(-1'500'000), "-1.5ms");
  EXPECT_EQ(go_duration(std::numeric_limits<std::int64_t>::min()), "-2562047h47m16.854775808s");
}

// ECMA-262, Number::toString, which encoding/json follows.
TEST(JsonDouble, WritesAsEcmaScriptDoes) {
  EXPECT_EQ(json_double(1), "1");
  EXPECT_EQ(json_double(0.1), "0.1");
  EXPECT_EQ(json_double(-0.0), "-0");
  EXPECT_EQ(json_double(1e-7), "1e-7");
  EXPECT_EQ(json_double(1.5e-10), "1.5e-10");
  EXPECT_EQ(json_double(0.000001), "0.000001");
  EXPECT_EQ(json_double(1e21), "1e+21");
  EXPECT_EQ(json_double(1e20), "100000000000000000000");
}

TEST(JsonWriter, EscapesAndSeparates) {
  JsonWriter out;
  out.begin_object();
  out.field("a\"b", "line\nend\x01");
  out.key("list");
  out.begin_array();
  out.integer(std::int64_t{-1});
  out.integer(UINT64_MAX);
  out.number(std::nan(""));
  out.null();
  out.end_array();
  out.end_object();
  EXPECT_EQ(out.take(), R"({"a\"b":"line\nend\u0001","list":[-1,18446744073709551615,"NaN",null]})");
}

TEST(JsonWriter, CanBeTakenInPieces) {
  JsonWriter out;
  out.begin_array();
  out.string("a");
  std::string text = out.take();
  out.string("b");
  out.end_array();
  EXPECT_EQ(text + out.take(), R"(["a","b"])");
}

TEST(JsonWriter, RepairsTextThatIsNotUtf8) {
  JsonWriter out;
  out.string("a\xff z");
  EXPECT_EQ(out.take(), "\"a\xef\xbf\xbd z\"");
}

// encoding/json, "HTMLEscape".
TEST(JsonString, IsEscapedForHtmlWhereAsked) {
  std::string text;
  append_json_string(text, "<a>&\xe2\x80\xa8é", true);
  EXPECT_EQ(text, "\"\\u003ca\\u003e\\u0026\\u2028é\"");
}

}  // namespace
}  // namespace meshflow::query
