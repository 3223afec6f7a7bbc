#include "runtime/schema.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <re2/re2.h>
#include <boost/json.hpp>

#include "base/try.hpp"
#include "base/nearest.hpp"

namespace meshflow::runtime {

namespace json = boost::json;

struct SchemaNode {
  std::vector<std::string> types;  // empty: any
  std::map<std::string, SchemaNode, std::less<>> properties;
  std::vector<std::string> required;
  bool allows_additional = true;
  std::shared_ptr<const SchemaNode> additional;  // of members that `properties` doesn't name
  std::shared_ptr<const SchemaNode> items;
  std::optional<json::array> allowed;  // enum; const is an enum of one
  std::optional<double> minimum, maximum;
  std::optional<std::size_t> length_min, length_max;
  std::shared_ptr<const re2::RE2> pattern;
};

namespace {

constexpr std::array<std::string_view, 7> kTypes = {"object",  "array",   "string", "number",
                                                    "integer", "boolean", "null"};
constexpr std::array<std::string_view, 12> kKeywords = {"type",    "properties", "required",  "additionalProperties",
                                                        "items",   "enum",       "const",     "minimum",
                                                        "maximum", "minLength",  "maxLength", "pattern"};
constexpr std::array<std::string_view, 8> kAnnotations = {"title",      "description", "default", "examples",
                                                          "deprecated", "$schema",     "$id",     "$comment"};

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }
std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

// A step of a JSON pointer (RFC 6901).
std::string step_to(const std::string& pointer, std::string_view name) {
  std::string out = pointer + "/";
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string shown(const std::string& pointer) { return pointer.empty() ? "the root" : pointer; }

Result<json::value> parse_json(std::string_view text, std::size_t bytes_max, std::size_t depth_max,
                               std::string_view what) {
  if (text.size() > bytes_max) {
    return fail(ErrorCode::limit_exceeded, fmt::format("{} has {} bytes, more than {}", what, text.size(), bytes_max));
  }
  json::parse_options options;
  options.max_depth = depth_max;
  json::error_code failure;
  auto value = json::parse(json::string_view(text.data(), text.size()), failure, {}, options);
  if (failure == json::error::too_deep) {
    return fail(ErrorCode::limit_exceeded, fmt::format("{} is nested deeper than {}", what, depth_max));
  }
  if (failure) return fail(ErrorCode::invalid_input, fmt::format("{} is not JSON: {}", what, failure.message()));
  return value;
}

std::optional<double> number_of(const json::value& value) {
  if (const auto* number = value.if_int64()) return static_cast<double>(*number);
  if (const auto* number = value.if_uint64()) return static_cast<double>(*number);
  if (const auto* number = value.if_double()) return *number;
  return std::nullopt;
}

// 1 and 1.0 are equal (JSON Schema Core, section 4.2.2).
bool same(const json::value& left, const json::value& right) {
  const auto left_number = number_of(left);
  const auto right_number = number_of(right);
  const bool has_double = left.is_double() || right.is_double();
  if (has_double && left_number && right_number) return *left_number == *right_number;
  if (left.is_array() && right.is_array()) {
    return std::ranges::equal(left.get_array(), right.get_array(), same);
  }
  if (left.is_object() && right.is_object()) {
    return left.get_object().size() == right.get_object().size() &&
           std::ranges::all_of(left.get_object(), [&](const json::key_value_pair& member) {
             const auto* other = right.get_object().if_contains(member.key());
             return other != nullptr && same(member.value(), *other);
           });
  }
  return left == right;
}

class SchemaParser {
 public:
  Result<SchemaNode> parse(const json::value& schema, const std::string& pointer, std::size_t depth) {
    if (depth > kSchemaDepthMax) {
      return fail(ErrorCode::limit_exceeded, fmt::format("the schema is nested deeper than {}", kSchemaDepthMax));
    }
    const auto* object = schema.if_object();
    if (object == nullptr) return wrong(pointer, "a schema is a map of keywords");
    SchemaNode out;
    for (const auto& member : *object) {
      const auto keyword = view(member.key());
      if (std::ranges::find(kAnnotations, keyword) != kAnnotations.end()) continue;
      MESHFLOW_CHECK(keyword_into(out, keyword, member.value(), step_to(pointer, keyword), depth));
    }
    if (out.length_min && out.length_max && *out.length_min > *out.length_max) {
      return wrong(pointer, "minLength is greater than maxLength");
    }
    if (out.minimum && out.maximum && *out.minimum > *out.maximum) {
      return wrong(pointer, "minimum is greater than maximum");
    }
    return out;
  }

 private:
  static tl::unexpected<Error> wrong(const std::string& pointer, std::string message, std::string hint = {}) {
    return fail(ErrorCode::invalid_input, fmt::format("schema at {}: {}", shown(pointer), message), std::move(hint));
  }

  Result<void> keyword_into(SchemaNode& out, std::string_view keyword, const json::value& value,
                            const std::string& pointer, std::size_t depth) {
    if (keyword == "type") return types_into(out, value, pointer);
    if (keyword == "properties") return properties_into(out, value, pointer, depth);
    if (keyword == "required") return names_into(out.required, value, pointer);
    if (keyword == "additionalProperties" && value.is_bool()) {
      out.allows_additional = value.get_bool();
      return {};
    }
    if (keyword == "additionalProperties") return schema_into(out.additional, value, pointer, depth);
    if (keyword == "items") return schema_into(out.items, value, pointer, depth);
    if (keyword == "enum" || keyword == "const") return allowed_into(out, keyword, value, pointer);
    if (keyword == "minimum") return number_into(out.minimum, value, pointer);
    if (keyword == "maximum") return number_into(out.maximum, value, pointer);
    if (keyword == "minLength") return length_into(out.length_min, value, pointer);
    if (keyword == "maxLength") return length_into(out.length_max, value, pointer);
    if (keyword == "pattern") return pattern_into(out, value, pointer);
    return wrong(pointer, fmt::format("unknown keyword \"{}\"", keyword), name_hint(keyword, kKeywords));
  }

  Result<void> types_into(SchemaNode& out, const json::value& value, const std::string& pointer) {
    if (const auto* name = value.if_string()) {
      out.types.emplace_back(view(*name));
    } else {
      MESHFLOW_CHECK(names_into(out.types, value, pointer));
    }
    for (const auto& type : out.types) {
      if (std::ranges::find(kTypes, type) == kTypes.end()) {
        return wrong(pointer, fmt::format("unknown type \"{}\"", type), name_hint(type, kTypes));
      }
    }
    return {};
  }

  Result<void> properties_into(SchemaNode& out, const json::value& value, const std::string& pointer,
                               std::size_t depth) {
    const auto* members = value.if_object();
    if (members == nullptr) return wrong(pointer, "a map of names to schemas is wanted");
    for (const auto& member : *members) {
      const auto name = view(member.key());
      MESHFLOW_TRY(SchemaNode property, parse(member.value(), step_to(pointer, name), depth + 1));
      out.properties.emplace(name, std::move(property));
    }
    return {};
  }

  Result<void> schema_into(std::shared_ptr<const SchemaNode>& out, const json::value& value, const std::string& pointer,
                           std::size_t depth) {
    MESHFLOW_TRY(SchemaNode inner, parse(value, pointer, depth + 1));
    out = std::make_shared<const SchemaNode>(std::move(inner));
    return {};
  }

  static Result<void> names_into(std::vector<std::string>& out, const json::value& value, const std::string& pointer) {
    const auto* list = value.if_array();
    if (list == nullptr) return wrong(pointer, "a list of names is wanted");
    for (const auto& element : *list) {
      const auto* name = element.if_string();
      if (name == nullptr) return wrong(pointer, "a list of names is wanted");
      out.emplace_back(view(*name));
    }
    return {};
  }

  static Result<void> allowed_into(SchemaNode& out, std::string_view keyword, const json::value& value,
                                   const std::string& pointer) {
    if (out.allowed) return wrong(pointer, "enum and const exclude each other");
    if (keyword == "const") {
      out.allowed = json::array{value};
      return {};
    }
    const auto* list = value.if_array();
    if (list == nullptr || list->empty()) return wrong(pointer, "a list of one or more values is wanted");
    out.allowed = *list;
    return {};
  }

  static Result<void> number_into(std::optional<double>& out, const json::value& value, const std::string& pointer) {
    out = number_of(value);
    if (!out) return wrong(pointer, "a number is wanted");
    return {};
  }

  static Result<void> length_into(std::optional<std::size_t>& out, const json::value& value,
                                  const std::string& pointer) {
    const auto number = number_of(value);
    if (!number || *number < 0 || *number > 1e15 || *number != std::floor(*number)) {
      return wrong(pointer, "a whole number, not negative, is wanted");
    }
    out = static_cast<std::size_t>(*number);
    return {};
  }

  static Result<void> pattern_into(SchemaNode& out, const json::value& value, const std::string& pointer) {
    const auto* text = value.if_string();
    if (text == nullptr) return wrong(pointer, "a pattern in quotes is wanted");
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_max_mem(kSchemaPatternMemoryBytesMax);
    auto pattern = std::make_shared<const re2::RE2>(re2::StringPiece(text->data(), text->size()), options);
    if (!pattern->ok()) return wrong(pointer, fmt::format("unusable pattern: {}", pattern->error()), "RE2 syntax");
    out.pattern = std::move(pattern);
    return {};
  }
};

class SchemaChecker {
 public:
  // Recursion is bounded by the depth that the text was parsed with.
  Result<void> check(const SchemaNode& schema, const json::value& value, const std::string& pointer) const {
    MESHFLOW_CHECK(check_type(schema, value, pointer));
    if (schema.allowed && std::ranges::none_of(*schema.allowed, [&](const auto& one) { return same(one, value); })) {
      return wrong(pointer, "is none of the allowed values", json::serialize(*schema.allowed));
    }
    if (const auto number = number_of(value)) return check_number(schema, *number, pointer);
    if (const auto* text = value.if_string()) return check_text(schema, view(*text), pointer);
    if (const auto* object = value.if_object()) return check_object(schema, *object, pointer);
    if (const auto* array = value.if_array(); array != nullptr && schema.items) {
      for (std::size_t i = 0; i < array->size(); ++i) {
        MESHFLOW_CHECK(check(*schema.items, (*array)[i], step_to(pointer, std::to_string(i))));
      }
    }
    return {};
  }

 private:
  static tl::unexpected<Error> wrong(const std::string& pointer, std::string_view message, std::string hint = {}) {
    return fail(ErrorCode::invalid_input, fmt::format("output_schema: {} {}", shown(pointer), message),
                hint.size() > 200 ? std::string() : std::move(hint));
  }

  static bool is_of(std::string_view type, const json::value& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "null") return value.is_null();
    if (type == "number") return value.is_number();
    const auto* real = value.if_double();
    return value.is_int64() || value.is_uint64() || (real != nullptr && *real == std::floor(*real));
  }

  static Result<void> check_type(const SchemaNode& schema, const json::value& value, const std::string& pointer) {
    if (schema.types.empty()) return {};
    if (std::ranges::any_of(schema.types, [&](const auto& type) { return is_of(type, value); })) return {};
    return wrong(pointer, fmt::format("is not of type {}", fmt::join(schema.types, " or ")));
  }

  static Result<void> check_number(const SchemaNode& schema, double number, const std::string& pointer) {
    if (schema.minimum && number < *schema.minimum) {
      return wrong(pointer, fmt::format("is {}, less than {}", number, *schema.minimum));
    }
    if (schema.maximum && number > *schema.maximum) {
      return wrong(pointer, fmt::format("is {}, more than {}", number, *schema.maximum));
    }
    return {};
  }

  static Result<void> check_text(const SchemaNode& schema, std::string_view text, const std::string& pointer) {
    // Characters, not bytes: those that do not continue a UTF-8 sequence.
    const auto length = static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
    if (schema.length_min && length < *schema.length_min) {
      return wrong(pointer, fmt::format("has {} characters, less than {}", length, *schema.length_min));
    }
    if (schema.length_max && length > *schema.length_max) {
      return wrong(pointer, fmt::format("has {} characters, more than {}", length, *schema.length_max));
    }
    if (schema.pattern && !re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *schema.pattern)) {
      return wrong(pointer, fmt::format("does not match {}", schema.pattern->pattern()));
    }
    return {};
  }

