#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "runtime/condition_tree.hpp"
#include "base/nearest.hpp"

namespace meshflow::runtime {
namespace {

struct Token {
  enum class Kind { end, word, string, number, sign };
  Kind kind = Kind::end;
  std::string text = {};  // a string's value; else as written
  double number = 0;
  std::size_t at = 0;     // byte offset
};

constexpr std::array kConditionVariables = {Variable::output,      Variable::outputs,  Variable::task,
                                            Variable::uncertainty, Variable::cost_usd, Variable::tokens,
                                            Variable::verdict,     Variable::status,   Variable::iteration};
constexpr std::array kTemplateVariables = {Variable::input, Variable::task, Variable::outputs};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word_part(char c) { return is_word_start(c) || is_digit(c) || c == '-'; }

std::string_view words_for(ConditionType type) {
  switch (type) {
    case ConditionType::text: return "text";
    case ConditionType::number: return "a number";
    case ConditionType::boolean: return "true or false";
    case ConditionType::json: return "a JSON value";
  }
  return "";
}

ConditionType type_of(const Operand& operand) {
  if (std::holds_alternative<std::string>(operand)) return ConditionType::text;
  if (std::holds_alternative<double>(operand)) return ConditionType::number;
  if (std::holds_alternative<bool>(operand)) return ConditionType::boolean;
  const auto& use = std::get<VariableUse>(operand);
  if (use.json) return ConditionType::json;
  switch (use.variable) {
    case Variable::uncertainty:
    case Variable::cost_usd:
    case Variable::tokens:
    case Variable::iteration: return ConditionType::number;
    default: return ConditionType::text;
  }
}

bool fits(ConditionType type, ConditionType wanted) { return type == wanted || type == ConditionType::json; }

}  // namespace

class ConditionParser {
 public:
  ConditionParser(std::string_view text, const SourcePosition& base, std::string_view what,
                  std::span<const Variable> variables)
      : text_(text), base_(base), what_(what), variables_(variables) {}

  Result<Condition> parse() {
    MESHFLOW_CHECK(begin());
    MESHFLOW_TRY(tree_.root, any());
    if (token_.kind != Token::Kind::end) return unexpected("the end, \"and\" or \"or\"");
    return Condition(std::make_shared<const ConditionTree>(std::move(tree_)));
  }

  Result<TemplateOperand> parse_operand() {
    MESHFLOW_CHECK(begin());
    MESHFLOW_TRY(Operand what, operand());
    if (token_.kind != Token::Kind::end) return unexpected("the end");
    return TemplateOperand{std::move(what), std::move(tree_.references)};
  }

 private:
  Result<void> begin() {
    if (text_.size() > kConditionBytesMax) {
      return fail_at(0, fmt::format("the {} has {} bytes, more than {}", what_, text_.size(), kConditionBytesMax), {},
                     ErrorCode::limit_exceeded);
    }
    MESHFLOW_CHECK(advance());
    if (token_.kind == Token::Kind::end) return fail_at(0, fmt::format("the {} is empty", what_));
    return {};
  }

  tl::unexpected<Error> fail_at(std::size_t at, std::string message, std::string hint = {},
                                ErrorCode code = ErrorCode::invalid_input) const {
    Error error{code, std::move(message), std::nullopt, std::move(hint)};
    if (base_.line > 0) error.position = position_of(at);
    if (base_.line <= 0 || base_.column <= 0) error.message += fmt::format(", at column {} of the {}", at + 1, what_);
    return tl::unexpected(std::move(error));
  }

  SourcePosition position_of(std::size_t at) const {
    auto position = base_;
    if (position.line <= 0 || position.column <= 0) return position;
    const auto before = text_.substr(0, at);
    const auto newlines = static_cast<int>(std::ranges::count(before, '\n'));
    position.line += newlines;
    position.column =
        newlines == 0 ? position.column + static_cast<int>(at) : static_cast<int>(at - before.rfind('\n'));
    return position;
  }

