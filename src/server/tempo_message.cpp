#include "server/tempo_message.hpp"

#include <variant>

#include "otlp/fields.hpp"

namespace meshflow::server {
namespace {

using otlp::AnyValueField;
using query::traceql::Array;
using query::traceql::Cell;
using query::traceql::Several;

// The elements of an array; null for what is none.
const std::vector<Cell>* elements_of(const Cell& cell) {
  if (const auto* const array = std::get_if<Array>(&cell.value)) return &array->of;
  const auto* const several = std::get_if<Several>(&cell.value);
  return several == nullptr ? nullptr : &several->of;
}

constexpr std::uint32_t number_of(AnyValueField field) { return static_cast<std::uint32_t>(field); }

// Nested as deep as otlp::DecodeLimits lets values be. Durations, status and kind are text, as is nil.
void write_any_value(std::string& out, const Cell& cell) {
  protozero::pbf_writer value(out);
  if (const auto* const elements = elements_of(cell)) {
    std::string list;
    protozero::pbf_writer array(list);
    for (const Cell& element : *elements) {
      std::string body;
      write_any_value(body, element);
      array.add_message(static_cast<std::uint32_t>(otlp::ListField::values), body);
    }
    value.add_message(number_of(AnyValueField::array_value), list);
  } else if (const auto* const flag = std::get_if<bool>(&cell.value)) {
    value.add_bool(number_of(AnyValueField::bool_value), *flag);
  } else if (const auto* const integer = std::get_if<std::int64_t>(&cell.value)) {
    value.add_int64(number_of(AnyValueField::int_value), *integer);
  } else if (const auto* const real = std::get_if<double>(&cell.value)) {
    value.add_double(number_of(AnyValueField::double_value), *real);
  } else {
    value.add_string(number_of(AnyValueField::string_value), text_of(cell));
  }
}

}  // namespace

void JsonMessage::any_value(const Cell& cell) {
  out_.begin_object();
  if (const auto* const elements = elements_of(cell)) {
    out_.key("arrayValue");
    out_.begin_object();
    if (!elements->empty()) {
      out_.key("values");
      out_.begin_array();
      for (const Cell& element : *elements) any_value(element);
      out_.end_array();
    }
    out_.end_object();
  } else if (const auto* const flag = std::get_if<bool>(&cell.value)) {
    out_.key("boolValue");
    out_.boolean(*flag);
  } else if (const auto* const integer = std::get_if<std::int64_t>(&cell.value)) {
    out_.field("intValue", std::to_string(*integer));
  } else if (const auto* const number = std::get_if<double>(&cell.value)) {
    out_.key("doubleValue");
    real(*number);
  } else {
    out_.field("stringValue", text_of(cell));
  }
  out_.end_object();
}

void ProtobufMessage::value(std::uint32_t number, std::string_view /*name*/, const Cell& cell) {
  std::string body;
  write_any_value(body, cell);
  out_.add_message(number, body);
}

}  // namespace meshflow::server
