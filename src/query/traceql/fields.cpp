#include "query/traceql/fields.hpp"

#include <algorithm>

namespace meshflow::query::traceql {

std::size_t Fields::add(const Field& field) {
  const auto found = std::find(fields_.begin(), fields_.end(), field);
  if (found != fields_.end()) return static_cast<std::size_t>(found - fields_.begin());
  fields_.push_back(field);
  return fields_.size() - 1;
}

std::size_t Fields::place_of(const Field& field) const {
  return static_cast<std::size_t>(std::find(fields_.begin(), fields_.end(), field) - fields_.begin());
}

void Fields::add(const Expression& expression) {
  struct Walk {
    Fields& fields;
    void operator()(const Literal&) const {}
    void operator()(const Field& field) const { fields.add(field); }
    void operator()(const Unary& unary) const { fields.add(*unary.operand); }
    void operator()(const Arithmetic& operation) const {
      fields.add(*operation.left);
      fields.add(*operation.right);
    }
    void operator()(const Compare& operation) const {
      fields.add(*operation.left);
      fields.add(*operation.right);
    }
    void operator()(const NilTest& test) const { fields.add(*test.operand); }
    void operator()(const Logical& logical) const {
      for (const Expression& each : logical.operands) fields.add(each);
    }
  };
  std::visit(Walk{*this}, expression.of);
}

void Fields::add(const Spanset& spanset) {
  if (const auto* const filter = std::get_if<SpansetFilter>(&spanset.of)) {
    add(filter->condition);
  } else if (const auto* const operation = std::get_if<SpansetOperation>(&spanset.of)) {
    add(*operation->left);
    add(*operation->right);
  } else {
    add(*std::get<Box<Pipeline>>(spanset.of));
  }
}

void Fields::add(const Scalar& scalar) {
  if (const auto* const aggregate = std::get_if<Aggregate>(&scalar.of)) {
    if (aggregate->argument) add(*aggregate->argument);
  } else if (const auto* const operation = std::get_if<ScalarOperation>(&scalar.of)) {
    add(*operation->left);
    add(*operation->right);
  }
}

void Fields::add(const Pipeline& pipeline) {
  struct Walk {
    Fields& fields;
    void operator()(const Spanset& spanset) const { fields.add(spanset); }
    void operator()(const ScalarFilter& filter) const {
      fields.add(filter.left);
      fields.add(filter.right);
    }
    void operator()(const GroupBy& group) const { fields.add(group.by); }
    void operator()(const Coalesce&) const {}
    void operator()(const Select& select) const {
      for (const Field& each : select.fields) fields.add(each);
    }
  };
  for (const Stage& stage : pipeline.stages) std::visit(Walk{*this}, stage);
}

bool is_of_trace(const Field& field) {
  if (const auto* const attribute = std::get_if<Attribute>(&field.of)) return attribute->of_parent;
  switch (std::get<Intrinsic>(field.of)) {
    case Intrinsic::child_count:
    case Intrinsic::trace_duration:
    case Intrinsic::root_name:
    case Intrinsic::root_service:
    case Intrinsic::nested_set_left:
    case Intrinsic::nested_set_right:
    case Intrinsic::nested_set_parent: return true;
    default: return false;
  }
}

}  // namespace meshflow::query::traceql