  tl::unexpected<Error> unexpected(std::string_view wanted) const {
    if (token_.kind == Token::Kind::end) return fail_at(token_.at, fmt::format("the {} ends before {}", what_, wanted));
    const auto shown = token_.kind == Token::Kind::string ? quoted(token_.text) : token_.text;
    std::string hint;
    if (token_.kind == Token::Kind::word) {
      static constexpr std::array<std::string_view, 6> kWords = {"and",         "or",        "contains",
                                                                 "starts_with", "ends_with", "matches"};
      hint = name_hint(token_.text, kWords);
    }
    return fail_at(token_.at, fmt::format("expected {}, not {}", wanted, shown), hint);
  }

  // --- tokens ---

  Result<void> advance() {
    while (next_ < text_.size() && std::string_view(" \t\r\n").find(text_[next_]) != std::string_view::npos) ++next_;
    token_ = Token{.at = next_};
    if (next_ == text_.size()) return {};
    const char c = text_[next_];
    if (c == '"' || c == '\'') return string_token(c);
    if (is_digit(c) || (c == '-' && next_ + 1 < text_.size() && is_digit(text_[next_ + 1]))) return number_token();
    if (is_word_start(c)) {
      token_.kind = Token::Kind::word;
      while (next_ < text_.size() && is_word_part(text_[next_])) token_.text += text_[next_++];
      return {};
    }
    return sign_token();
  }

  Result<void> sign_token() {
    static constexpr std::array<std::string_view, 11> kSigns = {"==", "!=", "<=", ">=", "<", ">",
                                                                "(",  ")",  ".",  "[",  "]"};
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOthers = {
        {{"=", "=="}, {"&&", "and"}, {"||", "or"}, {"!", "not"}}};
    const auto rest = text_.substr(next_);
    for (const auto sign : kSigns) {
      if (!rest.starts_with(sign)) continue;
      token_.kind = Token::Kind::sign;
      token_.text = sign;
      next_ += sign.size();
      return {};
    }
    for (const auto& [written, right] : kOthers) {
      if (rest.starts_with(written)) {
        return fail_at(next_, fmt::format("\"{}\" is no operator", written), fmt::format("write \"{}\"", right));
      }
    }
    const auto byte = static_cast<unsigned char>(rest.front());
    if (byte < 0x20 || byte >= 0x7f) return fail_at(next_, "a character that can stand in a string only");
    return fail_at(next_, fmt::format("unexpected \"{}\"", rest.front()));
  }

  Result<void> string_token(char quote) {
    token_.kind = Token::Kind::string;
    ++next_;
    while (next_ < text_.size() && text_[next_] != quote) {
      char c = text_[next_++];
      if (c == '\\') {
        if (next_ == text_.size()) break;
        switch (text_[next_]) {
          case 'n': c = '\n'; break;
          case 'r': c = '\r'; break;
          case 't': c = '\t'; break;
          case '\\':
          case '"':
          case '\'': c = text_[next_]; break;
          default:
            return fail_at(next_ - 1, fmt::format("unknown escape \\{}", text_[next_]),
                           "known: \\n \\r \\t \\\\ \\\" \\'; write \\\\ for a backslash");
        }
        ++next_;
      }
      token_.text += c;
    }
    if (next_ == text_.size()) return fail_at(token_.at, "this string does not end");
    ++next_;
    return {};
  }

  Result<void> number_token() {
    token_.kind = Token::Kind::number;
    const char* begin = text_.data() + next_;
    const auto [end, problem] = std::from_chars(begin, text_.data() + text_.size(), token_.number);
    token_.text.assign(begin, end);
    if (problem != std::errc{}) return fail_at(token_.at, fmt::format("{} is no usable number", token_.text));
    next_ += static_cast<std::size_t>(end - begin);
    if (next_ < text_.size() && is_word_part(text_[next_])) {
      return fail_at(next_, fmt::format("\"{}\" after a number", text_[next_]));
    }
    return {};
  }

