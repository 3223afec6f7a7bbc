#include "query/traceql_golden.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/try.hpp"

namespace meshflow::query::traceql::test {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

// The end of what begins at `text`: before the first of `stops` that is outside quotes and brackets.
std::size_t end_of(std::string_view text, std::string_view stops) {
  int depth = 0;
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_quoted) {
      if (c == '\\') ++i;
      if (c == '"') is_quoted = false;
      continue;
    }
    if (depth == 0 && stops.find(c) != std::string_view::npos) return i;
    if (c == '"') is_quoted = true;
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') --depth;
  }
  return text.size();
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = end_of(text, std::string_view(&at, 1));
    if (!trimmed(text.substr(0, end)).empty()) out.push_back(trimmed(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

tl::unexpected<Error> wrong(std::string message) { return fail(ErrorCode::invalid_input, std::move(message)); }

// `a="b", c=ok`
Result<NamedTexts> named_texts(std::string_view text) {
  NamedTexts out;
  for (const std::string_view each : split(text, ',')) {
    const std::size_t equals = end_of(each, "=");
    if (equals == each.size()) return wrong(fmt::format("no = in \"{}\"", each));
    out.emplace_back(each.substr(0, equals), each.substr(equals + 1));
  }
  return out;
}

// `5`, `0.25`, `5/60`
Result<double> number_of(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  double value = 0;
  double divisor = 1;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), text.data() + slash, value);
  bool is_number = first.ec == std::errc{} && first.ptr == text.data() + slash;
  if (slash < text.size()) {
    const auto second = std::from_chars(text.data() + slash + 1, end, divisor);
    is_number = is_number && second.ec == std::errc{} && second.ptr == end;
  }
  if (!is_number) return wrong(fmt::format("\"{}\" is no number", text));
  return value / divisor;
}

// `0s..600s step 60s`, `0s..600s instant`
Result<MetricsRange> range_of(std::string_view text) {
  const std::vector<std::string_view> words = split(text, ' ');
  const std::size_t dots = words.empty() ? std::string_view::npos : words[0].find("..");
  if (dots == std::string_view::npos || words.size() < 2) return wrong("a range is 0s..600s step 60s, or … instant");
  MESHFLOW_TRY(const std::int64_t start, offset_of(words[0].substr(0, dots)));
  MESHFLOW_TRY(const std::int64_t end, offset_of(words[0].substr(dots + 2)));
  MetricsRange out{kZero + static_cast<std::uint64_t>(start), kZero + static_cast<std::uint64_t>(end), 0};
  if (words[1] == "instant") return out;
  if (words[1] != "step" || words.size() != 3) return wrong("a range is 0s..600s step 60s, or … instant");
  MESHFLOW_TRY(const std::int64_t step, offset_of(words[2]));
  out.step = static_cast<std::uint64_t>(step);
  return out;
}

// `[count()=2] a1 a2{span.db.rows=12}`
Result<ExpectedSpanset> spanset_of(std::string_view text) {
  ExpectedSpanset out;
  if (text.starts_with('[')) {
    const std::size_t end = end_of(text.substr(1), "]") + 1;
    MESHFLOW_TRY(out.attributes, named_texts(text.substr(1, end - 1)));
    text.remove_prefix(end + 1);
  }
  for (const std::string_view each : split(text, ' ')) {
    const std::size_t brace = std::min(each.find('{'), each.size());
    AnswerSpan& span = out.spans.emplace_back();
    span.id = span_id_of(each.substr(0, brace));
    if (brace == each.size()) continue;
    MESHFLOW_TRY(span.fields, named_texts(each.substr(brace + 1, each.size() - brace - 2)));
  }
  if (out.spans.empty()) return wrong("a set of no spans");
  return out;
}

// `{name="x"} 60s=2 120s=0.5`, `has {…} 60s=1`, `{name="x"} = 5`, `= 5`
Result<ExpectedSeries> series_of(std::string_view text) {
  ExpectedSeries out;
  if (text.starts_with("has ")) {
    out.is_one_of_many = true;
    text = trimmed(text.substr(4));
  }
  if (text.starts_with('{')) {
    const std::size_t end = end_of(text.substr(1), "}") + 1;
    MESHFLOW_TRY(out.labels, named_texts(text.substr(1, end - 1)));
    text = trimmed(text.substr(end + 1));
  }
  if (text.starts_with("= ")) {
    out.is_value = true;
    MESHFLOW_TRY(const double value, number_of(trimmed(text.substr(2))));
    out.samples.push_back({0, value});
    return out;
  }
  for (const std::string_view each : split(text, ' ')) {
    const std::size_t equals = std::min(each.find('='), each.size());
    MESHFLOW_TRY(const std::int64_t time, offset_of(each.substr(0, equals)));
    MESHFLOW_TRY(const double value, number_of(each.substr(std::min(equals + 1, each.size()))));
    out.samples.push_back({kZero + static_cast<std::uint64_t>(time), value});
  }
  return out;
}

