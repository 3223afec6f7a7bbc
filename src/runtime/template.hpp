// Texts that are filled in when a node runs: `https://…/items/{{ outputs.plan.id }}`. docs/workflows.md, "Templates",
// tells the rules.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "runtime/condition.hpp"

namespace meshflow::runtime {

inline constexpr std::size_t kTemplatePiecesMax = 1000;

// What the variables of a template mean where it is filled in.
class TemplateScope {
 public:
  [[nodiscard]] virtual std::string_view input() const = 0;
  [[nodiscard]] virtual std::string_view task() const = 0;
  // Nothing for a node that was skipped, was blocked or has not run.
  [[nodiscard]] virtual std::optional<std::string_view> output_of(std::string_view node_id) const = 0;
  // A variable of the process's environment; nothing where it is unset or empty.
  [[nodiscard]] virtual std::optional<std::string> environment(std::string_view name) const = 0;

 protected:
  ~TemplateScope() = default;
};

// Which variables a template may use.
struct TemplateVariables {
  bool outputs = true;       // input, task, outputs.NODE
  bool environment = false;  // env.NAME
};

// A value; copies share what never changes. Safe to use concurrently.
class Template {
 public:
  // `text` begins at `base` (line 0: unknown). Errors are invalid_input and limit_exceeded.
  [[nodiscard]] static Result<Template> parse(std::string_view text, const SourcePosition& base,
                                              TemplateVariables allowed);
  Template() = default;  // the empty text

  struct Filled {
    std::string text;
    std::string shown;  // the same with REDACTED for each value: what may be seen where content may not
  };
  // Each value passes through `encode` first; an empty function takes it as it is. Fails (invalid_input) for a variable
  // without a value, or as `encode` does; and with limit_exceeded past `bytes_max`.
  using Encode = std::function<Result<std::string>(std::string)>;
  [[nodiscard]] Result<Filled> fill(const TemplateScope& scope, std::size_t bytes_max, const Encode& encode = {}) const;

  // The text up to the first variable; all of it where there is none.
  [[nodiscard]] std::string_view literal_prefix() const noexcept;
  [[nodiscard]] bool is_literal() const noexcept;
  [[nodiscard]] std::vector<Condition::Reference> references() const;

 private:
  friend class JsonTemplate;
  struct Piece;
  std::shared_ptr<const std::vector<Piece>> pieces_;  // shared by copies; null: the empty text
};

// JSON whose strings are templates. A string that is nothing but one JSON variable (`{{ outputs.plan.count }}`) becomes
// that value, with its type; any other becomes a string.
class JsonTemplate {
 public:
  // `json`: the text of any JSON value.
  [[nodiscard]] static Result<JsonTemplate> parse(std::string_view json, const SourcePosition& base);

  // As JSON text. Fails as Template::fill does.
  [[nodiscard]] Result<std::string> fill(const TemplateScope& scope, std::size_t bytes_max) const;
  [[nodiscard]] std::vector<Condition::Reference> references() const;

 private:
  std::string json_;
  std::vector<Template> strings_;  // of the values, in the order of a walk
};

}  // namespace meshflow::runtime
