// Templates from outside, and outputs of nodes in them: never a crash, an Error always has its place, and what is
// filled in keeps to its limit and, in JSON, is JSON. The input is a template, a line "---", and the nodes' outputs.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "runtime/template.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::string_view kBorder = "\n---\n";
constexpr std::size_t kFilledBytesMax = 10'000;

void require(bool holds) {
  if (!holds) std::abort();
}

class Scope final : public TemplateScope {
 public:
  explicit Scope(std::string output) : output_(std::move(output)) {}
  std::string_view input() const override { return output_; }
  std::string_view task() const override { return "task"; }
  std::optional<std::string_view> output_of(std::string_view node_id) const override {
    if (node_id == "skipped") return std::nullopt;
    return output_;
  }
  std::optional<std::string> environment(std::string_view name) const override {
    if (name == "UNSET") return std::nullopt;
    return "value of " + std::string(name);
  }

 private:
  std::string output_;
};

void check_text(std::string_view text, const Scope& scope, TemplateVariables allowed) {
  const auto parsed = Template::parse(text, {"fuzz", 1, 1}, allowed);
  if (!parsed) return require(parsed.error().position.has_value() || parsed.error().code == ErrorCode::limit_exceeded);
  require(text.starts_with(parsed->literal_prefix()) || text.starts_with("{{"));
  const auto filled = parsed->fill(scope, kFilledBytesMax);
  if (!filled) return;
  require(filled->text.size() <= kFilledBytesMax);
  if (text.find("{{") == std::string_view::npos) require(filled->text == text && parsed->is_literal());
  if (parsed->is_literal()) require(filled->shown == filled->text && parsed->references().empty());
}

void check_json(std::string_view text, const Scope& scope) {
  const auto parsed = JsonTemplate::parse(text, {"fuzz", 1, 1});
  if (!parsed) return require(parsed.error().position.has_value() || parsed.error().code == ErrorCode::limit_exceeded);
  static_cast<void>(parsed->references());
  const auto filled = parsed->fill(scope, kFilledBytesMax);
  if (!filled) return;
  require(filled->size() <= kFilledBytesMax);
  boost::json::error_code error;
  boost::json::parse_options options;
  options.max_depth = 100;  // values are put into values
  boost::json::parse(*filled, error, {}, options);
  require(!error);
}

void check(std::string_view input) {
  const auto border = input.find(kBorder);
  const auto text = input.substr(0, border);
  const auto output = border == std::string_view::npos ? std::string_view() : input.substr(border + kBorder.size());
  const Scope scope(sanitize_utf8(output));  // as every output is
  check_text(text, scope, {.outputs = true, .environment = false});
  check_text(text, scope, {.outputs = false, .environment = true});
  check_json(text, scope);
}

}  // namespace
}  // namespace meshflow::runtime

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  meshflow::runtime::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