ExpectedError error_of(std::string_view text) {
  ExpectedError out;
  const std::size_t end = std::min(text.find(' '), text.size());
  out.place = text.substr(0, end);
  for (const std::string_view each : split(text.substr(end), ',')) out.words.emplace_back(each);
  return out;
}

class Reader {
 public:
  Reader(std::string file, const Dataset& dataset) : file_(std::move(file)), dataset_(dataset) {}

  Result<std::vector<Golden>> read(std::string_view text) {
    for (line_ = 1; !text.empty(); ++line_) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      if (auto read = line(text.substr(0, end)); !read) {
        return wrong(fmt::format("{}:{}: {}", file_, line_, read.error().message));
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (!query_.empty() && !is_answered_) return wrong(fmt::format("{}: the last query has no answer", file_));
    return std::move(goldens_);
  }

 private:
  Result<void> line(std::string_view text) {
    if (text.starts_with('#')) return {};
    if (trimmed(text).empty()) {
      if (!query_.empty() && !is_answered_) return wrong("a query without an answer before this empty line");
      query_.clear();
      is_answered_ = false;
      return {};
    }
    if (is_answered_ && !text.starts_with("  ")) return wrong("an empty line between an answer and the next query");
    // A query's further lines are indented too: up to the line that closes it.
    if (!query_.empty() &&
        (is_answered_ ||
         std::count(query_.begin(), query_.end(), '{') <= std::count(query_.begin(), query_.end(), '}') ||
         text.starts_with("  error"))) {
      return answer(trimmed(text));
    }
    if (text.starts_with("@ ")) {
      MESHFLOW_TRY(range_, range_of(text.substr(2)));
      return {};
    }
    if (query_.empty()) {
      first_line_ = line_;
    } else {
      query_ += '\n';
    }
    query_ += text;
    return {};
  }

  Result<void> answer(std::string_view text) {
    if (!is_answered_)
      goldens_.push_back({fmt::format("{}:{}", file_, first_line_), query_, range_, ExpectedNothing{}});
    is_answered_ = true;
    Golden& golden = goldens_.back();
    if (text == "nothing") return {};
    if (text == "valid") {
      golden.expected = ExpectedValid{};
    } else if (text == "error" || text.starts_with("error ")) {
      golden.expected = error_of(trimmed(text.substr(5)));
    } else if (text.starts_with('{') || text.starts_with("has ") || text.starts_with("= ")) {
      MESHFLOW_TRY(auto series, series_of(text));
      if (!std::holds_alternative<std::vector<ExpectedSeries>>(golden.expected)) {
        golden.expected = std::vector<ExpectedSeries>{};
      }
      std::get<std::vector<ExpectedSeries>>(golden.expected).push_back(std::move(series));
    } else {
      return trace(golden, text);
    }
    return {};
  }

  // `A: a1 a2 | a3`
  Result<void> trace(Golden& golden, std::string_view text) {
    const std::size_t colon = std::min(text.find(": "), text.size());
    const NamedTrace* const named = dataset_.find(text.substr(0, colon));
    if (named == nullptr) return wrong(fmt::format("no trace and no answer: \"{}\"", text));
    ExpectedTrace out{named->id, {}};
    for (const std::string_view each : split(text.substr(colon + 1), '|')) {
      MESHFLOW_TRY(auto spanset, spanset_of(each));
      out.spansets.push_back(std::move(spanset));
    }
    if (!std::holds_alternative<std::vector<ExpectedTrace>>(golden.expected)) {
      golden.expected = std::vector<ExpectedTrace>{};
    }
    std::get<std::vector<ExpectedTrace>>(golden.expected).push_back(std::move(out));
    return {};
  }

  const std::string file_;
  const Dataset& dataset_;
  std::vector<Golden> goldens_;
  MetricsRange range_{kZero, kZero + 720'000'000'000, 60'000'000'000};
  std::string query_;
  bool is_answered_ = false;
  int line_ = 0;
  int first_line_ = 0;
};

// ---- holding answers against them
// --------------------------------------------------------------------------------------

NamedTexts sorted(NamedTexts texts) {
  std::sort(texts.begin(), texts.end());
  return texts;
}

// Fields are looked at where the golden file names any.
bool fits(const ExpectedSpanset& expected, const AnswerSpanset& got, bool with_fields) {
  if (expected.attributes && sorted(*expected.attributes) != sorted(got.attributes)) return false;
  return std::equal(expected.spans.begin(), expected.spans.end(), got.spans.begin(), got.spans.end(),
                    [&](const AnswerSpan& a, const AnswerSpan& b) {
                      return a.id == b.id && (!with_fields || sorted(a.fields) == sorted(b.fields));
                    });
}

bool fits(const ExpectedTrace& expected, const AnswerTrace& got, bool with_fields) {
  if (expected.id != got.id || expected.spansets.size() != got.spansets.size()) return false;
  std::vector<const AnswerSpanset*> left;
  for (const AnswerSpanset& each : got.spansets) left.push_back(&each);
  for (const ExpectedSpanset& each : expected.spansets) {
    const auto found =
        std::find_if(left.begin(), left.end(), [&](const auto* set) { return fits(each, *set, with_fields); });
    if (found == left.end()) return false;
    left.erase(found);
  }
  return true;
}

bool fits(const std::vector<ExpectedTrace>& expected, const Answer& answer) {
  const auto* got = std::get_if<Traces>(&answer);
  if (got == nullptr || expected.size() != got->size()) return false;
  bool with_fields = false;
  for (const ExpectedTrace& trace : expected) {
    for (const ExpectedSpanset& set : trace.spansets) {
      for (const AnswerSpan& span : set.spans) with_fields = with_fields || !span.fields.empty();
    }
  }
  return std::all_of(expected.begin(), expected.end(), [&](const ExpectedTrace& each) {
    return std::any_of(got->begin(), got->end(), [&](const auto& trace) { return fits(each, trace, with_fields); });
  });
}

bool is_near(double a, double b) { return a == b || std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)); }

