#include "store/span_decoder.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <xxhash.h>
#include <protozero/pbf_reader.hpp>

#include "base/bytes.hpp"
#include "otlp/fields.hpp"
#include "otlp/wire.hpp"

namespace meshflow::store {
namespace {

using otlp::wire::kTag;
using otlp::wire::Type;
using protozero::pbf_reader;

pbf_reader reader_of(std::string_view message) { return {message.data(), message.size()}; }

std::string_view view(pbf_reader& in) {
  const auto bytes = in.get_view();
  return {bytes.data(), bytes.size()};
}

std::uint64_t big_endian(std::string_view bytes) noexcept {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return __builtin_bswap64(number);
}

// Walks a message and tells each field with its raw bytes, tag and length included.
template <typename OnField>
void for_each_field(std::string_view message, OnField on_field) {
  pbf_reader in = reader_of(message);
  const char* begin = message.data();
  while (in.next()) {
    const auto tag = in.tag_and_type();
    pbf_reader at = in;  // on_field may read the value of its copy
    in.skip();
    const char* const end = in.data().data();
    on_field(tag, at, std::string_view(begin, static_cast<std::size_t>(end - begin)));
    begin = end;
  }
}

// An AnyValue that holds one scalar, whatever stood before it; anything else has no type here.
struct Scalar {
  enum class Type { other, text, integer, real } type = Type::other;
  std::string_view text;
  std::int64_t integer = 0;
  double real = 0;
};

Scalar scalar_of(std::string_view value) {
  using F = otlp::AnyValueField;
  Scalar scalar;
  pbf_reader in = reader_of(value);
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<F::string_value, Type::length>:
        scalar.text = view(in);
        scalar.type = Scalar::Type::text;
        break;
      case kTag<F::int_value, Type::varint>:
        scalar.integer = in.get_int64();
        scalar.type = Scalar::Type::integer;
        break;
      case kTag<F::double_value, Type::fixed64>:
        scalar.real = in.get_double();
        scalar.type = Scalar::Type::real;
        break;
      case kTag<F::bool_value, Type::varint>:
      case kTag<F::bytes_value, Type::length>:
      case kTag<F::array_value, Type::length>:
      case kTag<F::kvlist_value, Type::length>:
        in.skip();
        scalar.type = Scalar::Type::other;
        break;
      default: in.skip();
    }
  }
  return scalar;
}

void append_attribute(std::string& out, std::string_view key_value) {
  char head[16];
  char* const end = otlp::wire::write_length_header<otlp::SpanField::attributes>(head, key_value.size());
  out.append(head, static_cast<std::size_t>(end - head));
  out.append(key_value);
}

bool is_hex_of(std::string_view text, const otlp::SpanKey& key) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (text.size() != 32) return false;
  for (int i = 0; i < 16; ++i) {
    if (text[static_cast<std::size_t>(i)] != kDigits[key.trace_high >> (60 - 4 * i) & 15]) return false;
    if (text[static_cast<std::size_t>(16 + i)] != kDigits[key.trace_low >> (60 - 4 * i) & 15]) return false;
  }
  return true;
}

}  // namespace

struct SpanDecoder::SpanFields {
  otlp::SpanKey key;
  std::uint64_t parent = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::int32_t kind = 0;
  std::int32_t status = 0;
  std::uint32_t flags = 0;
  std::int32_t events = 0;
  std::string_view name;
  std::string_view status_message;
};

std::uint64_t SpanDecoder::run_key(std::string_view run_id) noexcept {
  return std::max<std::uint64_t>(1, XXH3_64bits(run_id.data(), run_id.size()));
}

void SpanDecoder::decode(std::string_view request, const std::vector<otlp::SpanKey>& keys, DecodeTarget& target) {
  target_ = &target;
  next_key_ = keys.data();
  for_each_field(request, [this](auto tag, pbf_reader& in, std::string_view) {
    if (tag == kTag<otlp::TracesField::resource_spans, Type::length>) resource_spans(view(in));
  });
}

