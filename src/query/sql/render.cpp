#include "query/sql/render.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace meshflow::query::sql {
namespace {

using store::TextValue;

constexpr std::size_t kDoubleDigits = 15;  // that every double holds

std::size_t significant_digits(std::string_view number) {
  std::size_t digits = 0;
  for (const char c : number) {
    if (c == 'e' || c == 'E') break;
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 && (digits > 0 || c != '0')) ++digits;
  }
  return digits;
}

bool is_exact_integer(std::string_view number) {
  constexpr std::string_view kLargest = "9007199254740992";  // 2⁵³
  if (number.starts_with('-')) number.remove_prefix(1);
  return number.size() < kLargest.size() || (number.size() == kLargest.size() && number <= kLargest);
}

void write_value(JsonWriter& out, const TextValue& value, bool is_double) {
  switch (value.kind) {
    case TextValue::Kind::null: return out.null();
    case TextValue::Kind::boolean: return out.boolean(value.text == "true");
    case TextValue::Kind::integer: return is_exact_integer(value.text) ? out.raw(value.text) : out.string(value.text);
    case TextValue::Kind::real: {
      const bool is_finite = std::isdigit(static_cast<unsigned char>(value.text.back())) != 0;
      const bool is_exact = is_finite && (is_double || significant_digits(value.text) <= kDoubleDigits);
      return is_exact ? out.raw(value.text) : out.string(value.text);
    }
    case TextValue::Kind::text: return out.string(value.text);
  }
}

void append_csv(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

void write_json_members(JsonWriter& out, const store::TextRows& rows) {
  out.key("columns");
  out.begin_array();
  for (const auto& column : rows.columns) {
    out.begin_object();
    out.field("name", column.name);
    out.field("type", column.type);
    out.end_object();
  }
  out.end_array();
  out.key("rows");
  out.begin_array();
  for (const auto& row : rows.rows) {
    out.begin_array();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string& type = rows.columns[i].type;
      write_value(out, row[i], type == "DOUBLE" || type == "FLOAT");
    }
    out.end_array();
  }
  out.end_array();
  out.key("truncated");
  out.boolean(rows.is_cut);
}

std::string answer_json(const Answer& answer) {
  JsonWriter out;
  out.begin_object();
  write_json_members(out, answer.rows);
  out.key("elapsed_ms");
  out.number(std::chrono::duration<double, std::milli>(answer.took).count());
  out.end_object();
  return out.take();
}

std::string csv_text(const store::TextRows& rows) {
  std::string out;
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    if (i > 0) out += ',';
    append_csv(out, rows.columns[i].name);
  }
  out += '\n';
  for (const auto& row : rows.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += ',';
      if (row[i].kind != TextValue::Kind::null) append_csv(out, row[i].text);
    }
    out += '\n';
  }
  return out;
}

}  // namespace meshflow::query::sql
