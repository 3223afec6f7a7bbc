#include "runtime/template.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/try.hpp"
#include "runtime/condition_tree.hpp"
#include "runtime/json_path.hpp"

namespace meshflow::runtime {

namespace json = boost::json;

// A literal, a variable of the run, or one of the environment.
struct Template::Piece {
  struct Environment {
    std::string name;
  };
  std::variant<std::string, VariableUse, Environment> what;
  std::vector<Condition::Reference> references = {};
};

namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kEnvironment = "env.";
constexpr std::string_view kRedacted = "REDACTED";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const auto first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

bool is_environment_name(std::string_view name) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && std::ranges::all_of(name, is_part) && (name.front() < '0' || name.front() > '9');
}

SourcePosition position_at(const SourcePosition& base, std::string_view text, std::size_t at) {
  SourcePosition position = base;
  if (position.line <= 0 || position.column <= 0) return position;
  const auto before = text.substr(0, at);
  const auto newlines = static_cast<int>(std::ranges::count(before, '\n'));
  position.line += newlines;
  position.column = newlines == 0 ? position.column + static_cast<int>(at) : static_cast<int>(at - before.rfind('\n'));
  return position;
}

tl::unexpected<Error> fail_at(const SourcePosition& position, std::string message, std::string hint = {}) {
  Error error{ErrorCode::invalid_input, std::move(message), std::nullopt, std::move(hint)};
  if (position.line > 0) error.position = position;
  return tl::unexpected(std::move(error));
}

// Where the braces that opened at the beginning of `text` close; strings in them may hold braces.
std::size_t end_of(std::string_view text) {
  char quote = '\0';
  for (std::size_t i = kOpen.size(); i < text.size(); ++i) {
    if (quote != '\0') {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == quote) {
        quote = '\0';
      }
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text.substr(i).starts_with(kClose)) {
      return i;
    }
  }
  return std::string_view::npos;
}

// The JSON value behind a variable, or null where there is none; `owner` keeps it.
const json::value* json_of(const VariableUse& use, std::string_view text, std::optional<json::value>& owner) {
  owner = read_json(text);
  const json::value* found = owner ? follow(&*owner, use.path) : nullptr;
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::optional<std::string_view> text_behind(const VariableUse& use, const TemplateScope& scope) {
  if (use.variable == Variable::input) return scope.input();
  if (use.variable == Variable::task) return scope.task();
  return scope.output_of(use.node_id);
}

tl::unexpected<Error> no_value(std::string_view name) {
  return fail(ErrorCode::invalid_input, fmt::format("{} has no value", name),
              "the node was skipped or blocked, its output is not the JSON that is read, or the field is not there");
}

Result<std::string> value_of(const VariableUse& use, const TemplateScope& scope) {
  const auto text = text_behind(use, scope);
  if (!text) return no_value(text_of(Operand(use)));
  if (!use.json) return std::string(*text);
  std::optional<json::value> owner;
  const json::value* found = json_of(use, *text, owner);
  if (found == nullptr) return no_value(text_of(Operand(use)));
  if (found->is_string()) return std::string(found->get_string());
  return json::serialize(*found);
}

Result<std::string> value_of_environment(std::string_view name, const TemplateScope& scope) {
  if (auto value = scope.environment(name)) return std::move(*value);
  return fail(ErrorCode::invalid_input, fmt::format("the environment has no {}", name));
}

tl::unexpected<Error> too_large(std::size_t bytes_max) {
  return fail(ErrorCode::limit_exceeded,
              fmt::format("with its variables filled in it has more than {} bytes", bytes_max));
}

// Calls `visit` with each string among the values of `value`, in order; stops at the first failure.
template <typename Value, typename Visit>
Result<void> walk_strings(Value& value, const Visit& visit) {
  if (auto* array = value.if_array()) {
    for (auto& item : *array) MESHFLOW_CHECK(walk_strings(item, visit));
  } else if (auto* object = value.if_object()) {
    for (auto& member : *object) MESHFLOW_CHECK(walk_strings(member.value(), visit));
  } else if (value.is_string()) {
    return visit(value);
  }
  return {};
}

}  // namespace

Result<Template> Template::parse(std::string_view text, const SourcePosition& base, TemplateVariables allowed) {
  std::vector<Piece> pieces;
  std::size_t at = 0;
  while (at < text.size()) {
    if (pieces.size() >= kTemplatePiecesMax) {
      return fail(ErrorCode::limit_exceeded, fmt::format("a template has more than {} pieces", kTemplatePiecesMax));
    }
    const auto open = std::min(text.find(kOpen, at), text.size());
    if (open > at) pieces.push_back({std::string(text.substr(at, open - at))});
    if (open == text.size()) break;
    const auto place = position_at(base, text, open);
    const auto length = end_of(text.substr(open));
    if (length == std::string_view::npos) return fail_at(place, "this {{ is not closed", "{{ input }}");
    const auto inside_at = open + kOpen.size();
    const auto inside = text.substr(inside_at, length - kOpen.size());
    at = open + length + kClose.size();
    if (const auto word = trimmed(inside); word.starts_with(kEnvironment)) {
      const auto name = word.substr(kEnvironment.size());
      if (!allowed.environment) {
        return fail_at(place, fmt::format("{} may not stand here", word),
                       "the environment is for the headers of http and mcp nodes and for an mcp server's env");
      }
      if (!is_environment_name(name)) return fail_at(place, fmt::format("\"{}\" names no variable", word));
      pieces.push_back({Piece::Environment{std::string(name)}});
      continue;
    }
    MESHFLOW_TRY(TemplateOperand found, parse_template_operand(inside, position_at(base, text, inside_at)));
    if (auto* use = std::get_if<VariableUse>(&found.operand)) {
      if (!allowed.outputs) {
        return fail_at(place, fmt::format("{} may not stand here", text_of(found.operand)), "{{ env.NAME }}");
      }
      pieces.push_back({std::move(*use), std::move(found.references)});
    } else if (auto* literal = std::get_if<std::string>(&found.operand)) {
      pieces.push_back({std::move(*literal)});
    } else {
      return fail_at(place, fmt::format("{} is no variable", text_of(found.operand)));
    }
  }
  Template out;
  out.pieces_ = std::make_shared<const std::vector<Piece>>(std::move(pieces));
  return out;
}

