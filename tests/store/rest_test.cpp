// Predicates over a span's `rest`, and what a piece knows of keys that have columns.
#include "store/rest.hpp"

#include <cmath>

#include "otlp/encode.hpp"
#include "store/columns.hpp"
#include "store/store_fixture.hpp"

namespace meshflow::store {
namespace {

using test::make_span;
using test::request_of;

// The bytes of a span, which `rest` is made of.
std::string rest_of(const otlp::Span& span) {
  otlp::TracesData traces;
  traces.resource_spans.emplace_back().scope_spans.emplace_back().spans.push_back(span);
  // TracesData { ResourceSpans { ScopeSpans { Span } } }: three tags with lengths before the span itself.
  std::string bytes = otlp::encode(traces);
  for (int i = 0; i < 3; ++i) {
    std::size_t at = 1;
    while ((static_cast<unsigned char>(bytes[at]) & 0x80) != 0) ++at;
    bytes.erase(0, at + 1);
    // An empty resource or scope may stand before what follows.
    while (!bytes.empty() && i < 2 && bytes[0] == 0x0a && bytes[1] == 0) bytes.erase(0, 2);
  }
  return bytes;
}

bool holds(const otlp::Span& span, RestPredicate predicate) {
  const auto matcher = RestMatcher::parse(encode(predicate));
  EXPECT_TRUE(matcher) << matcher.error().text();
  return matcher && matcher->holds(rest_of(span));
}
bool attribute_holds(otlp::AnyValue::Variant value, RestTest test, decltype(RestPredicate::literal) literal) {
  otlp::Span span = make_span(1, 1);
  span.attributes = {{"other", {std::int64_t{1}}}, {"key", {std::move(value)}}};
  return holds(span, {RestPart::attribute, test, "key", std::move(literal)});
}

TEST(RestMatcherTest, ValuesCompareWithinTheirTypes) {
  EXPECT_TRUE(attribute_holds(std::string("a:b"), RestTest::equal, std::string("a:b")));
  EXPECT_TRUE(attribute_holds(std::string("b"), RestTest::greater, std::string("a")));
  EXPECT_TRUE(attribute_holds(std::int64_t{5}, RestTest::less, 5.5));
  EXPECT_TRUE(attribute_holds(5.5, RestTest::greater, std::int64_t{5}));
  EXPECT_TRUE(attribute_holds(INT64_MAX, RestTest::greater, INT64_MAX - 1));
  EXPECT_TRUE(attribute_holds(true, RestTest::not_equal, false));
  EXPECT_FALSE(attribute_holds(true, RestTest::greater, false));
  EXPECT_FALSE(attribute_holds(std::string("5"), RestTest::not_equal, std::int64_t{6}));
  EXPECT_FALSE(attribute_holds(NAN, RestTest::greater, 0.0));
  EXPECT_FALSE(attribute_holds(std::monostate{}, RestTest::exists, {}));
  EXPECT_TRUE(attribute_holds(otlp::Bytes{"x"}, RestTest::exists, {}));
}

TEST(RestMatcherTest, OneElementOfAnArrayIsEnoughButNoneMayBeEqual) {
  const otlp::ArrayValue array{{std::string("a")}, {std::string("b")}};
  EXPECT_TRUE(attribute_holds(array, RestTest::equal, std::string("b")));
  EXPECT_FALSE(attribute_holds(array, RestTest::not_equal, std::string("b")));
  EXPECT_TRUE(attribute_holds(array, RestTest::not_equal, std::string("c")));
  EXPECT_TRUE(attribute_holds(otlp::ArrayValue{}, RestTest::not_equal, std::string("c")));
  EXPECT_TRUE(attribute_holds(array, RestTest::matches, std::string("[b-z]")));
  EXPECT_FALSE(attribute_holds(array, RestTest::not_matches, std::string("[b-z]")));
}

TEST(RestMatcherTest, OneOfSeveralEventsIsEnough) {
  otlp::Span span = make_span(1, 1);
  span.events = {{5, "start", {{"worker", {std::string("w1")}}}, 0}, {6, "stop", {}, 0}};
  EXPECT_TRUE(holds(span, {RestPart::event_name, RestTest::not_equal, "", std::string("start")}));
  EXPECT_TRUE(holds(span, {RestPart::event_attribute, RestTest::equal, "worker", std::string("w1")}));
  EXPECT_FALSE(holds(span, {RestPart::link_attribute, RestTest::exists, "worker", {}}));
}

TEST(RestMatcherTest, ExpressionsMatchTheWholeTextAcrossLines) {
  EXPECT_TRUE(attribute_holds(std::string("a\nb"), RestTest::matches, std::string("a.b")));
  EXPECT_FALSE(attribute_holds(std::string("aab"), RestTest::matches, std::string("a.?")));
}

TEST(RestMatcherTest, WhatIsNoPredicateIsRefused) {
  EXPECT_FALSE(RestMatcher::parse(""));
  EXPECT_FALSE(RestMatcher::parse("a=s99:x"));
  EXPECT_FALSE(RestMatcher::parse("a~s1:("));
  EXPECT_FALSE(RestMatcher::parse("a~i1:5key"));
}

class ColumnsInRestTest : public test::StoreTest {
 protected:
  std::uint64_t columns_in_rest() {
    auto snapshot = store_->snapshot();
    EXPECT_TRUE(snapshot);
    const auto pieces = snapshot->pieces();
    EXPECT_EQ(pieces.size(), 1u);
    const auto columns = snapshot->columns_in_rest(pieces.front());
    EXPECT_TRUE(columns) << columns.error().text();
    return columns.value_or(0);
  }
  void keep_role(std::uint64_t span, otlp::AnyValue::Variant value) {
    otlp::Span made = make_span(1, span);
    made.attributes = {{"meshflow.role", {std::move(value)}}};
    keep(request_of({made}));
  }
};

TEST_F(ColumnsInRestTest, APieceKnowsOfOtherTypesAndLearnsOfMore) {
  open();
  keep_role(1, std::string("critic"));
  EXPECT_EQ(columns_in_rest(), UINT64_MAX);  // in memory: not looked at
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(columns_in_rest(), 0u);
  keep_role(2, std::int64_t{7});
  ASSERT_TRUE(store_->flush());
  EXPECT_EQ(columns_in_rest(), std::uint64_t{1} << *find_attribute_column("meshflow.role"));
}

}  // namespace
}  // namespace meshflow::store
