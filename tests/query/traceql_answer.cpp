#include "query/traceql_answer.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace meshflow::query::traceql::test {
namespace {

std::string list(const NamedTexts& texts) {
  std::string out;
  for (const auto& [name, text] : texts) out += (out.empty() ? "" : ", ") + name + "=" + text;
  return out;
}

std::string lines(const Traces& traces) {
  std::string out;
  for (const AnswerTrace& trace : traces) {
    out += "  " + hex(trace.id.data(), trace.id.size()) + ":";
    const char* between = "";
    for (const AnswerSpanset& spanset : trace.spansets) {
      out += between;
      between = " |";
      if (!spanset.attributes.empty()) out += " [" + list(spanset.attributes) + "]";
      for (const AnswerSpan& span : spanset.spans) {
        out += " " + span_id_name(span.id);
        if (!span.fields.empty()) out += "{" + list(span.fields) + "}";
      }
    }
    out += "\n";
  }
  return out.empty() ? "  nothing\n" : out;
}

std::string lines(const AllSeries& all) {
  std::string out;
  for (const AnswerSeries& series : all) {
    out += "  {" + list(series.labels) + "}";
    for (const AnswerSample& sample : series.samples) out += fmt::format(" {}ns={}", sample.time, sample.value);
    out += "\n";
  }
  return out.empty() ? "  nothing\n" : out;
}

std::string lines(const Refusal& refusal) { return "  error " + refusal.text + "\n"; }

bool is_near(double a, double b, double relative) {
  return a == b || std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b));
}

bool are_alike(const AllSeries& a, const AllSeries& b, double relative) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const AnswerSeries& x, const AnswerSeries& y) {
    return x.labels == y.labels && std::equal(x.samples.begin(), x.samples.end(), y.samples.begin(), y.samples.end(),
                                              [&](const AnswerSample& s, const AnswerSample& t) {
                                                return s.time == t.time && is_near(s.value, t.value, relative);
                                              });
  });
}

}  // namespace

void sort(Traces& traces) {
  for (AnswerTrace& trace : traces) std::sort(trace.spansets.begin(), trace.spansets.end());
  std::sort(traces.begin(), traces.end());
}

void sort(AllSeries& series) {
  std::sort(series.begin(), series.end(),
            [](const AnswerSeries& a, const AnswerSeries& b) { return a.labels < b.labels; });
}

std::optional<std::string> difference(const Answer& expected, const Answer& got, double relative) {
  bool is_same = expected.index() == got.index();
  if (is_same && std::holds_alternative<Traces>(expected))
    is_same = std::get<Traces>(expected) == std::get<Traces>(got);
  if (is_same && std::holds_alternative<AllSeries>(expected)) {
    is_same = are_alike(std::get<AllSeries>(expected), std::get<AllSeries>(got), relative);
  }
  if (is_same) return std::nullopt;
  return "expected\n" + text_of(expected) + "got\n" + text_of(got);
}

std::string text_of(const Answer& answer) {
  return std::visit([](const auto& each) { return lines(each); }, answer);
}

std::string span_id_name(const otlp::SpanId& id) {
  std::string name;
  for (const std::uint8_t byte : id) {
    if (byte == 0 && name.empty()) continue;
    if (!(byte >= '0' && byte <= '9') && !(byte >= 'a' && byte <= 'z')) return hex(id.data(), id.size());
    name += static_cast<char>(byte);
  }
  return name;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string number_text(double value) {
  std::string text = fmt::format("{}", value);
  if (std::isfinite(value) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string duration_text(std::int64_t nanos) {
  if (nanos == 0) return "0s";
  for (const auto& [unit, size] :
       {std::pair{"s", 1'000'000'000LL}, std::pair{"ms", 1'000'000LL}, std::pair{"us", 1'000LL}}) {
    if (std::abs(nanos) >= size)
      return fmt::format("{}{}", static_cast<double>(nanos) / static_cast<double>(size), unit);
  }
  return fmt::format("{}ns", nanos);
}

std::string hex(const std::uint8_t* bytes, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += fmt::format("{:02x}", bytes[i]);
  return out;
}

}  // namespace meshflow::query::traceql::test