  bool at_word(std::string_view word) const { return token_.kind == Token::Kind::word && token_.text == word; }
  bool at_sign(std::string_view sign) const { return token_.kind == Token::Kind::sign && token_.text == sign; }

  Result<void> expect_sign(std::string_view sign) {
    if (!at_sign(sign)) return unexpected(fmt::format("\"{}\"", sign));
    return advance();
  }

  // --- expressions; each returns an index into the tree ---

  std::size_t add(Expression expression) {
    tree_.expressions.push_back(std::move(expression));
    return tree_.expressions.size() - 1;
  }

  Result<std::size_t> any() {
    return list(Expression::Kind::any, "or", [this] { return all(); });
  }
  Result<std::size_t> all() {
    return list(Expression::Kind::all, "and", [this] { return negation(); });
  }

  template <typename Part>
  Result<std::size_t> list(Expression::Kind kind, std::string_view word, Part part) {
    Expression out;
    out.kind = kind;
    MESHFLOW_TRY(const std::size_t first, part());
    out.parts.push_back(first);
    while (at_word(word)) {
      MESHFLOW_CHECK(advance());
      MESHFLOW_TRY(const std::size_t next, part());
      out.parts.push_back(next);
    }
    return out.parts.size() == 1 ? first : add(std::move(out));
  }

  Result<std::size_t> negation() {
    if (!at_word("not")) return comparison();
    MESHFLOW_CHECK(deeper());
    MESHFLOW_CHECK(advance());
    MESHFLOW_TRY(const std::size_t part, negation());
    --depth_;
    Expression out;
    out.kind = Expression::Kind::negation;
    out.parts.push_back(part);
    return add(std::move(out));
  }

  Result<void> deeper() {
    if (++depth_ <= kConditionDepthMax) return {};
    return fail_at(token_.at, fmt::format("parentheses and \"not\" are nested deeper than {}", kConditionDepthMax), {},
                   ErrorCode::limit_exceeded);
  }

  Result<std::size_t> comparison() {
    if (at_sign("(")) {
      MESHFLOW_CHECK(deeper());
      MESHFLOW_CHECK(advance());
      MESHFLOW_TRY(const std::size_t inside, any());
      MESHFLOW_CHECK(expect_sign(")"));
      --depth_;
      return inside;
    }
    Expression out;
    const auto left_at = token_.at;
    MESHFLOW_TRY(out.left, operand());
    const auto comparison = comparison_here();
    if (!comparison) return truth(std::move(out), left_at);
    out.kind = Expression::Kind::comparison;
    out.comparison = *comparison;
    const auto operator_at = token_.at;
    MESHFLOW_CHECK(advance());
    const auto right_at = token_.at;
    MESHFLOW_TRY(out.right, operand());
    MESHFLOW_CHECK(check_types(out, operator_at));
    MESHFLOW_CHECK(check_words(out.left, out.right, right_at));
    MESHFLOW_CHECK(check_words(out.right, out.left, left_at));
    if (out.comparison == Comparison::matches) MESHFLOW_CHECK(compile_pattern(out, right_at));
    if (comparison_here()) return fail_at(token_.at, "comparisons can't be chained", "join two with \"and\"");
    return add(std::move(out));
  }

  Result<std::size_t> truth(Expression expression, std::size_t at) {
    const auto type = type_of(expression.left);
    if (type == ConditionType::json || type == ConditionType::boolean) return add(std::move(expression));
    if (token_.kind == Token::Kind::word && !at_word("and") && !at_word("or")) return unexpected("an operator");
    return fail_at(at, fmt::format("{} is {}, which is not true or false", text_of(expression.left), words_for(type)),
                   type == ConditionType::text ? "compare it, as in: output contains \"yes\""
                                               : "compare it, as in: uncertainty < 0.5");
  }

