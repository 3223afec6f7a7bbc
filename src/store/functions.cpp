#include "store/functions.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

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
#include "store/rest.hpp"

namespace meshflow::store {
namespace {

using otlp::wire::kTag;
using otlp::wire::Type;
using protozero::pbf_reader;

// The AnyValue of a span attribute; nothing without the key.
std::optional<std::string_view> attribute_of(std::string_view rest, std::string_view key) {
  pbf_reader in = reader_of(rest);
  while (in.next()) {
    if (in.tag_and_type() != kTag<otlp::SpanField::attributes, Type::length>) {
      in.skip();
      continue;
    }
    const KeyValueView attribute = key_value_of(view(in));
    if (attribute.key == key) return attribute.value;
  }
  return std::nullopt;
}

// Jaeger compares doubles by their first ten digits.
bool reads_as(std::string_view value, std::string_view text) {
  if (string_of(value) == text) return true;
  const Held held = held_by(value);
  if (held.tag != kTag<otlp::AnyValueField::double_value, Type::fixed64> || !std::isfinite(held.real)) return false;
  char digits[40];  // sign, ten digits, point, zeros, exponent
  const int size = std::snprintf(digits, sizeof digits, "%.10g", held.real);
  return text == std::string_view(digits, static_cast<std::size_t>(size));
}

// One event. Its name is Jaeger's field "event", unless it has an attribute of that key.
bool holds_field(pbf_reader event, std::string_view key, std::string_view text) {
  bool name_fits = false;
  bool has_key = false;
  while (event.next()) {
    switch (event.tag_and_type()) {
      case kTag<otlp::EventField::name, Type::length>: {
        const auto name = view(event);
        name_fits = key == "event" && clean(name) == text;
        break;
      }
      case kTag<otlp::EventField::attributes, Type::length>: {
        const KeyValueView attribute = key_value_of(view(event));
        if (attribute.key != key) break;
        if (reads_as(attribute.value, text)) return true;
        has_key = true;
        break;
      }
      default: event.skip();
    }
  }
  return name_fits && !has_key;
}

bool event_has(std::string_view rest, std::string_view key, std::string_view text) {
  pbf_reader in = reader_of(rest);
  while (in.next()) {
    if (in.tag_and_type() != kTag<otlp::SpanField::events, Type::length>) {
      in.skip();
    } else if (holds_field(in.get_message(), key, text)) {
      return true;
    }
  }
  return false;
}

// ---- as SQL -----------------------------------------------------------------------------------------------------

// Sets a row of a result, or leaves it NULL.
class Output {
 public:
  explicit Output(duckdb_vector vector) : vector_(vector), data_(duckdb_vector_get_data(vector)) {
    duckdb_vector_ensure_validity_writable(vector);
    validity_ = duckdb_vector_get_validity(vector);
  }
  void set_null(idx_t row) { duckdb_validity_set_row_invalid(validity_, row); }
  void set_text(idx_t row, std::string_view text) {
    duckdb_vector_assign_string_element_len(vector_, row, text.data(), text.size());
  }
  template <typename T>
  void set(idx_t row, T value) {
    static_cast<T*>(data_)[row] = value;
  }