bool fits(const ExpectedSeries& expected, const AnswerSeries& got) {
  const bool is_of_any_name = expected.is_value && expected.labels.empty();
  const bool has_only_name = got.labels.empty() || (got.labels.size() == 1 && got.labels[0].first == "__name__");
  if (is_of_any_name ? !has_only_name : sorted(expected.labels) != sorted(got.labels)) return false;
  return std::equal(expected.samples.begin(), expected.samples.end(), got.samples.begin(), got.samples.end(),
                    [&](const AnswerSample& a, const AnswerSample& b) {
                      return (expected.is_value || a.time == b.time) && is_near(a.value, b.value);
                    });
}

bool fits(const std::vector<ExpectedSeries>& expected, const Answer& answer) {
  const auto* got = std::get_if<AllSeries>(&answer);
  if (got == nullptr || (!expected.front().is_one_of_many && expected.size() != got->size())) return false;
  return std::all_of(expected.begin(), expected.end(), [&](const ExpectedSeries& each) {
    return std::any_of(got->begin(), got->end(), [&](const AnswerSeries& series) { return fits(each, series); });
  });
}

bool fits(const ExpectedError& expected, const Answer& answer) {
  const auto* got = std::get_if<Refusal>(&answer);
  if (got == nullptr || !got->text.starts_with(expected.place.empty() ? "" : expected.place + ": ")) return false;
  return std::all_of(expected.words.begin(), expected.words.end(),
                     [&](const std::string& word) { return got->text.find(word) != std::string::npos; });
}

bool fits(const ExpectedValid& /*valid*/, const Answer& answer) { return !std::holds_alternative<Refusal>(answer); }

bool fits(const ExpectedNothing& /*nothing*/, const Answer& answer) {
  if (const auto* traces = std::get_if<Traces>(&answer)) return traces->empty();
  const auto* series = std::get_if<AllSeries>(&answer);
  return series != nullptr && series->empty();
}

}  // namespace

Result<std::vector<Golden>> read_goldens(const std::string& file, std::string_view text, const Dataset& dataset) {
  return Reader(file, dataset).read(text);
}

std::optional<std::string> mismatch(const Golden& golden, const Answer& answer) {
  if (std::visit([&](const auto& expected) { return fits(expected, answer); }, golden.expected)) return std::nullopt;
  return golden.where + ": " + golden.query + "\n answered\n" + text_of(answer);
}

}  // namespace meshflow::query::traceql::test
