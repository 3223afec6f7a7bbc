#include "runtime/yaml.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>
#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "base/nearest.hpp"

namespace meshflow::runtime::yaml {
namespace {

std::string_view name_of(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null: return "nothing";
    case Value::Kind::scalar: return "a single value";
    case Value::Kind::sequence: return "a list";
    case Value::Kind::map: return "a map";
  }
  return "";
}

// How yaml-cpp's parser is left early. Never leaves this file.
struct Refused {
  Error error;
};

// Builds the tree from yaml-cpp's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  [[nodiscard]] Value take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(value_at(mark, Value::Kind::null), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) refuse(ErrorCode::invalid_input, mark, "an alias inside the value that it stands for");
    auto copy = known->second.value;
    count(known->second.values, mark);
    if (open_.size() + known->second.depth > kYamlDepthMax) refuse_depth(mark);
    copy.position = position_of(mark);
    place(std::move(copy));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& scalar) override {
    auto value = value_at(mark, Value::Kind::scalar);
    value.is_quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    value.scalar = scalar;
    value.text_position = value.position;
    const auto rest = text_.substr(std::min(static_cast<std::size_t>(mark.pos), text_.size()));
    if (rest.starts_with(scalar)) {
      value.is_verbatim = true;
    } else if (!rest.empty() && (rest.front() == '"' || rest.front() == '\'')) {
      ++value.text_position.column;
      value.is_verbatim = rest.substr(1).starts_with(scalar);
    }
    add(std::move(value), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(value_at(mark, Value::Kind::sequence), anchor, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(value_at(mark, Value::Kind::map), anchor, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Value value;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    std::size_t values_before = 0;
    std::size_t depth_inside = 0;
    std::optional<Value> key = std::nullopt;
    std::set<std::string, std::less<>> keys = {};
  };
  struct Anchored {
    Value value;
    std::size_t values = 1;
    std::size_t depth = 0;
  };

  [[noreturn]] void refuse(ErrorCode code, const YAML::Mark& mark, std::string message) const {
    throw Refused{Error{code, std::move(message), position_of(mark)}};
  }
  [[noreturn]] void refuse_depth(const YAML::Mark& mark) const {
    refuse(ErrorCode::limit_exceeded, mark, fmt::format("YAML is nested deeper than {}", kYamlDepthMax));
  }

  SourcePosition position_of(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  Value value_at(const YAML::Mark& mark, Value::Kind kind) {
    count(1, mark);
    Value value;
    value.kind = kind;
    value.position = position_of(mark);
    return value;
  }

  void count(std::size_t values, const YAML::Mark& mark) {
    values_ += values;
    if (values_ <= kYamlValuesMax) return;
    refuse(ErrorCode::limit_exceeded, mark,
           fmt::format("YAML has more than {} values, copies by aliases included", kYamlValuesMax));
  }

  void open(Value value, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (open_.size() == kYamlDepthMax) refuse_depth(mark);
    open_.push_back({.value = std::move(value), .mark = mark, .anchor = anchor, .values_before = values_ - 1});
  }

  void close() {
    auto closed = std::move(open_.back());
    open_.pop_back();
    const std::size_t depth = closed.depth_inside + 1;
    if (closed.anchor != 0) {
      const std::size_t values = values_ - closed.values_before;
      count(values, closed.mark);  // the copy kept for aliases takes memory too
      anchors_[closed.anchor] = {closed.value, values, depth};
    }
    if (!open_.empty()) open_.back().depth_inside = std::max(open_.back().depth_inside, depth);
    place(std::move(closed.value));
  }

  void add(Value value, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = {value};
    place(std::move(value));
  }

  void place(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    auto& parent = open_.back();
    if (parent.value.kind == Value::Kind::sequence) {
      parent.value.items.push_back(std::move(value));
    } else if (parent.key) {
      parent.value.entries.push_back({std::move(*parent.key), std::move(value)});
      parent.key.reset();
    } else {
      place_key(parent, std::move(value));
    }
  }

  static void place_key(Open& parent, Value key) {
    if (key.kind != Value::Kind::scalar) {
      throw Refused{Error{ErrorCode::invalid_input, fmt::format("{} can't be a key", name_of(key)), key.position}};
    }
    if (!parent.keys.insert(key.scalar).second) {
      const auto* first =
          &*std::ranges::find(parent.value.entries, key.scalar, [](const Entry& entry) { return entry.key.scalar; });
      throw Refused{Error{ErrorCode::invalid_input, fmt::format("\"{}\" is given twice", key.scalar), key.position,
                          fmt::format("first in line {}", first->key.position.line)}};
    }
    parent.key = std::move(key);
  }

  std::string_view text_;
  const std::string& file_;
  Value root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t values_ = 0;
};

SourcePosition position_of_offset(std::string_view text, std::size_t offset, const std::string& file) {
  const auto before = text.substr(0, offset);
  const auto line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {file, static_cast<int>(std::ranges::count(before, '\n')) + 1, static_cast<int>(offset - line_start) + 1};
}

// What yaml-cpp would read as another encoding, or stumble over.
Result<void> check_text(std::string_view text, const std::string& file) {
  if (text.size() > kYamlBytesMax) {
    Error error{ErrorCode::limit_exceeded,
                fmt::format("the file has {} bytes, more than {}", text.size(), kYamlBytesMax)};
    error.position = SourcePosition{file};
    return tl::unexpected(std::move(error));
  }
  auto bad = text.find('\0');
  if (bad == std::string_view::npos && !is_valid_utf8(text)) {
    std::size_t good = 0;
    for (bad = text.size(); bad - good > 1;) {
      const auto middle = good + (bad - good) / 2;
      (is_valid_utf8(utf8_prefix(text, middle)) ? good : bad) = middle;
    }
    bad = good;
  }
  if (bad == std::string_view::npos) return {};
  return tl::unexpected(Error{ErrorCode::invalid_input, "not UTF-8 text", position_of_offset(text, bad, file)});
}

Error error_of(const YAML::Exception& failure, std::string_view text, const std::string& file) {
  Error error{ErrorCode::invalid_input, fmt::format("not YAML: {}", failure.msg), SourcePosition{file}};
  // Its offset, as yaml-cpp's line and column are wrong at the end of a text.
  if (!failure.mark.is_null()) {
    const auto offset = std::min(static_cast<std::size_t>(std::max(failure.mark.pos, 0)), text.size());
    error.position = position_of_offset(text, offset, file);
  }
  return error;
}

boost::json::value json_value_of(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null: return nullptr;
    case Value::Kind::sequence: {
      boost::json::array out;
      for (const auto& item : value.items) out.push_back(json_value_of(item));
      return out;
    }
    case Value::Kind::map: {
      boost::json::object out;
      for (const auto& [key, inner] : value.entries) out.emplace(key.scalar, json_value_of(inner));
      return out;
    }
    case Value::Kind::scalar: break;
  }
  if (value.is_quoted) return boost::json::string(value.scalar);
  if (const auto integer = integer_of(value, "")) return *integer;
  if (const auto number = number_of(value, "")) return *number;
  if (const auto truth = boolean_of(value, "")) return *truth;
  return boost::json::string(value.scalar);
}

template <typename Number>
std::optional<Number> parse_number(const Value& value) {
  if (value.kind != Value::Kind::scalar || value.is_quoted || value.scalar.empty()) return std::nullopt;
  std::string_view text = value.scalar;
  if (text.starts_with('+')) text.remove_prefix(1);
  Number out = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::string shown(const Value& value) {
  if (value.kind != Value::Kind::scalar) return std::string(name_of(value));
  return fmt::format("\"{}\"", utf8_prefix(value.scalar, 80));
}

}  // namespace

const Value* Value::find(std::string_view key) const noexcept {
  const auto found =
      std::ranges::find(entries, key, [](const Entry& entry) { return std::string_view(entry.key.scalar); });
  return found == entries.end() ? nullptr : &found->value;
}

Result<Value> parse(std::string_view text, const std::string& file) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  MESHFLOW_CHECK(check_text(text, file));
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(text, file);
    Value root;
    if (parser.HandleNextDocument(builder)) root = builder.take_root();
    TreeBuilder another(text, file);
    if (parser.HandleNextDocument(another)) {
      return fail_at(another.take_root(), "a second document", "one document in a file");
    }
    if (root.position.line == 0) root.position = {file, 1, 1};
    return root;
  } catch (const Refused& refused) {
    return tl::unexpected(refused.error);
  } catch (const YAML::Exception& failure) {
    return tl::unexpected(error_of(failure, text, file));
  }
}

