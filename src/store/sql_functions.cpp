#include "store/sql_functions.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <duckdb.h>
#include <fmt/format.h>
#include <protozero/pbf_reader.hpp>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "otlp/fields.hpp"
#include "otlp/wire.hpp"
#include "store/any_value.hpp"
#include "store/cell.hpp"
#include "store/functions_register.hpp"
#include "store/span_chunk.hpp"
#include "store/span_decoder.hpp"

namespace meshflow::store {
namespace {

using otlp::wire::kTag;
using otlp::wire::Type;
using protozero::pbf_reader;

// ---- results ----------------------------------------------------------------------------------------------------

void set_null(duckdb_vector vector, idx_t row) {
  duckdb_vector_ensure_validity_writable(vector);
  duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), row);
}

void set_text(duckdb_vector vector, idx_t row, std::string_view text) {
  duckdb_vector_assign_string_element_len(vector, row, text.data(), text.size());
}

struct ValueSetter {
  duckdb_vector vector;
  idx_t row;
  template <typename T>
  void put(T number) const {
    static_cast<T*>(duckdb_vector_get_data(vector))[row] = number;
  }
  void operator()(std::monostate) const { set_null(vector, row); }
  void operator()(bool flag) const { put(flag); }
  void operator()(std::int64_t number) const { put(number); }
  void operator()(std::uint64_t number) const { put(number); }
  void operator()(double number) const { put(number); }
  void operator()(const U128& number) const { put(duckdb_uhugeint{number.low, number.high}); }
  void operator()(const std::string& text) const { set_text(vector, row, text); }
};

// Lists of structs, row by row. What a list holds is known before DuckDB has to make room for it.
class StructLists {
 public:
  explicit StructLists(std::size_t fields) : columns_(fields) {}

  void add(std::vector<Value> fields) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (const auto* text = std::get_if<std::string>(&fields[i])) bytes_ += text->size();
      columns_[i].push_back(std::move(fields[i]));
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return columns_.front().size(); }
  [[nodiscard]] bool is_too_large() const noexcept { return bytes_ > kMadeTextsBytesMax; }

  void write(duckdb_vector output) const {
    duckdb_list_vector_reserve(output, size());
    duckdb_list_vector_set_size(output, size());
    duckdb_vector entries = duckdb_list_vector_get_child(output);
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      duckdb_vector field = duckdb_struct_vector_get_child(entries, column);
      for (std::size_t row = 0; row < size(); ++row) std::visit(ValueSetter{field, row}, columns_[column][row]);
    }
  }

 private:
  std::vector<std::vector<Value>> columns_;
  std::size_t bytes_ = 0;
};

void too_large(duckdb_function_info info) {
  duckdb_scalar_function_set_error(
      info, fmt::format("what 2048 rows make takes more than {} bytes (limit made_texts_bytes_max)", kMadeTextsBytesMax)
                .c_str());
}

// Calls `fill(in, row, lists)` for each row, for a function that gives lists of structs.
template <typename Fill>
void fill_lists(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output, std::size_t fields,
                Fill fill) {
  try {
    const ChunkReader in(input);
    StructLists lists(fields);
    auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(output));
    for (std::size_t row = 0; row < in.rows(); ++row) {
      const std::size_t begin = lists.size();
      fill(in, row, lists);
      entries[row] = {begin, lists.size() - begin};
      if (lists.is_too_large()) return too_large(info);
    }
    lists.write(output);
  } catch (const std::exception& broken) {
    duckdb_scalar_function_set_error(info, broken.what());
  }
}

// ---- ids --------------------------------------------------------------------------------------------------------

void put_hex(std::uint64_t number, char* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (int i = 15; i >= 0; --i, number >>= 4) out[i] = kDigits[number & 15];
}

void trace_id_text(duckdb_function_info /*info*/, duckdb_data_chunk input, duckdb_vector output) {
  const ChunkReader in(input);
  char digits[32];
  for (std::size_t row = 0; row < in.rows(); ++row) {
    if (in.is_null(0, row)) {
      set_null(output, row);
      continue;
    }
    const auto& id = in.at<duckdb_uhugeint>(0, row);
    put_hex(id.upper, digits);
    put_hex(id.lower, digits + 16);
    set_text(output, row, {digits, sizeof digits});
  }
}

void span_id_text(duckdb_function_info /*info*/, duckdb_data_chunk input, duckdb_vector output) {
  const ChunkReader in(input);
  char digits[16];
  for (std::size_t row = 0; row < in.rows(); ++row) {
    if (in.is_null(0, row)) {
      set_null(output, row);
      continue;
    }
    put_hex(in.at<std::uint64_t>(0, row), digits);
    set_text(output, row, {digits, sizeof digits});
  }
}