  std::optional<Comparison> comparison_here() const {
    if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::sign) return std::nullopt;
    for (int i = 0; i <= static_cast<int>(Comparison::matches); ++i) {
      const auto comparison = static_cast<Comparison>(i);
      if (token_.text == name_of(comparison)) return comparison;
    }
    return std::nullopt;
  }

  // --- types ---

  Result<void> check_types(const Expression& expression, std::size_t at) const {
    const auto left = type_of(expression.left);
    const auto right = type_of(expression.right);
    const auto word = name_of(expression.comparison);
    const auto refuse = [&](std::string_view wanted, std::string hint = {}) {
      return fail_at(
          at,
          fmt::format("\"{}\" compares {}, but {} is {} and {} is {}", word, wanted, text_of(expression.left),
                      words_for(left), text_of(expression.right), words_for(right)),
          std::move(hint));
    };
    switch (expression.comparison) {
      case Comparison::equal:
      case Comparison::unequal: {
        if (fits(left, right) || fits(right, left)) return {};
        const bool has_text = left == ConditionType::text || right == ConditionType::text;
        return refuse("values of one type",
                      has_text ? "json(output) reads a text as JSON; strings stand in quotes" : "");
      }
      case Comparison::less:
      case Comparison::less_equal:
      case Comparison::greater:
      case Comparison::greater_equal:
        if (fits(left, ConditionType::number) && fits(right, ConditionType::number)) return {};
        return refuse("numbers");
      case Comparison::contains:
        if (left == ConditionType::json) return {};
        [[fallthrough]];
      case Comparison::starts_with:
      case Comparison::ends_with:
        if (fits(left, ConditionType::text) && fits(right, ConditionType::text)) return {};
        return refuse("texts");
      case Comparison::matches:
        if (fits(left, ConditionType::text) && std::holds_alternative<std::string>(expression.right)) return {};
        return refuse("a text with a pattern in quotes");
    }
    return {};
  }

  // `verdict == "block"` would never hold: what the variable can be is known.
  Result<void> check_words(const Operand& variable, const Operand& literal, std::size_t literal_at) const {
    const auto* use = std::get_if<VariableUse>(&variable);
    const auto* text = std::get_if<std::string>(&literal);
    if (use == nullptr || text == nullptr) return {};
    static constexpr std::array<std::string_view, 2> kVerdicts = {"allowed", "blocked"};
    static constexpr std::array<std::string_view, 2> kStatuses = {"ok", "blocked"};
    if (use->variable != Variable::verdict && use->variable != Variable::status) return {};
    const auto& known = use->variable == Variable::verdict ? kVerdicts : kStatuses;
    if (std::ranges::find(known, *text) != known.end()) return {};
    return fail_at(literal_at, fmt::format("{} is never {}", name_of(use->variable), quoted(*text)),
                   name_hint(*text, known));
  }

  Result<void> compile_pattern(Expression& expression, std::size_t at) const {
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_max_mem(kPatternMemoryBytesMax);
    auto pattern = std::make_shared<const re2::RE2>(std::get<std::string>(expression.right), options);
    if (!pattern->ok()) return fail_at(at, fmt::format("unusable pattern: {}", pattern->error()), "RE2 syntax");
    expression.pattern = std::move(pattern);
    return {};
  }

  // --- operands ---

  Result<Operand> operand() {
    const auto token = token_;
    switch (token.kind) {
      case Token::Kind::string: MESHFLOW_CHECK(advance()); return Operand(token.text);
      case Token::Kind::number: MESHFLOW_CHECK(advance()); return Operand(token.number);
      case Token::Kind::word:
        if (token.text == "true" || token.text == "false") {
          MESHFLOW_CHECK(advance());
          return Operand(token.text == "true");
        }
        return variable().map([](VariableUse use) { return Operand(std::move(use)); });
      default: return unexpected("a value");
    }
  }