void SpanDecoder::resource_spans(std::string_view message) {
  using F = otlp::ResourceSpansField;
  context_.clear();
  has_service_ = false;
  const auto read_service = [this](auto tag, pbf_reader& in, std::string_view) {
    if (tag != kTag<otlp::ResourceField::attributes, Type::length>) return;
    std::string_view key;
    std::string_view value;
    for_each_field(view(in), [&](auto inner, pbf_reader& field, std::string_view) {
      if (inner == kTag<otlp::KeyValueField::key, Type::length>) key = view(field);
      if (inner == kTag<otlp::KeyValueField::value, Type::length>) value = view(field);
    });
    if (key != "service.name") return;
    const Scalar scalar = scalar_of(value);
    has_service_ = scalar.type == Scalar::Type::text;
    if (has_service_) service_ = clean(scalar.text, clean_text_);
  };
  for_each_field(message, [&](auto tag, pbf_reader& in, std::string_view raw) {
    if (tag == kTag<F::scope_spans, Type::length>) return;
    if (tag == kTag<F::resource, Type::length>) for_each_field(view(in), read_service);
    context_.append(raw);
  });
  resource_key_ = XXH3_64bits_withSeed(context_.data(), context_.size(), seed_);
  target_->resource(resource_key_, context_);
  for_each_field(message, [this](auto tag, pbf_reader& in, std::string_view) {
    if (tag == kTag<F::scope_spans, Type::length>) scope_spans(view(in));
  });
}

void SpanDecoder::scope_spans(std::string_view message) {
  using F = otlp::ScopeSpansField;
  context_.clear();
  for_each_field(message, [this](auto tag, pbf_reader&, std::string_view raw) {
    if (tag != kTag<F::spans, Type::length>) context_.append(raw);
  });
  scope_key_ = XXH3_64bits_withSeed(context_.data(), context_.size(), seed_);
  target_->scope(scope_key_, context_);
  for_each_field(message, [this](auto tag, pbf_reader& in, std::string_view) {
    if (tag == kTag<F::spans, Type::length>) span(view(in));
  });
}

void SpanDecoder::read_fields(std::string_view message, SpanFields& fields) {
  using F = otlp::SpanField;
  for_each_field(message, [&](auto tag, pbf_reader& in, std::string_view raw) {
    switch (tag) {
      case kTag<F::trace_id, Type::length>:
      case kTag<F::span_id, Type::length>: break;  // in the key
      case kTag<F::parent_span_id, Type::length>: {
        const auto id = view(in);
        fields.parent = id.empty() ? 0 : big_endian(id);
        break;
      }
      case kTag<F::name, Type::length>: fields.name = view(in); break;
      case kTag<F::kind, Type::varint>: fields.kind = in.get_enum(); break;
      case kTag<F::start_time_unix_nano, Type::fixed64>: fields.start = in.get_fixed64(); break;
      case kTag<F::end_time_unix_nano, Type::fixed64>: fields.end = in.get_fixed64(); break;
      case kTag<F::flags, Type::fixed32>: fields.flags = in.get_fixed32(); break;
      case kTag<F::attributes, Type::length>:
        attributes_.push_back({.key = {}, .value = {}, .message = view(in)});
        break;
      case kTag<F::status, Type::length>:
        for_each_field(view(in), [&fields](auto inner, pbf_reader& field, std::string_view) {
          if (inner == kTag<otlp::StatusField::message, Type::length>) fields.status_message = view(field);
          if (inner == kTag<otlp::StatusField::code, Type::varint>) fields.status = field.get_enum();
        });
        break;
      case kTag<F::events, Type::length>:
        ++fields.events;
        rest_.append(raw);
        break;
      case kTag<F::trace_state, Type::length>:
      case kTag<F::dropped_attributes_count, Type::varint>:
      case kTag<F::dropped_events_count, Type::varint>:
      case kTag<F::links, Type::length>:
      case kTag<F::dropped_links_count, Type::varint>: rest_.append(raw); break;
      default: break;  // not known to OTLP
    }
  });
}

// Fills in keys and values of attributes_.
void SpanDecoder::read_attributes() {
  std::uint64_t seen = 0;
  may_repeat_ = false;
  for (Attribute& attribute : attributes_) {
    pbf_reader in = reader_of(attribute.message);
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<otlp::KeyValueField::key, Type::length>: attribute.key = view(in); break;
        case kTag<otlp::KeyValueField::value, Type::length>: attribute.value = view(in); break;
        default: in.skip();
      }
    }
    const std::string_view key = attribute.key;
    const std::size_t hash = key.empty() ? 0
                                         : key.size() * 7 + static_cast<unsigned char>(key.back()) +
                                               static_cast<unsigned char>(key[key.size() / 2]) * 3U;
    const std::uint64_t bit = std::uint64_t{1} << (hash & 63);
    may_repeat_ = may_repeat_ || (seen & bit) != 0;
    seen |= bit;
  }
}

