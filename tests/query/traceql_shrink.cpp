// Making a failing case smaller, one step at a time: fewer spans and attributes, smaller trees.
#include <algorithm>

#include <fmt/format.h>

#include "query/traceql/printer.hpp"
#include "query/traceql_case.hpp"
#include "query/traceql_traces.hpp"

namespace meshflow::query::traceql::test {
namespace {

// Calls `use` with every smaller form of a tree, one at a time, put in the place of `at` within the whole tree.
class Smaller {
 public:
  explicit Smaller(const traceql::Query& whole) : whole_(whole) {}

  std::vector<traceql::Query> all() {
    query(whole_);
    return std::move(made_);
  }

 private:
  template <typename Node>
  void use(Node& at, Node smaller) {
    std::swap(at, smaller);
    made_.push_back(whole_);
    std::swap(at, smaller);
  }
  // Each element left out, as long as `least` stay.
  template <typename Node>
  void without_one(std::vector<Node>& list, std::size_t least) {
    for (std::size_t i = 0; list.size() > least && i < list.size(); ++i) {
      std::vector<Node> shorter = list;
      shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
      use(list, std::move(shorter));
    }
  }

  void query(traceql::Query& query) {
    if (auto* pipeline_of = std::get_if<Pipeline>(&query.of)) {
      pipeline(*pipeline_of);
    } else {
      metrics(std::get<Metrics>(query.of));
    }
  }

  void metrics(Metrics& metrics_of) {
    without_one(metrics_of.then, 0);
    if (auto* operation = std::get_if<MetricsOperation>(&metrics_of.of)) {
      for (MetricsOperand* each : {&operation->left, &operation->right}) {
        auto* inner = std::get_if<Box<Metrics>>(each);
        if (inner == nullptr) continue;
        use(metrics_of, Metrics(**inner));
        metrics(**inner);
      }
      return;
    }
    auto& query_of = std::get<MetricsQuery>(metrics_of.of);
    without_one(query_of.stage.by, 0);
    if (query_of.stage.quantiles.size() > 1) without_one(query_of.stage.quantiles, 1);
    pipeline(query_of.pipeline);
  }

  void pipeline(Pipeline& of) {
    without_one(of.stages, 1);
    for (Stage& stage : of.stages) {
      if (auto* spanset_of = std::get_if<Spanset>(&stage)) spanset(*spanset_of);
      if (auto* group = std::get_if<GroupBy>(&stage)) expression(group->by);
      if (auto* filter = std::get_if<ScalarFilter>(&stage)) {
        for (Scalar* each : {&filter->left, &filter->right}) {
          auto* aggregate = std::get_if<Aggregate>(&each->of);
          if (aggregate != nullptr && aggregate->argument) expression(*aggregate->argument);
        }
      }
    }
  }

  void spanset(Spanset& of) {
    if (auto* filter = std::get_if<SpansetFilter>(&of.of)) {
      if (!std::holds_alternative<Literal>(filter->condition.of)) {
        use(of, Spanset{SpansetFilter{Expression{Literal{true}, {}}}});
      }
      expression(filter->condition);
    } else if (auto* operation = std::get_if<SpansetOperation>(&of.of)) {
      use(of, Spanset(*operation->left));
      use(of, Spanset(*operation->right));
      spanset(*operation->left);
      spanset(*operation->right);
    } else {
      auto& inner = std::get<Box<Pipeline>>(of.of);
      if (auto* first = std::get_if<Spanset>(&inner->stages.front())) use(of, Spanset(*first));
      if (inner->stages.size() > 2) pipeline(*inner);
    }
  }

  void expression(Expression& of) {
    if (auto* unary = std::get_if<Unary>(&of.of)) {
      use(of, Expression(*unary->operand));
      expression(*unary->operand);
    } else if (auto* arithmetic = std::get_if<Arithmetic>(&of.of)) {
      use(of, Expression(*arithmetic->left));
      use(of, Expression(*arithmetic->right));
      expression(*arithmetic->left);
      expression(*arithmetic->right);
    } else if (auto* compare = std::get_if<Compare>(&of.of)) {
      expression(*compare->left);
      expression(*compare->right);
    } else if (auto* test = std::get_if<NilTest>(&of.of)) {
      expression(*test->operand);
    } else if (auto* logical = std::get_if<Logical>(&of.of)) {
      for (const Expression& each : std::vector<Expression>(logical->operands)) use(of, Expression(each));
      if (auto* still = std::get_if<Logical>(&of.of)) {
        without_one(still->operands, 2);
        for (Expression& each : still->operands) expression(each);
      }
    }
  }

