// What a span must be like to be found: the plan that every search language is turned into, and that compile.hpp turns
// into SQL. Values: build them, copy them, compare them in tests.
//
// Comparison is by type. Integers, doubles and durations compare with each other; nothing else crosses types, and a
// comparison over an attribute that the span does not have, or has with another type, is false (not_equal too).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/number.hpp"
#include "store/rest.hpp"
#include "store/value.hpp"

namespace meshflow::query {

enum class AttributeScope {
  any,  // the span's or its resource's: one that fits is enough
  span,
  resource,
  nearest,  // the span's; its resource's where the span has none of that key
  event,  // of any event
  link,
  instrumentation,
};

struct Attribute {
  AttributeScope scope = AttributeScope::any;
  std::string key;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

// What every span has.
enum class Intrinsic {
  name,            // text
  service,         // text, as service_name_of (resources.hpp) gives it
  kind,            // number, otlp::SpanKind
  status,          // number, otlp::StatusCode
  status_message,  // text
  duration,        // number, nanoseconds
  start,           // number, nanoseconds since 1970
  trace_id,        // U128
  span_id,         // number, the id as a big-endian integer
  parent_id,       // likewise; 0: none
};

enum class Comparison { equal, not_equal, less, less_equal, greater, greater_equal };

using Literal = std::variant<std::string, bool, Number, store::U128, std::uint64_t>;

struct CompareAttribute {
  Attribute attribute;
  Comparison comparison = Comparison::equal;
  Literal literal;
  friend bool operator==(const CompareAttribute&, const CompareAttribute&) = default;
};

struct CompareIntrinsic {
  Intrinsic intrinsic = Intrinsic::name;
  Comparison comparison = Comparison::equal;
  Literal literal;
  friend bool operator==(const CompareIntrinsic&, const CompareIntrinsic&) = default;
};

// TraceQL's comparison (store/rest.hpp): arrays count by their elements, doubles as they are. Any scope but `any`; for
// the other leaves: any, span, resource.
struct TestAttribute {
  Attribute attribute;
  store::RestTest test = store::RestTest::exists;
  std::variant<std::monostate, bool, std::int64_t, double, std::string> literal = {};  // as the test needs it
  friend bool operator==(const TestAttribute&, const TestAttribute&) = default;
};

// The name of an event, the id of a link's span or trace: of any of the span's.
struct TestPart {
  store::RestPart part = store::RestPart::event_name;
  store::RestTest test = store::RestTest::exists;
  std::string literal;
  friend bool operator==(const TestPart&, const TestPart&) = default;
};

// Name or version of the instrumentation scope.
struct TestInstrumentation {
  bool is_version = false;
  store::RestTest test = store::RestTest::equal;
  std::string literal;
  friend bool operator==(const TestInstrumentation&, const TestInstrumentation&) = default;
};

// A span's name or status message matches a regular expression as a whole, or does not.
struct MatchIntrinsic {
  Intrinsic intrinsic = Intrinsic::name;
  bool matches = true;
  std::string pattern;
  friend bool operator==(const MatchIntrinsic&, const MatchIntrinsic&) = default;
};

struct HasAttribute {
  Attribute attribute;
  friend bool operator==(const HasAttribute&, const HasAttribute&) = default;
};

// Jaeger's equality: the attribute, whatever its type, reads as `text` where Jaeger prints it.
struct ReadsAs {
  Attribute attribute;
  std::string text;
  friend bool operator==(const ReadsAs&, const ReadsAs&) = default;
};

// An event of the span has an attribute that reads as `text`; the key "event" is the event's name.
struct EventReadsAs {
  std::string key;
  std::string text;
  friend bool operator==(const EventReadsAs&, const EventReadsAs&) = default;
};

struct Condition;

// True where there is none.
struct AllOf {
  std::vector<Condition> of;
  friend bool operator==(const AllOf&, const AllOf&);
};
// False where there is none.
struct AnyOf {
  std::vector<Condition> of;
  friend bool operator==(const AnyOf&, const AnyOf&);
};
// Not any of them.
struct NoneOf {
  std::vector<Condition> of;
  friend bool operator==(const NoneOf&, const NoneOf&);
};

struct Condition {
  using Variant = std::variant<AllOf, AnyOf, NoneOf, CompareAttribute, CompareIntrinsic, HasAttribute, ReadsAs,
                               EventReadsAs, TestAttribute, TestPart, TestInstrumentation, MatchIntrinsic>;
  Variant value;
  friend bool operator==(const Condition&, const Condition&) = default;
};

inline bool operator==(const AllOf& a, const AllOf& b) { return a.of == b.of; }
inline bool operator==(const AnyOf& a, const AnyOf& b) { return a.of == b.of; }
inline bool operator==(const NoneOf& a, const NoneOf& b) { return a.of == b.of; }

// Past either a condition is refused: it would become a statement that takes DuckDB longer to plan than to run.
inline constexpr std::size_t kConditionDepthMax = 64;
inline constexpr std::size_t kConditionLeavesMax = 1'000;

}  // namespace meshflow::query
