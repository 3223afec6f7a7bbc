#include "query/promql/parser.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/try.hpp"

namespace meshflow::query::promql {
namespace {

constexpr std::array kVector{ValueType::vector};
constexpr std::array kScalar{ValueType::scalar};
constexpr std::array kMatrix{ValueType::matrix};
constexpr std::array kScalarMatrix{ValueType::scalar, ValueType::matrix};
constexpr std::array kScalarVector{ValueType::scalar, ValueType::vector};
constexpr std::array kVectorScalar{ValueType::vector, ValueType::scalar};

constexpr std::array kFunctions{
    Function{"abs", ValueType::vector, kVector, 1},
    Function{"absent", ValueType::vector, kVector, 1},
    Function{"avg_over_time", ValueType::vector, kMatrix, 1},
    Function{"ceil", ValueType::vector, kVector, 1},
    Function{"count_over_time", ValueType::vector, kMatrix, 1},
    Function{"delta", ValueType::vector, kMatrix, 1},
    Function{"floor", ValueType::vector, kVector, 1},
    Function{"histogram_quantile", ValueType::vector, kScalarVector, 2},
    Function{"increase", ValueType::vector, kMatrix, 1},
    Function{"irate", ValueType::vector, kMatrix, 1},
    Function{"last_over_time", ValueType::vector, kMatrix, 1},
    Function{"max_over_time", ValueType::vector, kMatrix, 1},
    Function{"min_over_time", ValueType::vector, kMatrix, 1},
    Function{"present_over_time", ValueType::vector, kMatrix, 1},
    Function{"quantile_over_time", ValueType::vector, kScalarMatrix, 2},
    Function{"rate", ValueType::vector, kMatrix, 1},
    Function{"round", ValueType::vector, kVectorScalar, 1},
    Function{"scalar", ValueType::scalar, kVector, 1},
    Function{"sum_over_time", ValueType::vector, kMatrix, 1},
    Function{"time", ValueType::scalar, {}, 0},
    Function{"vector", ValueType::vector, kScalar, 1},
};

constexpr std::array<std::string_view, 8> kAggregations{"avg", "bottomk",  "count", "max",
                                                        "min", "quantile", "sum",   "topk"};
bool is_aggregation(std::string_view name) {
  return std::find(kAggregations.begin(), kAggregations.end(), name) != kAggregations.end();
}
bool takes_parameter(std::string_view aggregation) {
  return aggregation == "topk" || aggregation == "bottomk" || aggregation == "quantile";
}

struct Binary {
  std::string_view text;
  Operator op;
  int precedence;  // a higher one binds tighter
};
constexpr int kPowerPrecedence = 6;
constexpr std::array kBinaries{
    Binary{"or", Operator::logical_or, 1},
    Binary{"and", Operator::logical_and, 2},
    Binary{"unless", Operator::logical_unless, 2},
    Binary{"==", Operator::equal, 3},
    Binary{"!=", Operator::not_equal, 3},
    Binary{"<", Operator::less, 3},
    Binary{"<=", Operator::less_equal, 3},
    Binary{">", Operator::greater, 3},
    Binary{">=", Operator::greater_equal, 3},
    Binary{"+", Operator::add, 4},
    Binary{"-", Operator::subtract, 4},
    Binary{"*", Operator::multiply, 5},
    Binary{"/", Operator::divide, 5},
    Binary{"%", Operator::modulo, 5},
    Binary{"^", Operator::power, kPowerPrecedence},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<Expr> run() {
    if (token().kind == TokenKind::end) return wrong("there is no expression");
    MESHFLOW_TRY(Expr expr, expression(0));
    if (token().kind != TokenKind::end) return unexpected("an operator or the end");
    return expr;
  }

 private:
  [[nodiscard]] const Token& token() const { return tokens_[at_]; }
  [[nodiscard]] bool is_symbol(std::string_view text) const {
    return token().kind == TokenKind::symbol && token().text == text;
  }
  [[nodiscard]] bool is_word(std::string_view text) const {
    return token().kind == TokenKind::name && lower(token().text) == text;
  }
  bool skip_symbol(std::string_view text) {
    if (!is_symbol(text)) return false;
    ++at_;
    return true;
  }
  static tl::unexpected<Error> wrong_at(const Place& place, std::string message, std::string hint = {}) {
    return tl::unexpected(Error{ErrorCode::invalid_input, std::move(message),
                                SourcePosition{{}, place.line, place.column}, std::move(hint)});
  }
  [[nodiscard]] tl::unexpected<Error> wrong(std::string message, std::string hint = {}) const {
    return wrong_at(token().place, std::move(message), std::move(hint));
  }
  [[nodiscard]] std::string found() const {
    switch (token().kind) {
      case TokenKind::end: return "the end";
      case TokenKind::text: return "a text";
      default: return fmt::format("\"{}\"", token().text);
    }
  }
  [[nodiscard]] tl::unexpected<Error> unexpected(std::string_view wanted) const {
    return wrong(fmt::format("expected {}, found {}", wanted, found()));
  }
  Result<void> expect(std::string_view symbol) {
    if (!skip_symbol(symbol)) return unexpected(fmt::format("\"{}\"", symbol));
    return {};
  }

  // A part of the tree is begun; the guard ends it.
  struct Level {
    explicit Level(Parser& of) : parser(of) { ++parser.depth_; }
    ~Level() { --parser.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    Parser& parser;
  };
  [[nodiscard]] Result<void> check_size() {
    if (depth_ > kExpressionDepthMax || ++parts_ > kExpressionPartsMax) {
      Error error{ErrorCode::limit_exceeded, {}, SourcePosition{{}, token().place.line, token().place.column}, {}};
      error.message =
          depth_ > kExpressionDepthMax
              ? fmt::format("more than {} operations and parentheses within one another", kExpressionDepthMax)
              : fmt::format("an expression of more than {} parts", kExpressionPartsMax);
      return tl::unexpected(std::move(error));
    }
    return {};
  }

  [[nodiscard]] const Binary* binary() const {
    if (token().kind != TokenKind::symbol && token().kind != TokenKind::name) return nullptr;
    const std::string text = lower(token().text);
    const auto* const found =
        std::find_if(kBinaries.begin(), kBinaries.end(), [&text](const Binary& each) { return each.text == text; });
    return found == kBinaries.end() ? nullptr : found;
  }

  // Operations that bind at least as tightly as `precedence`.
  Result<Expr> expression(int precedence) {
    const Level level(*this);
    MESHFLOW_CHECK(check_size());
    MESHFLOW_TRY(Expr left, unary());
    int chain = 0;  // each operation puts what stands left of it one level deeper
    for (const Binary* next = binary(); next != nullptr && next->precedence >= precedence; next = binary()) {
      Expr made;
      made.kind = ExprKind::binary;
      made.place = token().place;
      made.op = next->op;
      ++at_;
      depth_ += 1;
      ++chain;
      MESHFLOW_CHECK(check_size());
      MESHFLOW_CHECK(modifiers(made));
      // `^` groups to the right, all else to the left.
      MESHFLOW_TRY(Expr right, expression(next->op == Operator::power ? next->precedence : next->precedence + 1));
      made.children.push_back(std::move(left));
      made.children.push_back(std::move(right));
      MESHFLOW_CHECK(check_binary(made));
      left = std::move(made);
    }
    depth_ -= chain;
    return left;
  }

  // bool, on (…), ignoring (…) behind an operator.
  Result<void> modifiers(Expr& made) {
    if (is_word("bool")) {
      if (!is_comparison(made.op))
        return wrong(fmt::format("bool stands behind comparisons, not behind \"{}\"", text_of(made.op)));
      ++at_;
      made.returns_bool = true;
    }
    if (is_word("on") || is_word("ignoring")) {
      LabelList labels{is_word("on"), {}};
      ++at_;
      MESHFLOW_TRY(labels.labels, label_list());
      made.labels = std::move(labels);
    }
    if (is_word("group_left") || is_word("group_right")) {
      return wrong(fmt::format("{} is not supported", lower(token().text)), "vectors are matched one to one");
    }
    return {};
  }

  Result<void> check_binary(Expr& made) {
    const Expr& left = made.children[0];
    const Expr& right = made.children[1];
    for (const Expr* side : {&left, &right}) {
      if (side->type == ValueType::scalar || side->type == ValueType::vector) continue;
      return wrong_at(
          side->place, fmt::format("\"{}\" takes no {}", text_of(made.op), name_of(side->type)),
          side->type == ValueType::matrix ? "apply a function such as rate() or max_over_time() to it" : "");
    }
    const bool are_scalars = left.type == ValueType::scalar && right.type == ValueType::scalar;
    const bool are_vectors = left.type == ValueType::vector && right.type == ValueType::vector;
    if (is_set_operation(made.op) && !are_vectors) {
      return wrong_at(made.place, fmt::format("\"{}\" stands between vectors", text_of(made.op)),
                      "vector(1) makes one of a number");
    }
    if (is_comparison(made.op) && are_scalars && !made.returns_bool) {
      return wrong_at(made.place, "two numbers are compared", fmt::format("write {} bool", text_of(made.op)));
    }
    if (made.labels && !are_vectors) {
      return wrong_at(made.place, fmt::format("{} matches the series of two vectors",
                                              made.labels->is_inclusive ? "on" : "ignoring"));
    }
    made.type = are_scalars ? ValueType::scalar : ValueType::vector;
    return {};
  }

  Result<Expr> unary() {
    if (!is_symbol("-") && !is_symbol("+")) return postfix();
    const Place place = token().place;
    const bool is_minus = is_symbol("-");
    ++at_;
    MESHFLOW_TRY(Expr operand, expression(kPowerPrecedence));
    if (operand.type != ValueType::scalar && operand.type != ValueType::vector) {
      return wrong_at(place, fmt::format("a sign before a {}", name_of(operand.type)));
    }
    if (!is_minus) return operand;
    if (operand.kind == ExprKind::number) {
      operand.number = -operand.number;
      operand.place = place;
      return operand;
    }
    Expr made;
    made.kind = ExprKind::negate;
    made.type = operand.type;
    made.place = place;
    made.children.push_back(std::move(operand));
    return made;
  }

  // What follows a whole part: [5m], offset 1h.
  Result<Expr> postfix() {
    const bool is_in_parentheses = is_symbol("(");
    MESHFLOW_TRY(Expr expr, primary());
    int windows = 0;
    while (is_symbol("[") || is_word("offset") || is_symbol("@")) {
      if (is_symbol("@")) return wrong("\"@\" is not supported", "offset looks back from now");
      const bool is_selector = expr.kind == ExprKind::selector && !is_in_parentheses;
      if (is_word("offset")) {
        if (!is_selector || expr.offset_ms != 0) return wrong("offset stands behind a selector: metric[5m] offset 1h");
        MESHFLOW_CHECK(offset(expr));
        continue;
      }
      const Place place = token().place;
      MESHFLOW_TRY(const std::int64_t range, range_of());
      if (is_selector && expr.range_ms == 0 && expr.offset_ms == 0) {
        expr.range_ms = range;
        expr.type = ValueType::matrix;
        continue;
      }
      if (expr.type != ValueType::vector) {
        return wrong_at(place, fmt::format("a range behind a {}", name_of(expr.type)),
                        "a range stands behind a metric, or behind an expression over series");
      }
      ++depth_;
      ++windows;
      MESHFLOW_CHECK(check_size());
      Expr made;
      made.kind = ExprKind::window;
      made.type = ValueType::vector;
      made.place = place;
      made.range_ms = range;
      made.children.push_back(std::move(expr));
      expr = std::move(made);
    }
    depth_ -= windows;
    return expr;
  }

  Result<std::int64_t> range_of() {
    MESHFLOW_CHECK(expect("["));
    if (token().kind != TokenKind::duration) return unexpected("a duration such as 5m");
    const std::int64_t range = token().milliseconds;
    if (range == 0) return wrong("a range of no time");
    ++at_;
    if (is_symbol(":")) return wrong("subqueries, [range:step], are not supported");
    MESHFLOW_CHECK(expect("]"));
    return range;
  }
  Result<void> offset(Expr& expr) {
    ++at_;
    const bool is_negative = skip_symbol("-");
    if (token().kind != TokenKind::duration || token().milliseconds == 0) return unexpected("a duration such as 5m");
    expr.offset_ms = is_negative ? -token().milliseconds : token().milliseconds;
    ++at_;
    return {};
  }

  Result<Expr> primary() {
    Expr made;
    made.place = token().place;
    if (skip_symbol("(")) {
      MESHFLOW_TRY(made, expression(0));
      MESHFLOW_CHECK(expect(")"));
      return made;
    }
    switch (token().kind) {
      case TokenKind::number:
        made.number = token().number;
        ++at_;
        return made;
      case TokenKind::text:
        made.kind = ExprKind::text;
        made.type = ValueType::text;
        made.name = token().text;
        ++at_;
        return made;
      case TokenKind::duration:
        return wrong(fmt::format("a duration, {}, where a value should be", token().text),
                     "a range is written [5m], behind a metric");
      case TokenKind::name: return named();
      default: break;
    }
    if (is_symbol("{")) return selector();
    return unexpected("a metric, a number, a function or \"(\"");
  }

  Result<Expr> named() {
    const std::string word = lower(token().text);
    const bool is_called = tokens_[at_ + 1].kind == TokenKind::symbol && tokens_[at_ + 1].text == "(";
    if (word == "inf" || word == "nan") {
      Expr made;
      made.place = token().place;
      made.number = word == "inf" ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
      ++at_;
      return made;
    }
    const bool is_grouped = tokens_[at_ + 1].kind == TokenKind::name &&
                            (lower(tokens_[at_ + 1].text) == "by" || lower(tokens_[at_ + 1].text) == "without");
    if (is_aggregation(word) && (is_called || is_grouped)) return aggregation(word);
    if (is_called) return call();
    return selector();
  }

  Result<std::vector<std::string>> label_list() {
    MESHFLOW_CHECK(expect("("));
    std::vector<std::string> labels;
    while (!is_symbol(")")) {
      if (!labels.empty()) MESHFLOW_CHECK(expect(","));
      if (is_symbol(")")) break;
      MESHFLOW_TRY(std::string label, label_name());
      labels.push_back(std::move(label));
    }
    ++at_;
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
    return labels;
  }
  Result<std::string> label_name() {
    if (token().kind != TokenKind::name || token().text.find(':') != std::string::npos)
      return unexpected("a label's name");
    return tokens_[at_++].text;
  }

  Result<Expr> aggregation(const std::string& name) {
    Expr made;
    made.kind = ExprKind::aggregate;
    made.type = ValueType::vector;
    made.place = token().place;
    made.name = name;
    ++at_;
    MESHFLOW_CHECK(grouping(made));
    MESHFLOW_TRY(made.children, arguments());
    if (!made.labels) MESHFLOW_CHECK(grouping(made));
    const std::size_t wanted = takes_parameter(name) ? 2 : 1;
    if (made.children.size() != wanted) {
      return wrong_at(made.place,
                      fmt::format("{} takes {}, not {}", name, wanted == 1 ? "one vector" : "a number and a vector",
                                  made.children.size()));
    }
    if (wanted == 2 && made.children[0].type != ValueType::scalar) {
      return wrong_at(made.children[0].place,
                      fmt::format("{} takes a number first, this is a {}", name, name_of(made.children[0].type)));
    }
    const Expr& operand = made.children.back();
    if (operand.type != ValueType::vector) {
      return wrong_at(operand.place, fmt::format("{} is over a vector, this is a {}", name, name_of(operand.type)),
                      operand.type == ValueType::matrix
                          ? fmt::format("{0}_over_time is over a range, {0}(…)[5m] over series of a time", name)
                          : "");
    }
    return made;
  }
  Result<void> grouping(Expr& made) {
    if (!is_word("by") && !is_word("without")) return {};
    LabelList labels{is_word("by"), {}};
    ++at_;
    MESHFLOW_TRY(labels.labels, label_list());
    made.labels = std::move(labels);
    return {};
  }

  Result<std::vector<Expr>> arguments() {
    MESHFLOW_CHECK(expect("("));
    std::vector<Expr> given;
    while (!is_symbol(")")) {
      if (!given.empty()) MESHFLOW_CHECK(expect(","));
      MESHFLOW_TRY(Expr one, expression(0));
      given.push_back(std::move(one));
    }
    ++at_;
    return given;
  }

  Result<Expr> call() {
    const Function* const function = find_function(token().text);
    if (function == nullptr) {
      std::string known;
      for (const Function& each : kFunctions) known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
      return wrong(fmt::format("there is no function {}", token().text), "functions: " + known);
    }
    Expr made;
    made.kind = ExprKind::call;
    made.type = function->returns;
    made.place = token().place;
    made.name = token().text;
    ++at_;
    MESHFLOW_TRY(made.children, arguments());
    if (made.children.size() < function->takes_at_least || made.children.size() > function->takes.size()) {
      return wrong_at(made.place, fmt::format("{} takes {} argument{}, not {}", made.name, function->takes_at_least,
                                              function->takes_at_least == 1 ? "" : "s", made.children.size()));
    }
    for (std::size_t i = 0; i < made.children.size(); ++i) {
      const Expr& given = made.children[i];
      if (given.type == function->takes[i]) continue;
      return wrong_at(
          given.place,
          fmt::format("{} takes a {} here, this is a {}", made.name, name_of(function->takes[i]), name_of(given.type)),
          function->takes[i] == ValueType::matrix && given.kind == ExprKind::selector ? "add a range: metric[5m]" : "");
    }
    return made;
  }

  Result<Expr> selector() {
    Expr made;
    made.kind = ExprKind::selector;
    made.type = ValueType::vector;
    made.place = token().place;
    if (token().kind == TokenKind::name) {
      made.name = token().text;
      ++at_;
    }
    if (skip_symbol("{")) {
      while (!is_symbol("}")) {
        if (!made.matchers.empty()) MESHFLOW_CHECK(expect(","));
        if (is_symbol("}")) break;
        MESHFLOW_TRY(Matcher one, matcher());
        made.matchers.push_back(std::move(one));
      }
      ++at_;
    }
    MESHFLOW_CHECK(take_name(made));
    const auto matches_empty = [](const Matcher& each) {
      if (each.kind == MatchKind::equal) return each.value.empty();
      if (each.kind == MatchKind::not_equal) return !each.value.empty();
      return RE2::FullMatch("", each.value) == (each.kind == MatchKind::regex);
    };
    if (made.name.empty() && std::all_of(made.matchers.begin(), made.matchers.end(), matches_empty)) {
      return wrong_at(made.place, "a selector that fits every series there is", "name the metric, or a label's value");
    }
    return made;
  }

  // {__name__="x"} is x; there are never two names.
  static Result<void> take_name(Expr& made) {
    const auto is_name = [](const Matcher& each) { return each.label == "__name__"; };
    const auto first = std::find_if(made.matchers.begin(), made.matchers.end(), is_name);
    if (first == made.matchers.end()) return {};
    if (!made.name.empty() || std::find_if(first + 1, made.matchers.end(), is_name) != made.matchers.end()) {
      return wrong_at(made.place, "the metric has its name twice", "write it once");
    }
    if (first->kind != MatchKind::equal) return {};
    if (first->value.empty()) return wrong_at(made.place, "the metric's name is empty");
    made.name = first->value;
    made.matchers.erase(first);
    return {};
  }

  Result<Matcher> matcher() {
    Matcher made;
    MESHFLOW_TRY(made.label, label_name());
    if (skip_symbol("=")) {
      made.kind = MatchKind::equal;
    } else if (skip_symbol("!=")) {
      made.kind = MatchKind::not_equal;
    } else if (skip_symbol("=~")) {
      made.kind = MatchKind::regex;
    } else if (skip_symbol("!~")) {
      made.kind = MatchKind::not_regex;
    } else {
      return unexpected("=, !=, =~ or !~");
    }
    if (token().kind != TokenKind::text) return unexpected("a text in quotes");
    if (made.kind == MatchKind::regex || made.kind == MatchKind::not_regex) {
      RE2::Options options;
      options.set_log_errors(false);
      const RE2 compiled(token().text, options);
      if (!compiled.ok())
        return wrong(fmt::format("a regular expression that cannot be used: {}", compiled.error()), "RE2's syntax");
    }
    made.value = token().text;
    ++at_;
    return made;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::size_t parts_ = 0;
};

}  // namespace

const Function* find_function(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(kFunctions.begin(), kFunctions.end(), [name](const Function& each) { return each.name == name; });
  return found == kFunctions.end() ? nullptr : found;
}

Result<Expr> parse(std::string_view text) {
  MESHFLOW_TRY(auto tokens, tokenize(text));
  return Parser(std::move(tokens)).run();
}

}  // namespace meshflow::query::promql
