#include "query/traceql_engine.hpp"

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <stdexcept>

#include "otlp/encode.hpp"
#include "query/traceql/check.hpp"
#include "query/traceql/metrics.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/search.hpp"
#include "store/trace_store.hpp"

namespace meshflow::query::traceql::test {
namespace {

template <typename T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  return std::move(*result);
}

std::string cell_text(const Cell& cell) {
  struct Text {
    std::string operator()(std::monostate) const { return "nil"; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return number_text(number); }
    std::string operator()(Duration duration) const { return duration_text(duration.nanos); }
    std::string operator()(Status status) const { return print(Value(status)); }
    std::string operator()(Kind kind) const { return print(Value(kind)); }
    std::string operator()(const std::string& text) const { return test::quoted(text); }
    std::string operator()(const Array& array) const {
      std::string out;
      for (const Cell& each : array.of) out += (out.empty() ? "" : ",") + cell_text(each);
      return "[" + out + "]";
    }
    std::string operator()(const Opaque& /*opaque*/) const { return "opaque"; }
    std::string operator()(const Several& several) const {
      return several.of.empty() ? "nil" : cell_text(several.of.front());
    }
  };
  return std::visit(Text{}, cell.value);
}

void add_selected(const Pipeline& pipeline, std::vector<Field>& fields);

void add_selected(const Spanset& spanset, std::vector<Field>& fields) {
  if (const auto* inner = std::get_if<Box<Pipeline>>(&spanset.of)) add_selected(**inner, fields);
  if (const auto* operation = std::get_if<SpansetOperation>(&spanset.of)) {
    add_selected(*operation->left, fields);
    add_selected(*operation->right, fields);
  }
}

void add_selected(const Pipeline& pipeline, std::vector<Field>& fields) {
  for (const Stage& stage : pipeline.stages) {
    if (const auto* select = std::get_if<Select>(&stage)) {
      fields.insert(fields.end(), select->fields.begin(), select->fields.end());
    } else if (const auto* spanset = std::get_if<Spanset>(&stage)) {
      add_selected(*spanset, fields);
    }
  }
}

AnswerSpan answer_of(const FoundSpan& span, const std::vector<Field>& selected) {
  AnswerSpan out{span.span_id, {}};
  for (const Field& field : selected) {
    for (const FoundAttribute& each : span.attributes) {
      if (each.field == field) out.fields.emplace_back(print(field), cell_text(each.value));
    }
  }
  return out;
}

Answer answer_of(const SearchResult& result, const std::vector<Field>& selected) {
  if (result.cut_by) return Refusal{result.cut_by->text()};
  Traces out;
  for (const FoundTrace& trace : result.traces) {
    AnswerTrace& made = out.emplace_back(AnswerTrace{trace.trace_id, {}});
    for (const FoundSet& set : trace.sets) {
      AnswerSpanset& spanset = made.spansets.emplace_back();
      for (const auto& [name, cell] : set.attributes) spanset.attributes.emplace_back(name, cell_text(cell));
      for (const FoundSpan& span : set.spans) spanset.spans.push_back(answer_of(span, selected));
    }
  }
  sort(out);
  return out;
}

}  // namespace

class EngineStore::Implementation {
 public:
  Implementation(const otlp::TracesData& data, Where where) {
    std::string name = (std::filesystem::temp_directory_path() / "meshflow-traceql-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
    store::StoreOptions options;
    options.directory = folder_ + "/store";
    options.durability = store::Durability::async;
    store_ = value_or_throw(store::TraceStore::open(std::move(options)));
    if (where == Where::in_both) {
      otlp::TracesData early = data;
      otlp::TracesData late = data;
      bool is_early = true;
      for (std::size_t r = 0; r < data.resource_spans.size(); ++r) {
        for (std::size_t s = 0; s < data.resource_spans[r].scope_spans.size(); ++s) {
          auto& first = early.resource_spans[r].scope_spans[s].spans;
          auto& second = late.resource_spans[r].scope_spans[s].spans;
          first.clear();
          second.clear();
          for (const otlp::Span& span : data.resource_spans[r].scope_spans[s].spans) {
            (is_early ? first : second).push_back(span);
            is_early = !is_early;
          }
        }
      }
      keep(early);
      flush();
      keep(late);
    } else {
      keep(data);
      if (where == Where::in_duckdb) flush();
    }
  }
  ~Implementation() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  Answer ask(const std::string& text, const MetricsRange& range) {
    const auto checked = compile_query(text);
    if (!checked) return Refusal{checked.error().text()};
    auto snapshot = value_or_throw(store_->snapshot());
    const auto* const pipeline = std::get_if<Pipeline>(&checked->query().of);
    if (pipeline == nullptr) return series(snapshot, std::get<Metrics>(checked->query().of), range);
    SearchOptions options;
    options.traces_max = 1'000;
    options.spans_per_set_max = 1'000;
    const auto found = search(snapshot, *pipeline, options);
    if (!found) return Refusal{found.error().text()};
    std::vector<Field> selected;
    add_selected(*pipeline, selected);
    return answer_of(*found, selected);
  }

 private:
  static Answer series(store::Snapshot& snapshot, const Metrics& query, const MetricsRange& range) {
    MetricsOptions options;
    options.range = {range.start, range.end};
    options.step = range.step;
    const auto result = metrics(snapshot, query, options);
    if (!result) return Refusal{result.error().text()};
    AllSeries out;
    for (const Series& each : result->series) {
      AnswerSeries& made = out.emplace_back();
      for (const Label& label : each.labels) made.labels.emplace_back(label.name, cell_text(label.value));
      for (std::size_t i = 0; i < each.values.size(); ++i) {
        if (!std::isnan(each.values[i])) made.samples.push_back({result->times[i], each.values[i]});
      }
    }
    sort(out);
    return out;
  }
  void keep(const otlp::TracesData& data) {
    std::promise<Result<store::TraceStore::Received>> promise;
    store_->ingest(otlp::encode(data), [&promise](auto result) { promise.set_value(std::move(result)); });
    (void)value_or_throw(promise.get_future().get());
    if (!store_->wait_until_visible(std::chrono::seconds(60))) throw std::runtime_error("not visible");
  }
  void flush() {
    if (auto flushed = store_->flush(); !flushed) throw std::runtime_error(flushed.error().text());
  }

  std::string folder_;
  std::unique_ptr<store::TraceStore> store_;
};

EngineStore::EngineStore(const otlp::TracesData& data, Where where)
    : implementation_(std::make_unique<Implementation>(data, where)) {}
EngineStore::~EngineStore() = default;

Answer EngineStore::ask(const std::string& query, const MetricsRange& range) {
  return implementation_->ask(query, range);
}

}  // namespace meshflow::query::traceql::test
