#include "runtime/yaml_text.hpp"

#include <set>

#include <fmt/format.h>

#include "base/try.hpp"

namespace meshflow::runtime {
namespace {

// yaml-cpp counts from 0, and -1 where it does not know.
SourcePosition position_of(const YAML::Mark& mark, const std::string& file) {
  if (mark.is_null()) return SourcePosition{file, 0, 0};
  return SourcePosition{file, mark.line + 1, mark.column + 1};
}

}  // namespace

Result<YAML::Node> load_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kYamlBytesMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("{} has {} bytes; the limit for YAML is {}", file, text.size(), kYamlBytesMax));
  }
  try {
    return YAML::Load(std::string(text));
  } catch (const YAML::Exception& exception) {
    Error error{ErrorCode::invalid_input, fmt::format("not valid YAML: {}", exception.msg)};
    error.position = position_of(exception.mark, file);
    return tl::unexpected(std::move(error));
  }
}

tl::unexpected<Error> fail_at(const YAML::Node& node, const std::string& file, std::string message, std::string hint) {
  Error error{ErrorCode::invalid_input, std::move(message), std::nullopt, std::move(hint)};
  return tl::unexpected(with_position(std::move(error), node, file));
}

Error with_position(Error error, const YAML::Node& node, const std::string& file) {
  if (!error.position) error.position = position_of(node.Mark(), file);
  if (error.code == ErrorCode::invalid_argument) error.code = ErrorCode::invalid_input;
  return error;
}

Result<void> for_each_entry(
    const YAML::Node& node, const std::string& file, std::string_view what,
    const std::function<Result<void>(const std::string&, const YAML::Node&, const YAML::Node&)>& visit) {
  if (!node.IsMap()) return fail_at(node, file, fmt::format("{} must be a map of names to values", what));
  std::set<std::string, std::less<>> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return fail_at(entry.first, file, fmt::format("a key of {} must be text", what));
    const std::string key = entry.first.Scalar();
    if (!seen.insert(key).second) return fail_at(entry.first, file, fmt::format("{} has \"{}\" twice", what, key));
    MESHFLOW_CHECK(visit(key, entry.first, entry.second));
  }
  return {};
}

bool is_plain_scalar(const YAML::Node& node) { return node.IsScalar() && node.Tag() != "!"; }

}  // namespace meshflow::runtime
