#include "query/traceql_traces.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace meshflow::query::traceql::test {
namespace {

// One line, read from the left. What does not fit is noted; the caller asks at the line's end.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  std::string word() {
    skip_spaces();
    const std::size_t end = std::min(rest_.find(' '), rest_.size());
    std::string out(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return out;
  }
  std::string text() {
    skip_spaces();
    std::string out;
    if (!take('"')) return fail("a text in quotes"), out;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty()) break;
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    if (!take('"')) fail("a closing quote");
    return out;
  }
  otlp::KeyValueList attributes() {
    otlp::KeyValueList out;
    for (skip_spaces(); !rest_.empty() && !failed_; skip_spaces()) {
      std::string key;
      while (!rest_.empty() && rest_.front() != '=') {
        if (rest_.front() == '"') {
          key += text();
        } else {
          key += rest_.front();
          rest_.remove_prefix(1);
        }
      }
      if (!take('=')) fail("an equals sign after an attribute's name");
      out.push_back({std::move(key), value()});
    }
    return out;
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void fail(std::string_view wanted) {
    if (!failed_) failed_ = fmt::format("wanted {} at \"{}\"", wanted, rest_);
  }
  [[nodiscard]] bool starts_with(std::string_view what) {
    skip_spaces();
    return rest_.starts_with(what);
  }
  [[nodiscard]] const std::optional<std::string>& failed() const { return failed_; }

 private:
  void skip_spaces() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  otlp::AnyValue value() {
    if (rest_.starts_with('"')) return {text()};
    if (take('[')) {
      otlp::ArrayValue array;
      while (!take(']')) {
        array.push_back(value());
        take(',');
        if (failed_ || rest_.empty()) return fail("a closing bracket"), otlp::AnyValue{};
      }
      return {std::move(array)};
    }
    const std::size_t end = std::min(rest_.find_first_of(" ,]"), rest_.size());
    const std::string_view token = rest_.substr(0, end);
    rest_.remove_prefix(end);
    if (token == "true" || token == "false") return {token == "true"};
    if (token == "nil") return {};
    if (token.find('.') != std::string_view::npos) return number<double>(token);
    return number<std::int64_t>(token);
  }
  template <typename Number>
  otlp::AnyValue number(std::string_view token) {
    Number parsed{};
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), parsed);
    if (error != std::errc{} || end != token.data() + token.size()) fail("a value");
    return {parsed};
  }

  std::string_view rest_;
  std::optional<std::string> failed_;
};

template <typename Id>
std::optional<Id> id_of_hex(std::string_view digits) {
  Id id{};
  if (digits.size() != 2 * id.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.size(); ++i) {
    const char* const at = digits.data() + 2 * i;
    if (std::from_chars(at, at + 2, id[i], 16).ptr != at + 2) return std::nullopt;
  }
  return id;
}

constexpr std::array<std::string_view, 6> kKinds = {"unspecified", "internal", "server",
                                                    "client",      "producer", "consumer"};
constexpr std::array<std::string_view, 3> kStatuses = {"unset", "ok", "error"};

struct PlacedSpan {
  otlp::Span span;
  std::string resource;
  std::string scope;
};