 private:
  duckdb_vector vector_;
  void* data_;
  std::uint64_t* validity_;
};

// Writes the attribute `key` of `rest` to a row; false: NULL.
template <typename Write>
void for_each_attribute(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output, Write write) {
  try {
    const ChunkReader in(input);
    Output out(output);
    for (std::size_t row = 0; row < in.rows(); ++row) {
      const auto value =
          in.is_null(0, row) || in.is_null(1, row) ? std::nullopt : attribute_of(in.text(0, row), in.text(1, row));
      if (!value || !write(out, row, *value)) out.set_null(row);
    }
  } catch (const std::exception& broken) {
    duckdb_scalar_function_set_error(info, broken.what());
  }
}

void rest_text(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  for_each_attribute(info, input, output, [](Output& out, idx_t row, std::string_view value) {
    const Held held = held_by(value);
    if (held.tag != kTag<otlp::AnyValueField::string_value, Type::length>) return false;
    out.set_text(row, clean(held.bytes));
    return true;
  });
}

void rest_int(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  for_each_attribute(info, input, output, [](Output& out, idx_t row, std::string_view value) {
    const Held held = held_by(value);
    if (held.tag != kTag<otlp::AnyValueField::int_value, Type::varint>) return false;
    out.set(row, static_cast<std::int64_t>(held.number));
    return true;
  });
}

void rest_double(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  for_each_attribute(info, input, output, [](Output& out, idx_t row, std::string_view value) {
    const Held held = held_by(value);
    if (held.tag != kTag<otlp::AnyValueField::double_value, Type::fixed64>) return false;
    out.set(row, held.real);
    return true;
  });
}

void rest_bool(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  for_each_attribute(info, input, output, [](Output& out, idx_t row, std::string_view value) {
    const Held held = held_by(value);
    if (held.tag != kTag<otlp::AnyValueField::bool_value, Type::varint>) return false;
    out.set(row, held.number != 0);
    return true;
  });
}

void rest_string(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  for_each_attribute(info, input, output, [](Output& out, idx_t row, std::string_view value) {
    out.set_text(row, string_of(value));
    return true;
  });
}

void rest_event_has(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  try {
    const ChunkReader in(input);
    auto* found = static_cast<bool*>(duckdb_vector_get_data(output));
    for (std::size_t row = 0; row < in.rows(); ++row) {
      const bool has_arguments = !in.is_null(0, row) && !in.is_null(1, row) && !in.is_null(2, row);
      found[row] = has_arguments && event_has(in.text(0, row), in.text(1, row), in.text(2, row));
    }
  } catch (const std::exception& broken) {
    duckdb_scalar_function_set_error(info, broken.what());
  }
}

// The keys of a row are counted first: a list's child has to be made large enough before it is written.
void rest_keys(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  try {
    const ChunkReader in(input);
    auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(output));
    std::vector<std::string> keys;
    for (std::size_t row = 0; row < in.rows(); ++row) {
      const std::size_t begin = keys.size();
      if (!in.is_null(0, row)) {
        pbf_reader rest = reader_of(in.text(0, row));
        while (rest.next()) {
          if (rest.tag_and_type() == kTag<otlp::SpanField::attributes, Type::length>) {
            keys.push_back(clean(key_value_of(view(rest)).key));
          } else {
            rest.skip();
          }
        }
      }
      entries[row] = {begin, keys.size() - begin};
    }
    duckdb_list_vector_reserve(output, keys.size());
    duckdb_list_vector_set_size(output, keys.size());
    duckdb_vector child = duckdb_list_vector_get_child(output);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      duckdb_vector_assign_string_element_len(child, i, keys[i].data(), keys[i].size());
    }
  } catch (const std::exception& broken) {
    duckdb_scalar_function_set_error(info, broken.what());
  }
}

// The predicate is the same for all rows but where a query makes it of a column: it is parsed when it changes.
void rest_holds(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  try {
    const ChunkReader in(input);
    auto* found = static_cast<bool*>(duckdb_vector_get_data(output));
    std::optional<RestMatcher> matcher;
    std::string_view predicate;
    for (std::size_t row = 0; row < in.rows(); ++row) {
      found[row] = false;
      if (in.is_null(0, row) || in.is_null(1, row)) continue;
      if (!matcher || in.text(1, row) != predicate) {
        predicate = in.text(1, row);
        auto parsed = RestMatcher::parse(predicate);
        if (!parsed) {
          duckdb_scalar_function_set_error(info, parsed.error().message.c_str());
          return;
        }
        matcher.emplace(std::move(*parsed));
      }
      found[row] = matcher->holds(in.text(0, row));
    }
  } catch (const std::exception& broken) {
    duckdb_scalar_function_set_error(info, broken.what());
  }
}

void rest_columns(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  try {
    const ChunkReader in(input);
    auto* bits = static_cast<std::uint64_t*>(duckdb_vector_get_data(output));
    for (std::size_t row = 0; row < in.rows(); ++row)
      bits[row] = in.is_null(0, row) ? 0 : columns_in_rest(in.text(0, row));
  } catch (const std::exception& broken) {
    duckdb_scalar_function_set_error(info, broken.what());
  }
}

void rest_value(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  for_each_attribute(info, input, output, [](Output& out, idx_t row, std::string_view value) {
    using F = otlp::AnyValueField;
    char type = 'j';
    switch (held_by(value).tag) {
      case kTag<F::string_value, Type::length>: type = 's'; break;
      case kTag<F::bool_value, Type::varint>: type = 'b'; break;
      case kTag<F::int_value, Type::varint>: type = 'i'; break;
      case kTag<F::double_value, Type::fixed64>: type = 'd'; break;
      default: break;
    }
    out.set_text(row, type + string_of(value));
    return true;
  });
}