  Result<VariableUse> variable() {
    VariableUse use;
    if (at_word("json")) {
      use.json = true;
      MESHFLOW_CHECK(advance());
      MESHFLOW_CHECK(expect_sign("("));
      MESHFLOW_CHECK(variable_name(use));
      MESHFLOW_CHECK(expect_sign(")"));
    } else {
      MESHFLOW_CHECK(variable_name(use));
    }
    while (at_sign(".") || at_sign("[")) {
      if (!use.json && !has_text(use)) {
        return fail_at(token_.at, fmt::format("{} is {} and has no fields", name_of(use.variable),
                                              words_for(type_of(Operand(use)))));
      }
      use.json = true;
      MESHFLOW_CHECK(path_step(use));
    }
    return use;
  }

  static bool has_text(const VariableUse& use) {
    return use.variable == Variable::output || use.variable == Variable::outputs || use.variable == Variable::task ||
           use.variable == Variable::input;
  }

  Result<void> variable_name(VariableUse& use) {
    if (token_.kind != Token::Kind::word) return unexpected("a variable");
    const auto known = std::ranges::find(variables_, token_.text, [](Variable variable) { return name_of(variable); });
    if (known == variables_.end()) {
      std::vector<std::string_view> names;
      for (const Variable variable : variables_) names.push_back(name_of(variable));
      return fail_at(token_.at, fmt::format("unknown variable {}", token_.text), name_hint(token_.text, names));
    }
    use.variable = *known;
    if (use.json && !has_text(use)) {
      return fail_at(token_.at, fmt::format("json() reads output, outputs.NODE or task, not {}", token_.text));
    }
    if (use.variable == Variable::verdict || use.variable == Variable::status) tree_.asks_about_blocks = true;
    MESHFLOW_CHECK(advance());
    if (use.variable != Variable::outputs) return {};
    MESHFLOW_CHECK(expect_sign("."));
    if (token_.kind != Token::Kind::word) return unexpected("a node's id");
    use.node_id = token_.text;
    const auto is_same = [&](const auto& reference) { return reference.node_id == use.node_id; };
    if (std::ranges::none_of(tree_.references, is_same)) {
      tree_.references.push_back({use.node_id, position_of(token_.at)});
    }
    return advance();
  }

  Result<void> path_step(VariableUse& use) {
    if (use.path.size() == kConditionPathMax) {
      return fail_at(token_.at, fmt::format("a path has more than {} steps", kConditionPathMax), {},
                     ErrorCode::limit_exceeded);
    }
    const bool is_bracket = at_sign("[");
    MESHFLOW_CHECK(advance());
    if (!is_bracket) {
      if (token_.kind != Token::Kind::word) return unexpected("a field's name");
      use.path.emplace_back(token_.text);
      return advance();
    }
    if (token_.kind == Token::Kind::string) {
      use.path.emplace_back(token_.text);
    } else if (token_.kind == Token::Kind::number && token_.number >= 0 && token_.number < 1e9 &&
               token_.number == static_cast<double>(static_cast<std::size_t>(token_.number))) {
      use.path.emplace_back(static_cast<std::size_t>(token_.number));
    } else {
      return unexpected("an element's number or a field's name in quotes");
    }
    MESHFLOW_CHECK(advance());
    return expect_sign("]");
  }

  std::string_view text_;
  SourcePosition base_;
  std::string_view what_;  // "condition", "template"
  std::span<const Variable> variables_;
  std::size_t next_ = 0;
  std::size_t depth_ = 0;
  Token token_;
  ConditionTree tree_;
};

Result<Condition> parse_condition(std::string_view text, const SourcePosition& base) {
  return ConditionParser(text, base, "condition", kConditionVariables).parse();
}

Result<TemplateOperand> parse_template_operand(std::string_view text, const SourcePosition& base) {
  return ConditionParser(text, base, "template", kTemplateVariables).parse_operand();
}

}  // namespace meshflow::runtime
