#include "query/outline_find.hpp"

#include <algorithm>
#include <set>

#include "base/try.hpp"
#include "query/resources.hpp"
#include "query/trace_row.hpp"
#include "query/traceql/source.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// A text that is looked for in others.
class Needle {
 public:
  explicit Needle(std::string_view text) : text_(text) {
    std::transform(text_.begin(), text_.end(), text_.begin(), lower);
  }

  [[nodiscard]] bool is_in(std::string_view text) const {
    const auto found =
        std::search(text.begin(), text.end(), text_.begin(), text_.end(), [](char a, char b) { return lower(a) == b; });
    return found != text.end() || text_.empty();
  }
  [[nodiscard]] bool is_in(const otlp::KeyValueList& attributes) const {
    return std::any_of(attributes.begin(), attributes.end(),
                       [this](const otlp::KeyValue& each) { return is_in(each.key + "=" + text_of(each.value)); });
  }
  [[nodiscard]] bool is_in(const otlp::Span& span) const {
    return is_in(span.name) || is_in(hex_of(span.span_id)) || is_in(span.status.message) || is_in(span.attributes) ||
           std::any_of(span.events.begin(), span.events.end(),
                       [this](const otlp::Event& event) { return is_in(event.name) || is_in(event.attributes); });
  }

 private:
  std::string text_;
};

tl::unexpected<Error> no_trace() { return fail(ErrorCode::not_found, "trace not found"); }

}  // namespace

Result<std::vector<std::uint64_t>> find_text(store::Snapshot& snapshot, const otlp::TraceId& trace_id,
                                             std::string_view text, const store::QueryLimits& limits) {
  MESHFLOW_TRY(const auto traces, snapshot.traces(std::span(&trace_id, 1), limits));
  if (traces.empty()) return no_trace();
  const Needle needle(text);
  std::vector<std::uint64_t> found;
  for (const otlp::ResourceSpans& resource : traces.front().data.resource_spans) {
    const bool all = needle.is_in(resource.resource.attributes) || needle.is_in(service_name_of(resource.resource));
    for (const otlp::ScopeSpans& scope : resource.scope_spans) {
      const bool all_of_scope = all || needle.is_in(scope.scope.name) || needle.is_in(scope.scope.attributes);
      for (const otlp::Span& span : scope.spans) {
        if (all_of_scope || needle.is_in(span)) found.push_back(store::number_of(span.span_id));
      }
    }
  }
  return found;
}

Result<std::vector<std::uint64_t>> find_spans(store::Snapshot& snapshot, const otlp::TraceId& trace_id,
                                              const traceql::Pipeline& pipeline, const store::QueryLimits& limits) {
  MESHFLOW_TRY(const auto range, snapshot.time_range_of(trace_id));
  if (!range) return no_trace();
  traceql::Fields fields;
  fields.add(pipeline);
  MESHFLOW_TRY(auto source, traceql::Source::open(snapshot, {}, std::move(fields), limits));
  MESHFLOW_TRY(const auto traces, source.read({{store::number_of(trace_id), range->from, range->to}}));
  const traceql::Pipelines pipelines(pipeline, source.fields());
  std::set<std::uint64_t> found;
  for (const traceql::Trace& trace : traces) {
    MESHFLOW_TRY(const auto sets, pipelines.evaluate(trace));
    for (const traceql::SpanSet& set : sets) {
      for (const std::size_t span : set.spans) found.insert(trace.rows[span].span_id);
    }
  }
  return std::vector<std::uint64_t>(found.begin(), found.end());
}

}  // namespace meshflow::query