// ---- attributes -------------------------------------------------------------------------------------------------

std::vector<Value> attribute_fields(std::string_view key, std::string_view any_value) {
  using F = otlp::AnyValueField;
  const Held held = held_by(any_value);
  const char* type = "empty";
  Value number;
  switch (held.tag) {
    case kTag<F::string_value, Type::length>: type = "string"; break;
    case kTag<F::bytes_value, Type::length>: type = "bytes"; break;
    case kTag<F::array_value, Type::length>: type = "array"; break;
    case kTag<F::kvlist_value, Type::length>: type = "kvlist"; break;
    case kTag<F::bool_value, Type::varint>: type = "bool"; break;
    case kTag<F::int_value, Type::varint>:
      type = "int";
      number = static_cast<double>(static_cast<std::int64_t>(held.number));
      break;
    case kTag<F::double_value, Type::fixed64>:
      type = "double";
      number = held.real;
      break;
    default: break;
  }
  return {clean(key), std::string(type), string_of(any_value), std::move(number)};
}

// Of a column, whose attribute has a value there.
std::vector<Value> column_fields(const ChunkReader& in, std::size_t column, std::size_t row,
                                 const AttributeColumn& attribute) {
  std::string key(attribute.key);
  switch (attribute.type) {
    case ColumnType::i64: {
      const auto number = in.at<std::int64_t>(column, row);
      return {std::move(key), std::string("int"), fmt::format("{}", number), static_cast<double>(number)};
    }
    case ColumnType::f64: {
      const auto number = in.at<double>(column, row);
      return {std::move(key), std::string("double"), double_text(number), number};
    }
    default: return {std::move(key), std::string("string"), std::string(in.text(column, row)), std::monostate{}};
  }
}

// The columns of span_attributes' input.
enum Input : std::size_t { kOrder, kTraceId, kRest, kFirstColumn };

void fill_attributes(const ChunkReader& in, std::size_t row, StructLists& lists) {
  std::vector<KeyValueView> rest;
  if (!in.is_null(kRest, row)) {
    pbf_reader message = reader_of(in.text(kRest, row));
    while (message.next()) {
      if (message.tag_and_type() == kTag<otlp::SpanField::attributes, Type::length>) {
        rest.push_back(key_value_of(view(message)));
      } else {
        message.skip();
      }
    }
  }
  std::size_t next = 0;
  if (in.is_null(kOrder, row)) return;
  for (const char code : in.text(kOrder, row)) {
    if (code == kOrderRest) {
      if (next < rest.size()) lists.add(attribute_fields(rest[next].key, rest[next].value));
      ++next;
    } else if (code == kOrderTraceId) {
      char digits[32];
      const auto& id = in.at<duckdb_uhugeint>(kTraceId, row);
      put_hex(id.upper, digits);
      put_hex(id.lower, digits + 16);
      lists.add({std::string(kTraceIdKey), std::string("string"), std::string(digits, sizeof digits), {}});
    } else {
      const auto attribute = static_cast<std::size_t>(static_cast<unsigned char>(code)) - 1;
      const std::size_t column = kFirstColumn + attribute;
      if (attribute >= attribute_columns().size() || in.is_null(column, row)) continue;  // damage of the file
      lists.add(column_fields(in, column, row, attribute_columns()[attribute]));
    }
  }
}

void span_attributes(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  fill_lists(info, input, output, 4, fill_attributes);
}

void span_attribute(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  fill_lists(info, input, output, 4, [](const ChunkReader& in, std::size_t row, StructLists& lists) {
    if (in.is_null(0, row) || in.is_null(1, row)) return;
    pbf_reader message = reader_of(in.text(0, row));
    while (message.next()) {
      if (message.tag_and_type() != kTag<otlp::SpanField::attributes, Type::length>) {
        message.skip();
        continue;
      }
      const KeyValueView attribute = key_value_of(view(message));
      if (attribute.key != in.text(1, row)) continue;
      lists.add(attribute_fields(attribute.key, attribute.value));
      return;
    }
  });
}

// Of an event or link: of equal keys the last value counts, in the place of the first.
class JsonObject {
 public:
  void add(const KeyValueView& attribute) {
    const auto [found, is_new] = places_.try_emplace(attribute.key, attributes_.size());
    if (is_new) {
      attributes_.push_back(attribute);
    } else {
      attributes_[found->second].value = attribute.value;
    }
  }
  [[nodiscard]] std::string text() const {
    std::string out = "{";
    for (const KeyValueView& attribute : attributes_) {
      if (out.size() > 1) out += ',';
      append_json_text(out, attribute.key);
      out += ':';
      append_json(out, attribute.value);
    }
    return out + "}";
  }

 private:
  std::vector<KeyValueView> attributes_;
  std::unordered_map<std::string_view, std::size_t> places_;
};

