#include "query/traceql/complete.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/bytes.hpp"
#include "query/traceql/lexer.hpp"
#include "query/traceql/limits.hpp"
#include "query/traceql/printer.hpp"
#include "query/traceql/vocabulary.hpp"

namespace meshflow::query::traceql {
namespace {

using ItemKind = Completion::Kind;

struct Named {
  std::string_view label;
  std::string_view detail;
};

constexpr std::array kStages = {
    Named{"count()", "the number of spans"},      Named{"avg(", "the mean of a number"},
    Named{"max(", "the greatest of a number"},    Named{"min(", "the least of a number"},
    Named{"sum(", "the sum of a number"},         Named{"by(", "groups in each trace"},
    Named{"coalesce()", "all groups as one set"}, Named{"select(", "fields to be given with the spans"},
};
constexpr std::array kMetrics = {
    Named{"rate()", "spans per second"},
    Named{"count_over_time()", "spans in each interval"},
    Named{"min_over_time(", "the least in each interval"},
    Named{"max_over_time(", "the greatest in each interval"},
    Named{"avg_over_time(", "the mean in each interval"},
    Named{"sum_over_time(", "the sum in each interval"},
    Named{"quantile_over_time(", "quantiles in each interval"},
    Named{"histogram_over_time(", "spans by size in each interval"},
    Named{"compare({", "a selection beside the rest"},
    Named{"quantile(", "quantiles of the whole result"},
};
constexpr std::array kBehindMetrics = {Named{"topk(", "the greatest series"}, Named{"bottomk(", "the least series"}};
constexpr std::array kScopes = {
    Named{"span.", "an attribute of the span"},
    Named{"resource.", "an attribute of the resource"},
    Named{".", "of the span, else of the resource"},
    Named{"parent.", "of the parent span"},
    Named{"event.", "an attribute of an event"},
    Named{"link.", "an attribute of a link"},
    Named{"instrumentation.", "an attribute of the instrumentation scope"},
};
constexpr std::array kHints = {Named{"most_recent = true", "the newest first"}, Named{"exemplars = true", ""},
                               Named{"sample = true", ""}};
constexpr std::array<std::string_view, 8> kComparisons = {"=", "!=", ">", ">=", "<", "<=", "=~", "!~"};
constexpr std::array<std::string_view, 6> kPlainComparisons = {">", ">=", "<", "<=", "=", "!="};
constexpr std::array<std::string_view, 2> kLogical = {"&&", "||"};
constexpr std::array<std::string_view, 6> kArithmetic = {"+", "-", "*", "/", "%", "^"};
constexpr std::array<std::string_view, 17> kStructure = {"&&", "||",  ">",  ">>", "<",   "<<", "~",   "!>", "!>>",
                                                         "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~"};

// What the tokens before the cursor stand in: the opening signs that are not closed, innermost last.
struct Opening {
  enum class Kind { braces, expression, query, fields, hints, numbers };
  Kind kind = Kind::query;
  std::string function = {};
};

bool is_function(const Token& token, std::string_view word) { return token.is_word(word); }

Opening opening_of(const Token& before, const std::vector<Opening>& around, const Token& two_before) {
  const bool is_in_expression = !around.empty() && (around.back().kind == Opening::Kind::braces ||
                                                    around.back().kind == Opening::Kind::expression);
  if (is_in_expression) return {Opening::Kind::expression};
  if (is_function(before, "with")) return {Opening::Kind::hints};
  if (is_function(before, "select")) return {Opening::Kind::fields};
  // `| by(` takes an expression, `rate() by (` fields.
  if (is_function(before, "by"))
    return {two_before.is_sign(")") ? Opening::Kind::fields : Opening::Kind::expression, "by"};
  if (is_function(before, "topk") || is_function(before, "bottomk")) return {Opening::Kind::numbers};
  if (before.kind == Token::Kind::word && before.text == "compare") return {Opening::Kind::query, "compare"};
  const auto function = before.kind == Token::Kind::word ? metrics_function_of(before.text) : std::nullopt;
  const bool is_aggregate = before.kind == Token::Kind::word && aggregate_of(before.text);
  if (function || is_aggregate) return {Opening::Kind::expression, before.text};
  return {Opening::Kind::query};
}

class Completer {
 public:
  Completer(std::string_view text, std::size_t cursor, const CompletionSource* source)
      : text_(text.substr(0, std::min(cursor, text.size()))), source_(source) {
    out_.from = text_.size();
    out_.to = text_.size();
    while (out_.to < text.size() && continues_word(text[out_.to])) ++out_.to;
  }

