#include <gtest/gtest.h>

#include "otlp/decode.hpp"
#include "telemetry/exporters/pieces.hpp"
#include "telemetry_export/batch_builder.hpp"

namespace meshflow::telemetry {
namespace {

using test::BatchBuilder;
using test::make_span;

TEST(EncodeRequest, HoldsResourceScopesAndSpansAsTheyAre) {
  BatchBuilder builder;
  builder.add(make_span("one", 1), "a").add(make_span("two", 2), "b").add(make_span("three", 3), "a");
  const auto decoded = otlp::decode_traces(encode_request(builder.batch()));
  ASSERT_TRUE(decoded) << decoded.error().text();
  const auto& resources = decoded->value.resource_spans;
  ASSERT_EQ(resources.size(), 1u);
  EXPECT_EQ(resources[0].resource.attributes.at(0).key, "service.name");
  ASSERT_EQ(resources[0].scope_spans.size(), 2u);
  EXPECT_EQ(resources[0].scope_spans[0].scope.name, "a");
  EXPECT_EQ(resources[0].scope_spans[0].spans, (std::vector<otlp::Span>{make_span("one", 1), make_span("three", 3)}));
  EXPECT_EQ(resources[0].scope_spans[1].spans, (std::vector<otlp::Span>{make_span("two", 2)}));
}

TEST(EncodeRequest, WithoutSpansThereIsNoEnvelope) { EXPECT_EQ(encode_request(BatchBuilder().batch()), ""); }

TEST(Slice, TakesSpansInTheOrderOfTheirEnd) {
  BatchBuilder builder;
  builder.add(make_span("one", 1), "a").add(make_span("two", 2), "b").add(make_span("three", 3), "a", 77);
  const SpanBatch part = slice(builder.batch(), 1, 2);
  EXPECT_EQ(part.span_count, 2u);
  ASSERT_EQ(part.scopes.size(), 2u);
  EXPECT_EQ(part.scopes[0].spans, (std::vector<std::string_view>{builder.batch().scopes[1].spans[0]}));
  EXPECT_EQ(part.scopes[1].spans, (std::vector<std::string_view>{builder.batch().scopes[0].spans[1]}));
  EXPECT_EQ(part.order[1].local_root_start_unix_nanos, 77);
  EXPECT_EQ(part.span_bytes, part.scopes[0].spans[0].size() + part.scopes[1].spans[0].size());
}

}  // namespace
}  // namespace meshflow::telemetry