  Result<void> check_object(const SchemaNode& schema, const json::object& object, const std::string& pointer) const {
    for (const auto& name : schema.required) {
      if (!object.contains(name)) return wrong(pointer, fmt::format("lacks the member \"{}\"", name));
    }
    for (const auto& member : object) {
      const auto name = view(member.key());
      const auto inside = step_to(pointer, name);
      const auto property = schema.properties.find(name);
      if (property != schema.properties.end()) {
        MESHFLOW_CHECK(check(property->second, member.value(), inside));
      } else if (!schema.allows_additional) {
        return wrong(inside, "is not allowed", "additionalProperties is false");
      } else if (schema.additional) {
        MESHFLOW_CHECK(check(*schema.additional, member.value(), inside));
      }
    }
    return {};
  }
};

}  // namespace

Result<OutputSchema> OutputSchema::parse(std::string_view text) {
  MESHFLOW_TRY(const json::value schema, parse_json(text, kSchemaBytesMax, 2 * kSchemaDepthMax + 2, "output_schema"));
  MESHFLOW_TRY(SchemaNode root, SchemaParser().parse(schema, "", 1));
  return OutputSchema(std::make_shared<const SchemaNode>(std::move(root)));
}

Result<void> OutputSchema::check(std::string_view output) const {
  MESHFLOW_TRY(const json::value value,
               parse_json(output, kSchemaInstanceBytesMax, kSchemaInstanceDepthMax, "the output"));
  return SchemaChecker().check(*root_, value, "");
}

}  // namespace meshflow::runtime
