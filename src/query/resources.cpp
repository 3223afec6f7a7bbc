#include "query/resources.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "query/json_writer.hpp"
#include "query/names.hpp"

namespace meshflow::query {
namespace {

constexpr std::string_view kServiceNameKey = "service.name";

const otlp::AnyValue* find(const otlp::KeyValueList& attributes, std::string_view key) {
  for (const otlp::KeyValue& attribute : attributes) {
    if (attribute.key == key) return &attribute.value;
  }
  return nullptr;
}

void append_json(std::string& out, const otlp::AnyValue& value);

struct AppendJson {
  std::string& out;

  void operator()(std::monostate) const { out += "null"; }
  void operator()(const std::string& text) const { append_json_string(out, text, true); }
  void operator()(bool flag) const { out += flag ? "true" : "false"; }
  void operator()(std::int64_t number) const { out += fmt::format_int(number).c_str(); }
  void operator()(double number) const { out += json_double(number); }
  void operator()(const otlp::ArrayValue& array) const {
    out += '[';
    for (std::size_t i = 0; i < array.size(); ++i) {
      if (i > 0) out += ',';
      append_json(out, array[i]);
    }
    out += ']';
  }
  void operator()(const otlp::KeyValueList& list) const {
    std::map<std::string_view, const otlp::AnyValue*> sorted;
    for (const otlp::KeyValue& each : list) sorted[each.key] = &each.value;
    out += '{';
    bool is_first = true;
    for (const auto& [key, each] : sorted) {
      if (!is_first) out += ',';
      is_first = false;
      append_json_string(out, key, true);
      out += ':';
      append_json(out, *each);
    }
    out += '}';
  }
  // Go writes a slice without elements as null.
  void operator()(const otlp::Bytes& bytes) const {
    if (bytes.data.empty()) {
      out += "null";
    } else {
      append_json_string(out, to_base64(bytes.data), false);
    }
  }
};

// Values are nested as deep as otlp::DecodeLimits lets them be.
void append_json(std::string& out, const otlp::AnyValue& value) { std::visit(AppendJson{out}, value.value); }

// True where JSON has no form for a number in it: Go's encoder gives up then, and Jaeger shows empty text.
bool has_no_json(const otlp::AnyValue& value) {
  if (const double* const number = std::get_if<double>(&value.value)) return !std::isfinite(*number);
  if (const auto* const array = std::get_if<otlp::ArrayValue>(&value.value)) {
    for (const otlp::AnyValue& each : *array) {
      if (has_no_json(each)) return true;
    }
  }
  if (const auto* const list = std::get_if<otlp::KeyValueList>(&value.value)) {
    for (const otlp::KeyValue& each : *list) {
      if (has_no_json(each.value)) return true;
    }
  }
  return false;
}

struct TextOf {
  const otlp::AnyValue& value;

  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
  std::string operator()(double number) const { return json_double(number); }
  std::string operator()(const otlp::ArrayValue& /*array*/) const { return json_of(value); }
  std::string operator()(const otlp::KeyValueList& /*list*/) const { return json_of(value); }
  std::string operator()(const otlp::Bytes& bytes) const { return to_base64(bytes.data); }
};

template <typename T>
bool compare(const T& left, Comparison comparison, const T& right) {
  switch (comparison) {
    case Comparison::equal: return left == right;
    case Comparison::not_equal: return left != right;
    case Comparison::less: return left < right;
    case Comparison::less_equal: return left <= right;
    case Comparison::greater: return left > right;
    case Comparison::greater_equal: return left >= right;
  }
  return false;
}

// A count of billionths against a literal that may lie between two of them.
bool compare_nano(double nano, Comparison comparison, const Number& number) {
  const auto floor = static_cast<double>(number.nano_floor);
  if (number.nano_is_exact) return compare(nano, comparison, floor);
  switch (comparison) {
    case Comparison::equal: return false;
    case Comparison::not_equal: return !std::isnan(nano);
    case Comparison::less:
    case Comparison::less_equal: return nano <= floor;
    case Comparison::greater:
    case Comparison::greater_equal: return nano > floor;
  }
  return false;
}

bool holds_number(const CompareAttribute& condition, const Number& number, const otlp::AnyValue& value) {
  const auto* const integer = std::get_if<std::int64_t>(&value.value);
  const auto* const real = std::get_if<double>(&value.value);
  if (integer == nullptr && real == nullptr) return false;
  if (is_counted_in_billionths(condition.attribute.key)) {
    const double amount = integer != nullptr ? static_cast<double>(*integer) : *real;
    return compare_nano(std::round(amount * 1e9), condition.comparison, number);
  }
  if (integer != nullptr && number.integer) return compare(*integer, condition.comparison, *number.integer);
  return compare(integer != nullptr ? static_cast<double>(*integer) : *real, condition.comparison, number.value);
}

}  // namespace

std::string json_of(const otlp::AnyValue& value) {
  if (has_no_json(value)) return {};
  std::string text;
  append_json(text, value);
  return text;
}

std::string text_of(const otlp::AnyValue& value) { return std::visit(TextOf{value}, value.value); }

std::string service_name_of(const otlp::Resource& resource) {
  if (resource.attributes.empty()) return std::string(kNoServiceName);
  const otlp::AnyValue* const name = find(resource.attributes, kServiceNameKey);
  const auto* const text = name == nullptr ? nullptr : std::get_if<std::string>(&name->value);
  return text == nullptr || text->empty() ? std::string(kEmptyServiceName) : *text;
}

bool reads_as(const otlp::AnyValue& value, std::string_view text) {
  if (text_of(value) == text) return true;
  const double* const number = std::get_if<double>(&value.value);
  return number != nullptr && ten_digits(*number) == text;
}

bool holds(const CompareAttribute& condition, const otlp::AnyValue& value) {
  if (const auto* const number = std::get_if<Number>(&condition.literal))
    return holds_number(condition, *number, value);
  if (const auto* const text = std::get_if<std::string>(&condition.literal)) {
    const auto* const own = std::get_if<std::string>(&value.value);
    return own != nullptr && compare(*own, condition.comparison, *text);
  }
  if (const bool* const flag = std::get_if<bool>(&condition.literal)) {
    const bool* const own = std::get_if<bool>(&value.value);
    return own != nullptr && compare(*own, condition.comparison, *flag);
  }
  return false;
}

bool ResourceSet::are_all_of_service(std::string_view name) const {
  return !resources_.empty() && std::all_of(resources_.begin(), resources_.end(), [name](const auto& each) {
    const otlp::AnyValue* const value = find(each.resource.attributes, kServiceNameKey);
    const auto* const text = value == nullptr ? nullptr : std::get_if<std::string>(&value->value);
    return text != nullptr && *text == name;
  });
}

std::vector<std::uint64_t> ResourceSet::keys_where(const std::function<bool(const otlp::Resource&)>& fits) const {
  std::vector<std::uint64_t> keys;
  for (const store::StoredResource& each : resources_) {
    if (fits(each.resource)) keys.push_back(each.key);
  }
  return keys;
}

std::vector<std::uint64_t> ResourceSet::keys_where(std::string_view attribute,
                                                   const std::function<bool(const otlp::AnyValue&)>& fits) const {
  return keys_where([&](const otlp::Resource& resource) {
    const otlp::AnyValue* const value = find(resource.attributes, attribute);
    return value != nullptr && fits(*value);
  });
}

}  // namespace meshflow::query
