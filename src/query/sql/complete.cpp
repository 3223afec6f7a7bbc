#include "query/sql/complete.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "query/sql/functions.hpp"
#include "query/sql/views.hpp"

namespace meshflow::query::sql {
namespace {

using traceql::Completion;
using traceql::Completions;
using Kind = Completion::Kind;

constexpr std::array<std::string_view, 27> kWords{
    "SELECT",   "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "HAVING",  "JOIN", "LEFT JOIN",
    "ON",       "AS",   "AND",   "OR",       "NOT",      "IN",    "BETWEEN", "LIKE", "IS NULL",
    "DISTINCT", "DESC", "ASC",   "CASE",     "WHEN",     "THEN",  "ELSE",    "END",  "WITH"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// The words of a text outside of strings and comments, in lower case; and whether its end is inside of one.
struct Words {
  std::vector<std::string> words;
  bool is_inside = false;
};
Words words_of(std::string_view text) {
  Words found;
  for (std::size_t at = 0; at < text.size();) {
    const auto skip_past = [&](std::string_view end, std::size_t from) {
      const auto place = text.find(end, from);
      found.is_inside = place == std::string_view::npos;
      at = found.is_inside ? text.size() : place + end.size();
    };
    if (text[at] == '\'' || text[at] == '"') {
      skip_past(text.substr(at, 1), at + 1);
    } else if (text.substr(at).starts_with("--")) {
      skip_past("\n", at);
    } else if (text.substr(at).starts_with("/*")) {
      skip_past("*/", at + 2);
    } else if (is_word(text[at])) {
      std::size_t end = at;
      while (end < text.size() && is_word(text[end])) ++end;
      found.words.push_back(lowered(text.substr(at, end - at)));
      at = end;
    } else {
      ++at;
    }
  }
  return found;
}

class Completing {
 public:
  Completing(std::string_view text, std::size_t cursor) : text_(text), cursor_(std::min(cursor, text.size())) {
    found_.from = cursor_;
    while (found_.from > 0 && is_word(text_[found_.from - 1])) --found_.from;
    found_.to = cursor_;
    while (found_.to < text_.size() && is_word(text_[found_.to])) ++found_.to;
    prefix_ = lowered(text_.substr(found_.from, cursor_ - found_.from));
  }

  Completions run() {
    const Words before = words_of(text_.substr(0, found_.from));
    if (before.is_inside) return found_;
    if (found_.from > 0 && text_[found_.from - 1] == '.') {
      if (!before.words.empty()) add_columns({before.words.back()});
      return found_;
    }
    const std::string last = before.words.empty() ? std::string() : before.words.back();
    if (last == "from" || last == "join") {
      for (const std::string_view view : view_names()) add(view, Kind::field, "a view");
      return found_;
    }
    add_columns(named_views());
    for (const std::string_view name : function_names()) add(name, Kind::function, "a function");
    for (const std::string_view word : kWords) add(word, Kind::keyword, "");
    return found_;
  }

 private:
  [[nodiscard]] std::vector<std::string> named_views() const {
    std::vector<std::string> named;
    for (const std::string& word : words_of(text_).words) {
      if (is_view(word)) named.push_back(word);
    }
    if (named.empty()) named.assign(view_names().begin(), view_names().end());
    return named;
  }
  void add_columns(const std::vector<std::string>& views) {
    for (const std::string& view : views) {
      for (const ViewColumn& column : view_columns(view)) add(column.name, Kind::field, column.type);
    }
  }
  void add(std::string_view label, Kind kind, std::string_view detail) {
    const bool fits = lowered(label).starts_with(prefix_);
    if (!fits || found_.items.size() >= traceql::kCompletionsMax || !labels_.insert(std::string(label)).second) return;
    found_.items.push_back({std::string(label), kind, std::string(detail)});
  }

  std::string_view text_;
  std::size_t cursor_;
  std::string prefix_;
  std::set<std::string> labels_;
  Completions found_;
};

}  // namespace

Completions complete(std::string_view text, std::size_t cursor) { return Completing(text, cursor).run(); }

}  // namespace meshflow::query::sql