class Reader {
 public:
  Result<Dataset> read(std::string_view text) {
    for (int number = 1; !text.empty(); ++number) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
      if (indent == line.size() || line[indent] == '#') continue;
      Line rest(line.substr(indent));
      if (indent == 0) {
        definition(rest);
      } else {
        below_trace(rest, indent);
      }
      if (rest.failed()) {
        return tl::unexpected(
            Error{ErrorCode::invalid_input, fmt::format("traces.txt:{}: {}", number, *rest.failed())});
      }
    }
    place_spans();
    place_links();
    return std::move(made_);
  }

 private:
  void definition(Line& line) {
    const std::string what = line.word();
    const std::string name = line.word();
    if (what == "resource") {
      resources_[name] = otlp::Resource{line.attributes(), 0, {}};
    } else if (what == "scope") {
      otlp::InstrumentationScope scope;
      scope.name = line.text();
      scope.version = line.text();
      scope.attributes = line.attributes();
      scopes_[name] = std::move(scope);
    } else if (what == "trace") {
      const auto id = id_of_hex<otlp::TraceId>(line.word());
      if (!id) return line.fail("32 hex digits");
      made_.traces.push_back({name, *id});
      ancestors_.clear();
    } else {
      line.fail("resource, scope or trace");
    }
  }

  void below_trace(Line& line, std::size_t indent) {
    if (line.starts_with("+ ")) {
      line.word();
      if (spans_.empty()) return line.fail("a span before its attributes");
      for (auto& each : line.attributes()) spans_.back().span.attributes.push_back(std::move(each));
    } else if (line.starts_with("event ")) {
      line.word();
      event(line);
    } else if (line.starts_with("link ")) {
      line.word();
      const std::string target = line.word();
      spans_.back().span.links.push_back({{}, {}, target, line.attributes(), 0, 0});
    } else {
      span(line, indent);
    }
  }

  void event(Line& line) {
    otlp::Event event;
    const auto offset = offset_of(line.word());
    if (!offset || spans_.empty()) return line.fail("a span before its event, and a time");
    event.time_unix_nano = spans_.back().span.start_time_unix_nano + static_cast<std::uint64_t>(*offset);
    event.name = line.text();
    event.attributes = line.attributes();
    spans_.back().span.events.push_back(std::move(event));
  }

  void span(Line& line, std::size_t indent) {
    PlacedSpan placed;
    otlp::Span& span = placed.span;
    if (made_.traces.empty()) return line.fail("a trace before its spans");
    span.trace_id = made_.traces.back().id;
    span.span_id = span_id_of(line.word());
    span.name = line.text();
    if (line.word() != "at") return line.fail("at");
    const auto start = offset_of(line.word());
    if (line.word() != "for") return line.fail("for");
    const auto duration = offset_of(line.word());
    if (!start || !duration) return line.fail("times such as 70s and 1500ms");
    span.start_time_unix_nano = kZero + static_cast<std::uint64_t>(*start);
    span.end_time_unix_nano = span.start_time_unix_nano + static_cast<std::uint64_t>(*duration);
    const auto kind = std::find(kKinds.begin(), kKinds.end(), line.word());
    if (kind == kKinds.end()) return line.fail("a kind");
    span.kind = static_cast<otlp::SpanKind>(kind - kKinds.begin());
    status(line, span);
    const std::string where = line.word();
    placed.resource = where.substr(0, where.find('/'));
    placed.scope = where.find('/') == std::string::npos ? "none" : where.substr(where.find('/') + 1);
    if (!resources_.contains(placed.resource) || !scopes_.contains(placed.scope)) {
      return line.fail("a resource and a scope from above");
    }
    while (!ancestors_.empty() && ancestors_.back().first >= indent) ancestors_.pop_back();
    if (!ancestors_.empty()) span.parent_span_id = ancestors_.back().second;
    ancestors_.emplace_back(indent, span.span_id);
    if (line.starts_with("under ")) {
      line.word();
      span.parent_span_id = span_id_of(line.word());
    }
    span.attributes = line.attributes();
    spans_.push_back(std::move(placed));
  }

  static void status(Line& line, otlp::Span& span) {
    for (std::size_t i = 0; i < kStatuses.size(); ++i) {
      if (!line.starts_with(kStatuses[i])) continue;
      span.status.code = static_cast<otlp::StatusCode>(i);
      for (std::size_t each = 0; each < kStatuses[i].size(); ++each) line.take(kStatuses[i][each]);
      if (line.take('(')) {
        span.status.message = line.text();
        if (!line.take(')')) line.fail("a closing parenthesis");
      }
      return;
    }
    line.fail("a status");
  }

  // One ResourceSpans for each resource and scope of a trace, as exporters send them.
  void place_spans() {
    std::map<std::pair<std::string, std::string>, std::size_t> places;
    for (PlacedSpan& each : spans_) {
      const auto [place, is_new] = places.try_emplace({each.resource, each.scope}, made_.data.resource_spans.size());
      if (is_new) {
        otlp::ResourceSpans& resource = made_.data.resource_spans.emplace_back();
        resource.resource = resources_[each.resource];
        resource.scope_spans.emplace_back().scope = scopes_[each.scope];
      }
      made_.data.resource_spans[place->second].scope_spans.front().spans.push_back(std::move(each.span));
    }
  }

  // A link's trace_state holds "A/a5" until all traces are known.
  void place_links() {
    for (auto& resource : made_.data.resource_spans) {
      for (auto& span : resource.scope_spans.front().spans) {
        for (otlp::Link& link : span.links) {
          const std::size_t slash = link.trace_state.find('/');
          if (const NamedTrace* const trace = made_.find(link.trace_state.substr(0, slash))) link.trace_id = trace->id;
          link.span_id = span_id_of(link.trace_state.substr(slash + 1));
          link.trace_state.clear();
        }
      }
    }
  }

  Dataset made_;
  std::map<std::string, otlp::Resource> resources_;
  std::map<std::string, otlp::InstrumentationScope> scopes_;
  std::vector<PlacedSpan> spans_;
  std::vector<std::pair<std::size_t, otlp::SpanId>> ancestors_;  // indent and id
};

}  // namespace

const NamedTrace* Dataset::find(std::string_view name) const {
  const auto found = std::find_if(traces.begin(), traces.end(), [&](const auto& each) { return each.name == name; });
  return found == traces.end() ? nullptr : &*found;
}

otlp::SpanId span_id_of(std::string_view name) {
  otlp::SpanId id{};
  const std::size_t count = std::min(name.size(), id.size());
  for (std::size_t i = 0; i < count; ++i) id[id.size() - count + i] = static_cast<std::uint8_t>(name[i]);
  return id;
}

Result<std::int64_t> offset_of(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error == std::errc{} && unit == "s") return count * 1'000'000'000;
  if (error == std::errc{} && unit == "ms") return count * 1'000'000;
  return tl::unexpected(Error{ErrorCode::invalid_input, fmt::format("\"{}\" is no time such as 70s or 1500ms", text)});
}

Result<Dataset> read_traces(std::string_view text) { return Reader().read(text); }

}  // namespace meshflow::query::traceql::test
