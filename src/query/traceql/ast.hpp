// The syntax tree of a TraceQL query (docs/traceql-grammar.md), as parse() gives it and print() writes it.
//
// Plain values: build them, copy them, compare them. Equality ignores places in the text. What the parser never
// builds, and print() therefore need not write, is said beside each node.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "query/traceql/box.hpp"
#include "query/traceql/place.hpp"

namespace meshflow::query::traceql {

// ---- values ---------------------------------------------------------------------------------------------------------

struct Duration {
  std::int64_t nanos = 0;
  friend auto operator<=>(const Duration&, const Duration&) = default;
};
enum class Status { error, ok, unset };
enum class Kind { unspecified, internal, server, client, producer, consumer };

// Doubles are finite.
using Value = std::variant<std::string, std::int64_t, double, Duration, bool, Status, Kind>;

// What a value or an expression is. `any`: an attribute's, which is known span by span.
enum class Type { any, text, integer, real, duration, boolean, status, kind };

struct Literal {
  Value value;
  Place place = {};
  friend bool operator==(const Literal&, const Literal&) = default;
};

// ---- fields ---------------------------------------------------------------------------------------------------------

// What every span (or its trace, or one of its events and links) has. Older and scoped spellings are one here:
// `rootServiceName` and `trace:rootService`, `name` and `span:name`.
enum class Intrinsic {
  duration,
  name,
  status,
  status_message,
  kind,
  child_count,
  span_id,
  parent_id,
  trace_id,
  trace_duration,
  root_name,
  root_service,
  nested_set_left,
  nested_set_right,
  nested_set_parent,
  event_name,
  event_time_since_start,
  link_span_id,
  link_trace_id,
  instrumentation_name,
  instrumentation_version,
};

enum class Scope { any, span, resource, event, link, instrumentation };

// `.name`, `span.name`, `parent.name`, `parent.resource."a name"`.
struct Attribute {
  Scope scope = Scope::any;  // `any`: the span's, else its resource's
  std::string name;  // never empty
  bool of_parent = false;  // the parent span's; with any, span and resource only
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

struct Field {
  std::variant<Intrinsic, Attribute> of;
  Place place = {};
  friend bool operator==(const Field&, const Field&) = default;
};

// ---- expressions over one span --------------------------------------------------------------------------------------

struct Expression;

enum class UnaryOperator { negate, logical_not };

// Never the negation of a number or duration that is a Literal: that is a negative Literal.
struct Unary {
  UnaryOperator op = UnaryOperator::negate;
  Box<Expression> operand;
  friend bool operator==(const Unary&, const Unary&) = default;
};

enum class ArithmeticOperator { add, subtract, multiply, divide, modulo, power };

struct Arithmetic {
  ArithmeticOperator op = ArithmeticOperator::add;
  Box<Expression> left;
  Box<Expression> right;
  Place op_place = {};
  friend bool operator==(const Arithmetic&, const Arithmetic&) = default;
};

enum class ComparisonOperator { equal, not_equal, less, less_equal, greater, greater_equal, matches, matches_not };

struct Compare {
  ComparisonOperator op = ComparisonOperator::equal;
  Box<Expression> left;
  Box<Expression> right;
  Place op_place = {};
  friend bool operator==(const Compare&, const Compare&) = default;
};

// `x = nil`, `x != nil`, whichever side nil stood on. (`nil = nil` and `nil != nil` are the Literal false.)
struct NilTest {
  bool is_nil = true;
  Box<Expression> operand;
  friend bool operator==(const NilTest&, const NilTest&) = default;
};

enum class LogicalOperator { all, any };  // && and ||

// At least two operands; the first is never a Logical of the same operator, unless it stood in parentheses.
struct Logical {
  LogicalOperator op = LogicalOperator::all;
  std::vector<Expression> operands;
  friend bool operator==(const Logical&, const Logical&);
};

struct Expression {
  std::variant<Literal, Field, Unary, Arithmetic, Compare, NilTest, Logical> of;
  Place place = {};
  // What check() found; `any` before it. No part of what the tree says.
  Type type = Type::any;
};
inline bool operator==(const Expression& a, const Expression& b) { return a.of == b.of; }
inline bool operator==(const Logical& a, const Logical& b) { return a.op == b.op && a.operands == b.operands; }

// ---- sets of spans --------------------------------------------------------------------------------------------------

// `{ … }`; `{ }` is `{ true }`.
struct SpansetFilter {
  Expression condition;
  Place place = {};
  friend bool operator==(const SpansetFilter&, const SpansetFilter&) = default;
};

// How two sets of one trace's spans make one. Structural ones give spans of the right side, their unions of both.
enum class SpansetOperator {
  all,  // && : both sides found something
  any,  // ||
  child,
  parent,
  descendant,
  ancestor,
  sibling,  // > < >> << ~
  not_child,
  not_parent,
  not_descendant,
  not_ancestor,
  not_sibling,  // !> !< !>> !<< !~
  union_child,
  union_parent,
  union_descendant,
  union_ancestor,
  union_sibling,  // &> &< &>> &<< &~
};

struct Spanset;
struct Pipeline;

struct SpansetOperation {
  SpansetOperator op = SpansetOperator::all;
  Box<Spanset> left;
  Box<Spanset> right;
  Place op_place = {};
  friend bool operator==(const SpansetOperation&, const SpansetOperation&) = default;
};

struct Spanset {
  // A Pipeline (in parentheses) only as an operand, and only where it is more than one Spanset.
  std::variant<SpansetFilter, SpansetOperation, Box<Pipeline>> of;
  Place place = {};
  friend bool operator==(const Spanset&, const Spanset&) = default;
};

// ---- the stages of a pipeline ---------------------------------------------------------------------------------------

enum class AggregateFunction { count, avg, max, min, sum };

struct Aggregate {
  AggregateFunction function = AggregateFunction::count;
  std::optional<Expression> argument = {};  // none for count, one for the others
  Place place = {};
  friend bool operator==(const Aggregate&, const Aggregate&) = default;
};

struct Scalar;

// Never over two Literals: those were computed.
struct ScalarOperation {
  ArithmeticOperator op = ArithmeticOperator::add;
  Box<Scalar> left;
  Box<Scalar> right;
  Place op_place = {};
  friend bool operator==(const ScalarOperation&, const ScalarOperation&) = default;
};

// A number for a set of spans. Literals are integers, reals and durations.
struct Scalar {
  std::variant<Literal, Aggregate, ScalarOperation> of;
  Place place = {};
  Type type = Type::any;  // what check() found; no part of what the tree says
};
inline bool operator==(const Scalar& a, const Scalar& b) { return a.of == b.of; }

// `count() > 2`. Neither =~ nor !~; at least one side has an aggregate.
struct ScalarFilter {
  ComparisonOperator op = ComparisonOperator::equal;
  Scalar left;
  Scalar right;
  Place op_place = {};
  friend bool operator==(const ScalarFilter&, const ScalarFilter&) = default;
};

struct GroupBy {
  Expression by;
  Place place = {};
  friend bool operator==(const GroupBy&, const GroupBy&) = default;
};

// Never the first stage.
struct Coalesce {
  Place place = {};
  friend bool operator==(const Coalesce&, const Coalesce&) = default;
};

struct Select {
  std::vector<Field> fields;  // at least one
  Place place = {};
  friend bool operator==(const Select&, const Select&) = default;
};

using Stage = std::variant<Spanset, ScalarFilter, GroupBy, Coalesce, Select>;

struct Pipeline {
  std::vector<Stage> stages;  // at least one
  friend bool operator==(const Pipeline&, const Pipeline&) = default;
};

// ---- metrics --------------------------------------------------------------------------------------------------------

enum class MetricsFunction {
  rate,
  count_over_time,
  min_over_time,
  max_over_time,
  avg_over_time,
  sum_over_time,
  quantile_over_time,
  histogram_over_time,
  compare,
  // One value for each group and the whole range, whatever the step: beyond Tempo.
  count,
  min,
  max,
  avg,
  sum,
  quantile,
};

// compare({…}, top, start, end)
struct CompareArguments {
  SpansetFilter selection;
  std::int64_t top = 10;
  // Nanoseconds since 1970 within which spans of the selection start; both 0: not said.
  std::int64_t start = 0;
  std::int64_t end = 0;
  friend bool operator==(const CompareArguments&, const CompareArguments&) = default;
};

struct MetricsStage {
  MetricsFunction function = MetricsFunction::rate;
  std::optional<Expression> argument = {};  // none for rate, count_over_time, count and compare
  std::vector<double> quantiles = {};  // at least one for the quantile functions, else none
  std::vector<Field> by = {};
  std::optional<CompareArguments> compare = {};  // for compare only
  Place place = {};
  friend bool operator==(const MetricsStage&, const MetricsStage&) = default;
};

struct TopK {
  bool is_bottom = false;
  std::int64_t k = 0;
  Place place = {};
  friend bool operator==(const TopK&, const TopK&) = default;
};

// `> 10`. Neither =~ nor !~.
struct MetricsFilter {
  ComparisonOperator op = ComparisonOperator::greater;
  Literal value;  // an integer, a real or a duration
  Place place = {};
  friend bool operator==(const MetricsFilter&, const MetricsFilter&) = default;
};

using SecondStage = std::variant<TopK, MetricsFilter>;

struct Metrics;

struct MetricsQuery {
  Pipeline pipeline;
  MetricsStage stage;
  friend bool operator==(const MetricsQuery&, const MetricsQuery&) = default;
};

// A Literal is an integer or a real.
using MetricsOperand = std::variant<Literal, Box<Metrics>>;

// At least one operand is no Literal. add, subtract, multiply, divide.
struct MetricsOperation {
  ArithmeticOperator op = ArithmeticOperator::add;
  MetricsOperand left;
  MetricsOperand right;
  Place op_place = {};
  friend bool operator==(const MetricsOperation&, const MetricsOperation&) = default;
};

struct Metrics {
  std::variant<MetricsQuery, MetricsOperation> of;
  std::vector<SecondStage> then = {};  // in the order in which they apply
  Place place = {};
  friend bool operator==(const Metrics&, const Metrics&) = default;
};

// ---- a query --------------------------------------------------------------------------------------------------------

// `with (name = value)`
struct Hint {
  std::string name;
  Literal value;
  Place place = {};
  friend bool operator==(const Hint&, const Hint&) = default;
};

struct Query {
  std::variant<Pipeline, Metrics> of;
  std::vector<Hint> hints = {};
  friend bool operator==(const Query&, const Query&) = default;
};

}  // namespace meshflow::query::traceql