  traceql::Query whole_;
  std::vector<traceql::Query> made_;
};

std::vector<otlp::TracesData> smaller(const otlp::TracesData& data) {
  std::vector<otlp::TracesData> out;
  const auto each_span = [&](const auto& change) {
    for (std::size_t r = 0; r < data.resource_spans.size(); ++r) {
      for (std::size_t s = 0; s < data.resource_spans[r].scope_spans.size(); ++s) {
        const auto& spans = data.resource_spans[r].scope_spans[s].spans;
        for (std::size_t i = 0; i < spans.size(); ++i) change(spans[i], r, s, i);
      }
    }
  };
  each_span([&](const otlp::Span& /*span*/, std::size_t r, std::size_t s, std::size_t i) {
    auto& spans = out.emplace_back(data).resource_spans[r].scope_spans[s].spans;
    spans.erase(spans.begin() + static_cast<std::ptrdiff_t>(i));
  });
  each_span([&](const otlp::Span& span, std::size_t r, std::size_t s, std::size_t i) {
    const auto copy = [&]() -> otlp::Span& { return out.emplace_back(data).resource_spans[r].scope_spans[s].spans[i]; };
    if (!span.events.empty()) copy().events.pop_back();
    if (!span.links.empty()) copy().links.pop_back();
    for (std::size_t a = 0; a < span.attributes.size(); ++a) {
      auto& attributes = copy().attributes;
      attributes.erase(attributes.begin() + static_cast<std::ptrdiff_t>(a));
    }
  });
  return out;
}

std::string value_text(const otlp::AnyValue& value) { return oracle_text(oracle_value(value)); }

std::string list_text(const otlp::KeyValueList& list) {
  std::string out;
  for (const auto& each : list) out += " " + each.key + "=" + value_text(each.value);
  return out;
}

}  // namespace

std::vector<traceql::Query> smaller(const traceql::Query& query) { return Smaller(query).all(); }

Case shrunk(Case failing, const std::function<bool(const Case&)>& fails, int tries) {
  for (bool is_smaller = true; is_smaller && tries > 0;) {
    is_smaller = false;
    std::vector<Case> steps;
    for (auto& each : smaller(failing.query)) steps.push_back({std::move(each), failing.data, failing.range});
    for (auto& each : smaller(failing.data)) steps.push_back({failing.query, std::move(each), failing.range});
    for (Case& step : steps) {
      if (--tries < 0) break;
      if (!fails(step)) continue;
      failing = std::move(step);
      is_smaller = true;
      break;
    }
  }
  return failing;
}

std::string text_of(const Case& failing) {
  const auto seconds = [](std::uint64_t time) { return static_cast<double>(time - kZero) / 1e9; };
  std::string out = print(failing.query) + "\n@ " +
                    fmt::format("{}s..{}s step {}s\n", seconds(failing.range.start), seconds(failing.range.end),
                                static_cast<double>(failing.range.step) / 1e9);
  for (const OracleTrace& trace : oracle_traces(failing.data)) {
    out += "trace " + hex(trace.id.data(), trace.id.size()) + "\n";
    for (const OracleSpan& each : trace.spans) {
      const otlp::Span& span = *each.span;
      out += fmt::format("  {} \"{}\" at {}s for {} kind {} status {} \"{}\" under {}", span_id_name(span.span_id),
                         span.name, seconds(span.start_time_unix_nano),
                         duration_text(static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano)),
                         static_cast<int>(span.kind), static_cast<int>(span.status.code), span.status.message,
                         otlp::is_set(span.parent_span_id) ? span_id_name(span.parent_span_id) : "-");
      out += list_text(span.attributes) + " | resource" + list_text(each.resource->attributes);
      out += " | scope " + test::quoted(each.scope->name) + " " + test::quoted(each.scope->version) +
             list_text(each.scope->attributes);
      for (const auto& event : span.events) {
        out += fmt::format(" | event \"{}\" +{}", event.name,
                           duration_text(static_cast<std::int64_t>(event.time_unix_nano - span.start_time_unix_nano)));
        out += list_text(event.attributes);
      }
      for (const auto& link : span.links) {
        out +=
            " | link " + hex(link.trace_id.data(), 16) + "/" + span_id_name(link.span_id) + list_text(link.attributes);
      }
      out += "\n";
    }
  }
  return out;
}

}  // namespace meshflow::query::traceql::test