// ---- events and links -------------------------------------------------------------------------------------------

void add_event(pbf_reader message, StructLists& lists) {
  std::uint64_t time = 0;
  std::string_view name;
  JsonObject attributes;
  while (message.next()) {
    switch (message.tag_and_type()) {
      case kTag<otlp::EventField::time_unix_nano, Type::fixed64>: time = message.get_fixed64(); break;
      case kTag<otlp::EventField::name, Type::length>: name = view(message); break;
      case kTag<otlp::EventField::attributes, Type::length>: attributes.add(key_value_of(view(message))); break;
      default: message.skip();
    }
  }
  lists.add({time, clean(name), attributes.text()});
}

void add_link(pbf_reader message, StructLists& lists) {
  std::string_view trace_id;
  std::string_view span_id;
  std::string_view trace_state;
  JsonObject attributes;
  while (message.next()) {
    switch (message.tag_and_type()) {
      case kTag<otlp::LinkField::trace_id, Type::length>: trace_id = view(message); break;
      case kTag<otlp::LinkField::span_id, Type::length>: span_id = view(message); break;
      case kTag<otlp::LinkField::trace_state, Type::length>: trace_state = view(message); break;
      case kTag<otlp::LinkField::attributes, Type::length>: attributes.add(key_value_of(view(message))); break;
      default: message.skip();
    }
  }
  Value state;
  if (!trace_state.empty()) state = clean(trace_state);
  lists.add({to_hex(trace_id), to_hex(span_id), std::move(state), attributes.text()});
}

void span_events(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  fill_lists(info, input, output, 3, [](const ChunkReader& in, std::size_t row, StructLists& lists) {
    if (in.is_null(0, row)) return;
    pbf_reader message = reader_of(in.text(0, row));
    while (message.next()) {
      if (message.tag_and_type() == kTag<otlp::SpanField::events, Type::length>) {
        add_event(message.get_message(), lists);
      } else {
        message.skip();
      }
    }
  });
}

void span_links(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  fill_lists(info, input, output, 4, [](const ChunkReader& in, std::size_t row, StructLists& lists) {
    if (in.is_null(0, row)) return;
    pbf_reader message = reader_of(in.text(0, row));
    while (message.next()) {
      if (message.tag_and_type() == kTag<otlp::SpanField::links, Type::length>) {
        add_link(message.get_message(), lists);
      } else {
        message.skip();
      }
    }
  });
}

// ---- bounded text -----------------------------------------------------------------------------------------------

// Writes the texts that `make(in, row)` gives, each and all of them within their limits.
template <typename Make>
void make_texts(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output, Make make) {
  const ChunkReader in(input);
  std::size_t bytes = 0;
  for (std::size_t row = 0; row < in.rows(); ++row) {
    bool is_null = false;
    for (std::size_t column = 0; column < in.columns(); ++column) is_null = is_null || in.is_null(column, row);
    if (is_null) {
      set_null(output, row);
      continue;
    }
    const std::optional<std::string> text = make(in, row);
    if (!text) {
      duckdb_scalar_function_set_error(
          info,
          fmt::format("a text becomes longer than {} bytes (limit made_text_bytes_max)", kMadeTextBytesMax).c_str());
      return;
    }
    bytes += text->size();
    if (bytes > kMadeTextsBytesMax) return too_large(info);
    set_text(output, row, *text);
  }
}

void text_joined(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  make_texts(info, input, output, [](const ChunkReader& in, std::size_t row) -> std::optional<std::string> {
    const std::string_view a = in.text(0, row);
    const std::string_view b = in.text(1, row);
    if (a.size() + b.size() > kMadeTextBytesMax) return std::nullopt;
    return std::string(a).append(b);
  });
}

void text_replaced(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  make_texts(info, input, output, [](const ChunkReader& in, std::size_t row) -> std::optional<std::string> {
    std::string_view text = in.text(0, row);
    const std::string_view part = in.text(1, row);
    const std::string_view by = in.text(2, row);
    std::string made;
    while (!part.empty()) {
      const auto at = text.find(part);
      if (at == std::string_view::npos) break;
      made.append(text.substr(0, at)).append(by);
      text.remove_prefix(at + part.size());
      if (made.size() > kMadeTextBytesMax) return std::nullopt;
    }
    made.append(text);
    if (made.size() > kMadeTextBytesMax) return std::nullopt;
    return made;
  });
}

// The bytes of the character that begins at `at`.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