// The ids as ids_literal sorted them: as numbers, in the machine's own order of bytes.
bool is_among(const duckdb_uhugeint& id, std::string_view ids) {
  const auto at = [ids](std::size_t index) {
    duckdb_uhugeint each{};
    std::memcpy(&each, ids.data() + index * sizeof each, sizeof each);
    return each;
  };
  const auto is_before = [](const duckdb_uhugeint& a, const duckdb_uhugeint& b) {
    return a.upper != b.upper ? a.upper < b.upper : a.lower < b.lower;
  };
  std::size_t from = 0;
  std::size_t to = ids.size() / sizeof(duckdb_uhugeint);
  while (from < to) {
    const std::size_t middle = from + (to - from) / 2;
    if (is_before(at(middle), id)) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from < ids.size() / sizeof(duckdb_uhugeint) && !is_before(id, at(from));
}

void is_one_of(duckdb_function_info /*info*/, duckdb_data_chunk input, duckdb_vector output) {
  const ChunkReader in(input);
  auto* found = static_cast<bool*>(duckdb_vector_get_data(output));
  for (std::size_t row = 0; row < in.rows(); ++row) {
    found[row] =
        !in.is_null(0, row) && !in.is_null(1, row) && is_among(in.at<duckdb_uhugeint>(0, row), in.text(1, row));
  }
}

struct FunctionDeclaration {
  const char* name;
  duckdb_type subject;  // the first parameter
  duckdb_type arguments;  // the others
  int arguments_count;
  duckdb_type result;
  bool is_list;
  duckdb_scalar_function_t function;
};

Result<void> declare(Connection& connection, const FunctionDeclaration& declared) {
  duckdb_scalar_function function = duckdb_create_scalar_function();
  duckdb_scalar_function_set_name(function, declared.name);
  const LogicalType subject(declared.subject);
  const LogicalType argument(declared.arguments);
  const LogicalType result(declared.result);
  duckdb_scalar_function_add_parameter(function, subject.raw());
  for (int i = 0; i < declared.arguments_count; ++i) duckdb_scalar_function_add_parameter(function, argument.raw());
  if (declared.is_list) {
    const LogicalType list(duckdb_create_list_type(result.raw()));
    duckdb_scalar_function_set_return_type(function, list.raw());
  } else {
    duckdb_scalar_function_set_return_type(function, result.raw());
  }
  duckdb_scalar_function_set_special_handling(function);  // NULL in is not always NULL out
  duckdb_scalar_function_set_function(function, declared.function);
  const duckdb_state registered = duckdb_register_scalar_function(connection.raw(), function);
  duckdb_destroy_scalar_function(&function);
  if (registered != DuckDBSuccess) return fail(ErrorCode::internal, fmt::format("DuckDB refused {}", declared.name));
  return {};
}

}  // namespace

std::string ids_literal(std::vector<U128> trace_ids) {
  std::sort(trace_ids.begin(), trace_ids.end());
  std::string literal = "'";
  for (const U128& id : trace_ids) {
    const duckdb_uhugeint number{id.low, id.high};
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    for (const char byte : bytes) {
      fmt::format_to(std::back_inserter(literal), "\\x{:02X}", static_cast<unsigned char>(byte));
    }
  }
  return literal + "'::BLOB";
}

Result<void> register_functions(Connection& connection) {
  constexpr duckdb_type kBlob = DUCKDB_TYPE_BLOB;
  constexpr duckdb_type kText = DUCKDB_TYPE_VARCHAR;
  for (const FunctionDeclaration& declared : {
           FunctionDeclaration{kRestText, kBlob, kText, 1, DUCKDB_TYPE_VARCHAR, false, rest_text},
           FunctionDeclaration{kRestInt, kBlob, kText, 1, DUCKDB_TYPE_BIGINT, false, rest_int},
           FunctionDeclaration{kRestDouble, kBlob, kText, 1, DUCKDB_TYPE_DOUBLE, false, rest_double},
           FunctionDeclaration{kRestBool, kBlob, kText, 1, DUCKDB_TYPE_BOOLEAN, false, rest_bool},
           FunctionDeclaration{kRestString, kBlob, kText, 1, DUCKDB_TYPE_VARCHAR, false, rest_string},
           FunctionDeclaration{kRestEventHas, kBlob, kText, 2, DUCKDB_TYPE_BOOLEAN, false, rest_event_has},
           FunctionDeclaration{kRestKeys, kBlob, kText, 0, DUCKDB_TYPE_VARCHAR, true, rest_keys},
           FunctionDeclaration{kRestHolds, kBlob, kText, 1, DUCKDB_TYPE_BOOLEAN, false, rest_holds},
           FunctionDeclaration{kRestColumns, kBlob, kText, 0, DUCKDB_TYPE_UBIGINT, false, rest_columns},
           FunctionDeclaration{kRestValue, kBlob, kText, 1, DUCKDB_TYPE_VARCHAR, false, rest_value},
           FunctionDeclaration{kIsOneOf, DUCKDB_TYPE_UHUGEINT, kBlob, 1, DUCKDB_TYPE_BOOLEAN, false, is_one_of},
       }) {
    MESHFLOW_CHECK(declare(connection, declared));
  }
  return {};
}

}  // namespace meshflow::store