  Completions run() {
    find_prefix();
    if (is_number_) return std::move(out_);
    Tokens before = tokenize(text_.substr(0, out_.from));
    if (before.problem) {
      if (!is_string_open(before)) return std::move(out_);
      before = open_string(before);
    } else {
      before.tokens.pop_back();  // the end
    }
    tokens_ = std::move(before.tokens);
    for (std::size_t i = 0; i < tokens_.size(); ++i) open_and_close(i);
    if (prefix_.starts_with('"') || prefix_.starts_with('`')) {
      values_of_field();
    } else {
      propose();
    }
    if (out_.items.size() > kCompletionsMax) out_.items.resize(kCompletionsMax);
    return std::move(out_);
  }

 private:
  static bool continues_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == ':';
  }

  static bool ends_name(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 && (ends_attribute(byte) || c == '"' || c == '`');
  }

  // The word that the cursor is at the end of: of an attribute with its scope all, of another letters only.
  void find_prefix() {
    std::size_t start = text_.size();
    while (start > 0 && !ends_name(text_[start - 1])) --start;
    const std::string_view all = text_.substr(start);
    const std::size_t dot = all.find('.');
    const bool is_attribute =
        dot != std::string_view::npos && (dot == 0 || all.substr(0, dot) == "parent" || scope_of(all.substr(0, dot)));
    if (!is_attribute) {
      start = text_.size();
      while (start > 0 && continues_word(text_[start - 1])) --start;
    }
    is_number_ = start < text_.size() && text_[start] >= '0' && text_[start] <= '9';
    out_.from = start;
    prefix_ = text_.substr(start);
  }

  [[nodiscard]] bool is_string_open(const Tokens& before) const {
    const std::size_t at = before.problem->place.at;
    return at < text_.size() && (text_[at] == '"' || text_[at] == '`') && before.problem->place.end() >= out_.from;
  }

  // The cursor is in a string that is not closed: from its quote on it is the prefix.
  Tokens open_string(const Tokens& before) {
    out_.from = before.problem->place.at;
    prefix_ = text_.substr(out_.from);
    Tokens out = tokenize(text_.substr(0, out_.from));
    if (!out.problem) out.tokens.pop_back();
    return out;
  }

  void open_and_close(std::size_t i) {
    const Token& token = tokens_[i];
    if (token.is_sign("{")) openings_.push_back({Opening::Kind::braces});
    if (token.is_sign("(")) openings_.push_back(opening_of(at(i, 1), openings_, at(i, 2)));
    if ((token.is_sign("}") || token.is_sign(")")) && !openings_.empty()) openings_.pop_back();
  }

  // The token `back` places before token `i`; an empty one where there is none.
  [[nodiscard]] const Token& at(std::size_t i, std::size_t back) const {
    static const Token kNone;
    return back > i ? kNone : tokens_[i - back];
  }
  [[nodiscard]] const Token& before(std::size_t back = 1) const { return at(tokens_.size(), back); }

  // ---- what may stand there ----

  void propose() {
    if (openings_.empty()) return propose_query();
    switch (openings_.back().kind) {
      case Opening::Kind::braces:
      case Opening::Kind::expression: return propose_expression();
      case Opening::Kind::fields:
        if (before().is_sign("(") || before().is_sign(",")) return fields(false);
        return signs(std::array<std::string_view, 2>{",", ")"});
      case Opening::Kind::hints:
        if (before().is_sign("(") || before().is_sign(",")) named(kHints, ItemKind::keyword);
        if (before().is_sign("=")) words({"true", "false"});
        return;
      case Opening::Kind::query: return propose_query();
      case Opening::Kind::numbers: return;
    }
  }