// Where what follows a '%' does not fit, only the last '%' has to take a character more.
bool is_like(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t after_percent = std::string_view::npos;  // where the pattern goes on after its last '%'
  std::size_t taken_to = 0;                            // what that '%' has taken ends here
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '%') {
      after_percent = ++in_pattern;
      taken_to = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == '_') {
      at += character_bytes(text, at);
      ++in_pattern;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++at;
      ++in_pattern;
    } else if (after_percent != std::string_view::npos) {
      taken_to += character_bytes(text, taken_to);
      at = taken_to;
      in_pattern = after_percent;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '%') ++in_pattern;
  return in_pattern == pattern.size();
}

void text_is_like(duckdb_function_info /*info*/, duckdb_data_chunk input, duckdb_vector output) {
  const ChunkReader in(input);
  auto* found = static_cast<bool*>(duckdb_vector_get_data(output));
  for (std::size_t row = 0; row < in.rows(); ++row) {
    if (in.is_null(0, row) || in.is_null(1, row)) {
      set_null(output, row);
    } else {
      found[row] = is_like(in.text(0, row), in.text(1, row));
    }
  }
}

// ---- registration -----------------------------------------------------------------------------------------------

struct StructField {
  const char* name;
  duckdb_type type;
};

struct Declaration {
  const char* name;
  std::vector<duckdb_type> parameters;
  duckdb_type result;                // where it is no list of structs
  std::vector<StructField> structs;  // what those are made of; empty: no list
  duckdb_scalar_function_t function;
};

void set_result(duckdb_scalar_function function, const Declaration& declared) {
  if (declared.structs.empty()) {
    const LogicalType result(declared.result);
    duckdb_scalar_function_set_return_type(function, result.raw());
    return;
  }
  std::vector<duckdb_logical_type> types;
  std::vector<const char*> names;
  for (const StructField& field : declared.structs) {
    types.push_back(duckdb_create_logical_type(field.type));
    names.push_back(field.name);
  }
  {
    const LogicalType entry(duckdb_create_struct_type(types.data(), names.data(), types.size()));
    const LogicalType list(duckdb_create_list_type(entry.raw()));
    duckdb_scalar_function_set_return_type(function, list.raw());
  }
  for (duckdb_logical_type& type : types) duckdb_destroy_logical_type(&type);
}

Result<void> declare(Connection& connection, const Declaration& declared) {
  duckdb_scalar_function function = duckdb_create_scalar_function();
  duckdb_scalar_function_set_name(function, declared.name);
  for (const duckdb_type each : declared.parameters) {
    const LogicalType type(each);
    duckdb_scalar_function_add_parameter(function, type.raw());
  }
  set_result(function, declared);
  duckdb_scalar_function_set_special_handling(function);  // NULLs are the functions' own affair
  duckdb_scalar_function_set_function(function, declared.function);
  const duckdb_state registered = duckdb_register_scalar_function(connection.raw(), function);
  duckdb_destroy_scalar_function(&function);
  if (registered != DuckDBSuccess) return fail(ErrorCode::internal, fmt::format("DuckDB refused {}", declared.name));
  return {};
}

}  // namespace

Result<void> register_sql_functions(Connection& connection) {
  constexpr duckdb_type kText = DUCKDB_TYPE_VARCHAR;
  constexpr duckdb_type kBlob = DUCKDB_TYPE_BLOB;
  const std::vector<StructField> attribute{
      {"key", kText}, {"type", kText}, {"value", kText}, {"number", DUCKDB_TYPE_DOUBLE}};
  const std::vector<StructField> event{{"time_ns", DUCKDB_TYPE_UBIGINT}, {"name", kText}, {"attributes", kText}};
  const std::vector<StructField> link{
      {"trace_id", kText}, {"span_id", kText}, {"trace_state", kText}, {"attributes", kText}};
  std::vector<duckdb_type> whole{kText, DUCKDB_TYPE_UHUGEINT, kBlob};
  for (const AttributeColumn& column : attribute_columns()) whole.push_back(duckdb_type_of(column.type));
  for (const Declaration& declared : {
           Declaration{"trace_id_text", {DUCKDB_TYPE_UHUGEINT}, kText, {}, trace_id_text},
           Declaration{"span_id_text", {DUCKDB_TYPE_UBIGINT}, kText, {}, span_id_text},
           Declaration{"span_attributes", whole, {}, attribute, span_attributes},
           Declaration{"span_attribute", {kBlob, kText}, {}, attribute, span_attribute},
           Declaration{"span_events", {kBlob}, {}, event, span_events},
           Declaration{"span_links", {kBlob}, {}, link, span_links},
           Declaration{"text_joined", {kText, kText}, kText, {}, text_joined},
           Declaration{"text_replaced", {kText, kText, kText}, kText, {}, text_replaced},
           Declaration{"text_is_like", {kText, kText}, DUCKDB_TYPE_BOOLEAN, {}, text_is_like},
       }) {
    MESHFLOW_CHECK(declare(connection, declared));
  }
  return {};
}

}  // namespace meshflow::store
