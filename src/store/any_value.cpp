#include "store/any_value.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "otlp/decode_limits.hpp"
#include "otlp/fields.hpp"
#include "otlp/wire.hpp"

namespace meshflow::store {

using otlp::wire::kTag;
using otlp::wire::Type;
using protozero::pbf_reader;

KeyValueView key_value_of(std::string_view message) {
  KeyValueView parts;
  pbf_reader in = reader_of(message);
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<otlp::KeyValueField::key, Type::length>: parts.key = view(in); break;
      case kTag<otlp::KeyValueField::value, Type::length>: parts.value = view(in); break;
      default: in.skip();
    }
  }
  return parts;
}

Held held_by(std::string_view value) {
  using F = otlp::AnyValueField;
  Held held;
  pbf_reader in = reader_of(value);
  while (in.next()) {
    const auto tag = static_cast<std::uint32_t>(in.tag_and_type());
    switch (tag) {
      case kTag<F::string_value, Type::length>:
      case kTag<F::bytes_value, Type::length>:
      case kTag<F::array_value, Type::length>:
      case kTag<F::kvlist_value, Type::length>: held = {tag, view(in), 0, 0}; break;
      case kTag<F::bool_value, Type::varint>:
      case kTag<F::int_value, Type::varint>: held = {tag, {}, in.get_uint64(), 0}; break;
      case kTag<F::double_value, Type::fixed64>: held = {tag, {}, 0, in.get_double()}; break;
      default: in.skip();
    }
  }
  return held;
}

std::string clean(std::string_view text) { return is_valid_utf8(text) ? std::string(text) : sanitize_utf8(text); }

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : clean(text)) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string double_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", number);
}

namespace {

void append_json_elements(std::string& out, std::string_view list, bool has_keys, std::size_t depth) {
  out += has_keys ? '{' : '[';
  bool is_first = true;
  pbf_reader in = reader_of(list);
  while (in.next()) {
    if (in.tag_and_type() != kTag<otlp::ListField::values, Type::length>) {
      in.skip();
      continue;
    }
    if (!is_first) out += ',';
    is_first = false;
    if (has_keys) {
      const KeyValueView element = key_value_of(view(in));
      append_json_text(out, element.key);
      out += ':';
      append_json(out, element.value, depth + 1);
    } else {
      append_json(out, view(in), depth + 1);
    }
  }
  out += has_keys ? '}' : ']';
}

}  // namespace

void append_json(std::string& out, std::string_view value, std::size_t depth) {
  using F = otlp::AnyValueField;
  const Held held = held_by(value);
  if (depth > otlp::DecodeLimits{}.value_depth_max) {
    out += "null";  // refused when it came in
    return;
  }
  switch (held.tag) {
    case kTag<F::string_value, Type::length>: append_json_text(out, held.bytes); break;
    case kTag<F::bytes_value, Type::length>: append_json_text(out, to_base64(held.bytes)); break;
    case kTag<F::array_value, Type::length>: append_json_elements(out, held.bytes, false, depth); break;
    case kTag<F::kvlist_value, Type::length>: append_json_elements(out, held.bytes, true, depth); break;
    case kTag<F::bool_value, Type::varint>: out += held.number != 0 ? "true" : "false"; break;
    case kTag<F::int_value, Type::varint>: out += fmt::format("{}", static_cast<std::int64_t>(held.number)); break;
    case kTag<F::double_value, Type::fixed64>:
      out += std::isfinite(held.real) ? double_text(held.real) : fmt::format("\"{}\"", double_text(held.real));
      break;
    default: out += "null";
  }
}

std::string string_of(std::string_view value) {
  using F = otlp::AnyValueField;
  const Held held = held_by(value);
  switch (held.tag) {
    case kTag<F::string_value, Type::length>: return clean(held.bytes);
    case kTag<F::bytes_value, Type::length>: return to_base64(held.bytes);
    case kTag<F::double_value, Type::fixed64>: return double_text(held.real);
    case 0: return {};
    default: break;
  }
  std::string json;
  append_json(json, value, 0);
  return json;
}

}  // namespace meshflow::store