  void propose_query() {
    const Token& last = before();
    if (last.is_sign("|")) return propose_stage();
    if (last.is_sign("}") || last.is_sign(")")) return propose_behind();
    const bool is_operator = last.kind == Token::Kind::sign;
    if (is_operator && is_behind_metrics() && is_comparison(last)) return;  // a number
    if (last.kind == Token::Kind::end || is_operator) {                     // nothing before it is an end
      add("{ ", ItemKind::sign, "spans that fit a condition");
      add("(", ItemKind::sign, "");
      named(std::array{kStages[0], kStages[1], kStages[2], kStages[3], kStages[4]}, ItemKind::function);
    }
  }

  void propose_stage() {
    if (is_behind_metrics()) return named(kBehindMetrics, ItemKind::function);
    add("{ ", ItemKind::sign, "of these spans, those that fit");
    named(kStages, ItemKind::function);
    named(kMetrics, ItemKind::function);
  }

  void propose_behind() {
    const bool is_number = is_behind_aggregate();
    if (is_number) signs(kPlainComparisons);
    if (is_number || is_behind_metrics()) add("by (", ItemKind::keyword, "a series for each group");
    if (is_behind_metrics() && !is_number) signs(kPlainComparisons);
    add("| ", ItemKind::sign, "the next stage");
    if (!is_number && !is_behind_metrics()) signs(kStructure);
    if (!openings_.empty()) add(")", ItemKind::sign, "");
    add("with (", ItemKind::keyword, "hints, at the end");
  }

  // The function whose closing parenthesis is the last token; an empty token where there is none.
  [[nodiscard]] const Token& function_before() const {
    static const Token kNone;
    if (!before().is_sign(")")) return kNone;
    std::size_t depth = 0;
    for (std::size_t i = tokens_.size(); i > 0; --i) {
      const Token& token = tokens_[i - 1];
      if (token.is_sign(")") || token.is_sign("}")) ++depth;
      if ((token.is_sign("(") || token.is_sign("{")) && --depth == 0) return i >= 2 ? tokens_[i - 2] : kNone;
    }
    return kNone;
  }

  [[nodiscard]] bool is_behind_aggregate() const {
    const Token& function = function_before();
    return function.kind == Token::Kind::word && aggregate_of(function.text);
  }

  // Whether a function of metrics stands before the cursor, in the query that it is in.
  [[nodiscard]] bool is_behind_metrics() const {
    std::size_t closed = 0;
    for (std::size_t i = tokens_.size(); i > 0; --i) {
      const Token& token = tokens_[i - 1];
      if (token.is_sign(")") || token.is_sign("}")) ++closed;
      if (token.is_sign("(") || token.is_sign("{")) {
        if (closed == 0) return false;  // the query in parentheses begins here
        --closed;
      }
      if (token.kind != Token::Kind::word) continue;
      if (metrics_function_of(token.text) || token.text == "topk" || token.text == "bottomk") return true;
    }
    return false;
  }

  void propose_expression() {
    const Token& last = before();
    const bool wants_operand = last.is_sign("{") || last.is_sign("(") || last.is_sign(",") ||
                               (last.kind == Token::Kind::sign && !last.is_sign(")") && !last.is_sign("}"));
    if (!wants_operand) {
      if (last.is_sign("}")) return propose_behind();
      signs(kComparisons);
      signs(kLogical);
      signs(kArithmetic);
      return signs(std::array<std::string_view, 1>{openings_.back().kind == Opening::Kind::braces ? "}" : ")"});
    }
    if (last.is_sign(",") && !openings_.back().function.empty()) return;  // quantiles
    const bool is_value = is_comparison(last);
    if (is_value) values_of_field();
    if (is_value && (last.is_sign("=") || last.is_sign("!="))) words({"nil"});
    const bool is_number = !openings_.back().function.empty() && openings_.back().function != "by";
    fields(is_number);
    if (is_value || is_number) return;
    words({"nil", "true", "false"});
  }

  static bool is_comparison(const Token& token) {
    return token.kind == Token::Kind::sign &&
           std::find(kComparisons.begin(), kComparisons.end(), token.text) != kComparisons.end();
  }