tl::unexpected<Error> fail_at(const Value& value, std::string message, std::string hint) {
  return tl::unexpected(Error{ErrorCode::invalid_input, std::move(message), value.position, std::move(hint)});
}

Result<std::string> text_of(const Value& value, std::string_view what) {
  if (value.kind == Value::Kind::scalar) return value.scalar;
  return fail_at(value, fmt::format("{} is {}, not a text", what, name_of(value)));
}

Result<std::int64_t> integer_of(const Value& value, std::string_view what) {
  if (const auto number = parse_number<std::int64_t>(value)) return *number;
  return fail_at(value, fmt::format("{} is {}, not a whole number", what, shown(value)));
}

Result<double> number_of(const Value& value, std::string_view what) {
  if (const auto number = parse_number<double>(value); number && std::isfinite(*number)) return *number;
  return fail_at(value, fmt::format("{} is {}, not a number", what, shown(value)));
}

Result<bool> boolean_of(const Value& value, std::string_view what) {
  if (value.kind == Value::Kind::scalar && !value.is_quoted) {
    if (value.scalar == "true") return true;
    if (value.scalar == "false") return false;
  }
  return fail_at(value, fmt::format("{} is {}, not true or false", what, shown(value)));
}

Result<std::vector<std::string>> texts_of(const Value& value, std::string_view what) {
  std::vector<std::string> out;
  if (value.kind != Value::Kind::sequence) {
    MESHFLOW_TRY(out.emplace_back(), text_of(value, what));
    return out;
  }
  for (const auto& item : value.items) {
    MESHFLOW_TRY(out.emplace_back(), text_of(item, what));
  }
  return out;
}

Result<void> check_keys(const Value& value, std::string_view what, std::span<const std::string_view> known) {
  if (value.kind != Value::Kind::map) return fail_at(value, fmt::format("{} is {}, not a map", what, name_of(value)));
  for (const auto& entry : value.entries) {
    if (std::ranges::find(known, entry.key.scalar) != known.end()) continue;
    return fail_at(entry.key, fmt::format("unknown key \"{}\" in {}", utf8_prefix(entry.key.scalar, 80), what),
                   name_hint(entry.key.scalar, known));
  }
  return {};
}

std::string json_of(const Value& value) { return boost::json::serialize(json_value_of(value)); }

}  // namespace meshflow::runtime::yaml