// Of several attributes with one key the last counts, in the place of the first (OpenTelemetry specification, "Set
// Attributes": setting an attribute again overwrites its value).
void SpanDecoder::resolve_duplicate_keys() {
  if (attributes_.size() > 64) {
    // Many keys: by sorting, since comparing all pairs would be what somebody who means harm sends them for.
    std::vector<std::size_t> order(attributes_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [this](std::size_t a, std::size_t b) { return attributes_[a].key < attributes_[b].key; });
    std::vector<bool> dropped(attributes_.size());
    for (std::size_t i = 0; i < order.size();) {
      std::size_t last = i;
      while (last + 1 < order.size() && attributes_[order[last + 1]].key == attributes_[order[i]].key) ++last;
      if (last > i) attributes_[order[i]] = attributes_[order[last]];
      for (std::size_t j = i + 1; j <= last; ++j) dropped[order[j]] = true;
      i = last + 1;
    }
    std::size_t index = 0;
    std::erase_if(attributes_, [&](const Attribute&) { return static_cast<bool>(dropped[index++]); });
    return;
  }
  for (std::size_t i = 0; i < attributes_.size(); ++i) {
    for (std::size_t j = i + 1; j < attributes_.size();) {
      if (attributes_[j].key == attributes_[i].key) {
        attributes_[i] = attributes_[j];
        attributes_.erase(attributes_.begin() + static_cast<std::ptrdiff_t>(j));
      } else {
        ++j;
      }
    }
  }
}

std::string_view SpanDecoder::clean(std::string_view text, std::string& buffer) const {
  if (is_valid_utf8(text)) return text;
  buffer = sanitize_utf8(text);
  return buffer;
}

// Puts the value into its column, where it has the column's type.
bool SpanDecoder::write_column(SpanChunk& chunk, std::size_t attribute, std::string_view value) {
  const Scalar scalar = scalar_of(value);
  switch (attribute_columns()[attribute].type) {
    case ColumnType::text:
      if (scalar.type != Scalar::Type::text) return false;
      chunk.set_attribute(attribute, clean(scalar.text, clean_text_));
      return true;
    case ColumnType::i64:
      if (scalar.type != Scalar::Type::integer) return false;
      chunk.set_attribute(attribute, scalar.integer);
      return true;
    case ColumnType::f64:
      // A column of equal numbers is stored as one, and -0 equals 0.
      if (scalar.type != Scalar::Type::real || (scalar.real == 0 && std::signbit(scalar.real))) return false;
      chunk.set_attribute(attribute, scalar.real);
      return true;
    default: return false;
  }
}

void SpanDecoder::write_attributes(SpanChunk& chunk, const SpanFields& fields) {
  for (const Attribute& attribute : attributes_) {
    if (const auto column = find_attribute_column(attribute.key);
        column && write_column(chunk, *column, attribute.value)) {
      order_ += static_cast<char>(*column + 1);
      continue;
    }
    if (attribute.key == kTraceIdKey) {
      const Scalar scalar = scalar_of(attribute.value);
      if (scalar.type == Scalar::Type::text && is_hex_of(scalar.text, fields.key)) {
        order_ += kOrderTraceId;
        continue;
      }
    }
    order_ += kOrderRest;
    append_attribute(rest_, attribute.message);
  }
}

void SpanDecoder::span(std::string_view message) {
  const otlp::SpanKey key = *next_key_++;
  if (key.span == 0) return;
  SpanFields fields;
  fields.key = key;
  attributes_.clear();
  rest_.clear();
  order_.clear();
  read_fields(message, fields);
  read_attributes();
  if (may_repeat_) resolve_duplicate_keys();

  SpanChunk& chunk = target_->chunk();
  write_attributes(chunk, fields);
  const std::string_view name = clean(fields.name, clean_name_);
  chunk.set_u128(Column::trace_id, key.trace_high, key.trace_low);
  chunk.set_u64(Column::span_id, key.span);
  chunk.set_u64(Column::parent_id, fields.parent);
  chunk.set_u64(Column::start, fields.start);
  chunk.set_i64(Column::duration, static_cast<std::int64_t>(fields.end - fields.start));
  chunk.set_text(Column::name, name);
  chunk.set_i32(Column::kind, fields.kind);
  chunk.set_i32(Column::status, fields.status);
  if (!fields.status_message.empty()) {
    chunk.set_text(Column::status_message, clean(fields.status_message, clean_text_));
  }
  chunk.set_i64(Column::flags, fields.flags);
  if (has_service_) chunk.set_text(Column::service, service_);
  chunk.set_u64(Column::resource, resource_key_);
  chunk.set_u64(Column::scope, scope_key_);
  chunk.set_text(Column::attribute_order, order_);
  if (!rest_.empty()) chunk.set_text(Column::rest, rest_);
  chunk.set_i32(Column::events, fields.events);
  chunk.end_row(fields.start);
  target_->operation(has_service_ ? std::string_view(service_) : std::string_view(), name, fields.kind);
}

}  // namespace meshflow::store