  // ---- fields and values ----

  void fields(bool is_number) {
    for (const IntrinsicName& each : intrinsic_names()) {
      const Type type = type_of(each.intrinsic);
      if (!is_number || traceql::is_number(type)) add(each.text, ItemKind::field, words_for(type));
    }
    attributes();
    if (prefix_.find('.') == std::string_view::npos) named(kScopes, ItemKind::field);
  }

  void attributes() {
    if (source_ == nullptr) return;
    const bool is_of_parent = prefix_.starts_with("parent.");
    std::string_view rest = prefix_.substr(is_of_parent ? std::string_view("parent.").size() : 0);
    const std::size_t dot = rest.find('.');
    const auto scope = dot == std::string_view::npos ? std::nullopt : scope_of(rest.substr(0, dot));
    if (scope) rest.remove_prefix(dot + 1);
    if (!scope && rest.starts_with('.')) rest.remove_prefix(1);
    const bool is_any = !scope && (is_of_parent || prefix_.starts_with('.'));
    for (Attribute& each : source_->attributes(scope.value_or(Scope::any), rest)) {
      if (each.name.empty()) continue;
      if (is_any) each.scope = Scope::any;
      each.of_parent = is_of_parent;
      add(print(Field{each}), ItemKind::field, "an attribute");
    }
  }

  // What the field before the comparison may be.
  void values_of_field() {
    if (!is_comparison(before())) return;
    const std::optional<Field> field = field_of(before(2));
    if (!field) return;
    const auto* intrinsic = std::get_if<Intrinsic>(&field->of);
    if (intrinsic != nullptr && type_of(*intrinsic) == Type::status) words({"error", "ok", "unset"});
    if (intrinsic != nullptr && type_of(*intrinsic) == Type::kind) {
      words({"server", "client", "producer", "consumer", "internal", "unspecified"});
    }
    if (source_ == nullptr) return;
    for (const Value& value : source_->values(*field)) add(print(value), ItemKind::value, words_for(type_of(value)));
  }

  // ---- adding ----

  void add(std::string_view label, ItemKind kind, std::string_view detail) {
    // A raw string completes to one in double quotes.
    const std::string_view written = prefix_.starts_with('`') ? prefix_.substr(1) : prefix_;
    const std::string_view compared = prefix_.starts_with('`') && label.starts_with('"') ? label.substr(1) : label;
    if (!compared.starts_with(written)) return;
    const auto is_same = [&](const Completion& each) { return each.label == label; };
    if (out_.items.size() > kCompletionsMax || std::any_of(out_.items.begin(), out_.items.end(), is_same)) return;
    out_.items.push_back({std::string(label), kind, std::string(detail)});
  }

  template <typename List>
  void named(const List& list, ItemKind kind) {
    for (const Named& each : list) add(each.label, kind, each.detail);
  }
  template <typename List>
  void signs(const List& list) {
    if (!prefix_.empty()) return;  // a word has been begun
    for (const std::string_view each : list) add(each, ItemKind::sign, "");
  }
  void words(std::initializer_list<std::string_view> list) {
    for (const std::string_view each : list) add(each, ItemKind::value, "");
  }

  std::string_view text_;  // up to the cursor
  const CompletionSource* source_;
  std::string_view prefix_;
  bool is_number_ = false;  // the prefix is one, which is not completed
  std::vector<Token> tokens_;  // before the prefix
  std::vector<Opening> openings_;
  Completions out_;
};

}  // namespace

std::string_view name_of(Completion::Kind kind) {
  switch (kind) {
    case ItemKind::field: return "field";
    case ItemKind::value: return "value";
    case ItemKind::function: return "function";
    case ItemKind::keyword: return "keyword";
    case ItemKind::sign: return "sign";
  }
  return "";
}

Completions complete(std::string_view text, std::size_t cursor, const CompletionSource* source) {
  if (text.size() > kQueryBytesMax || !is_valid_utf8(text)) return {cursor, cursor};
  return Completer(text, cursor, source).run();
}

}  // namespace meshflow::query::traceql