Result<Template::Filled> Template::fill(const TemplateScope& scope, std::size_t bytes_max, const Encode& encode) const {
  Filled filled;
  if (!pieces_) return filled;
  for (const Piece& piece : *pieces_) {
    if (const auto* literal = std::get_if<std::string>(&piece.what)) {
      filled.text += *literal;
      filled.shown += *literal;
    } else {
      const auto* use = std::get_if<VariableUse>(&piece.what);
      MESHFLOW_TRY(std::string value, use != nullptr
                                          ? value_of(*use, scope)
                                          : value_of_environment(std::get<Piece::Environment>(piece.what).name, scope));
      if (value.size() > bytes_max) return too_large(bytes_max);
      if (encode) {
        MESHFLOW_TRY(value, encode(std::move(value)));
      }
      filled.text += value;
      filled.shown += kRedacted;
    }
    if (filled.text.size() > bytes_max) return too_large(bytes_max);
  }
  return filled;
}

std::string_view Template::literal_prefix() const noexcept {
  if (!pieces_ || pieces_->empty()) return {};
  const auto* literal = std::get_if<std::string>(&pieces_->front().what);
  return literal == nullptr ? std::string_view() : std::string_view(*literal);
}

bool Template::is_literal() const noexcept {
  const auto is_text = [](const Piece& piece) { return std::holds_alternative<std::string>(piece.what); };
  return !pieces_ || std::ranges::all_of(*pieces_, is_text);
}

std::vector<Condition::Reference> Template::references() const {
  std::vector<Condition::Reference> all;
  if (!pieces_) return all;
  for (const Piece& piece : *pieces_) all.insert(all.end(), piece.references.begin(), piece.references.end());
  return all;
}

Result<JsonTemplate> JsonTemplate::parse(std::string_view text, const SourcePosition& base) {
  json::error_code failure;
  const auto value = json::parse(json::string_view(text.data(), text.size()), failure);
  if (failure) return fail_at(base, fmt::format("it is not JSON: {}", failure.message()));
  JsonTemplate out;
  out.json_ = text;
  // Where a string stands in the file is not known: the errors name the line of the whole.
  const SourcePosition place{base.file, base.line, 0};
  MESHFLOW_CHECK(walk_strings(value, [&](const json::value& string) -> Result<void> {
    const auto& written = string.get_string();
    MESHFLOW_TRY(out.strings_.emplace_back(),
                 Template::parse(std::string_view(written.data(), written.size()), place, TemplateVariables{}));
    return {};
  }));
  return out;
}

Result<std::string> JsonTemplate::fill(const TemplateScope& scope, std::size_t bytes_max) const {
  json::value value = json::parse(json_);  // it was parsed before
  auto next = strings_.begin();
  std::size_t bytes = 0;  // of what was filled in: many small templates may name one large output
  MESHFLOW_CHECK(walk_strings(value, [&](json::value& string) -> Result<void> {
    const Template& from = *next++;
    if (from.pieces_ && from.pieces_->size() == 1) {
      const auto* use = std::get_if<VariableUse>(&from.pieces_->front().what);
      if (use != nullptr && use->json) {
        const auto text = text_behind(*use, scope);
        std::optional<json::value> owner;
        const json::value* found = text ? json_of(*use, *text, owner) : nullptr;
        if (found == nullptr) return no_value(text_of(Operand(*use)));
        bytes += json::serialize(*found).size();
        if (bytes > bytes_max) return too_large(bytes_max);
        string = *found;
        return {};
      }
    }
    MESHFLOW_TRY(const Template::Filled filled, from.fill(scope, bytes_max));
    bytes += filled.text.size();
    if (bytes > bytes_max) return too_large(bytes_max);
    string = filled.text;
    return {};
  }));
  std::string text = json::serialize(value);
  if (text.size() > bytes_max) return too_large(bytes_max);
  return text;
}

std::vector<Condition::Reference> JsonTemplate::references() const {
  std::vector<Condition::Reference> all;
  for (const Template& string : strings_) {
    const auto those = string.references();
    all.insert(all.end(), those.begin(), those.end());
  }
  return all;
}

}  // namespace meshflow::runtime
