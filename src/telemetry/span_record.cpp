#include "telemetry/span_record.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/bytes.hpp"
#include "otlp/wire.hpp"
#include "telemetry/clean.hpp"
#include "telemetry/trace_scope.hpp"
#include "telemetry/tracer_core.hpp"

namespace meshflow::telemetry {
namespace {

using otlp::EventField;
using otlp::LinkField;
using otlp::SpanField;
using otlp::StatusField;
namespace wire = otlp::wire;

// Tags and lengths of an attribute around its key and its value's content, at most.
constexpr std::size_t kAttributeOverheadMax = 4 * (1 + 5);
// An attribute of this size at most has lengths of one byte.
constexpr std::size_t kShortAttributeMax = 127;
constexpr std::size_t kShortOverhead = 3 * 2 + 2 + 8;  // three messages' tags and lengths inside it, and a value's

template <typename Word>
Word load(const char* bytes) noexcept {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Cheap and good enough to tell a span's keys apart: length, first and last eight bytes.
std::uint32_t hash_of(std::string_view key) noexcept {
  const char* const bytes = key.data();
  const std::size_t size = key.size();
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (size >= 8) {
    first = load<std::uint64_t>(bytes);
    last = load<std::uint64_t>(bytes + size - 8);
  } else if (size >= 4) {
    first = load<std::uint32_t>(bytes);
    last = load<std::uint32_t>(bytes + size - 4);
  } else if (size > 0) {
    first = static_cast<unsigned char>(bytes[0]);
    last = static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[size - 1])) << 8 |
           static_cast<unsigned char>(bytes[size / 2]);
  }
  const std::uint64_t mixed = (first ^ (last << 29 | last >> 35) ^ size) * 0x9E3779B97F4A7C15u;
  return static_cast<std::uint32_t>(mixed >> 32);
}

constexpr std::uint64_t kHighBits = 0x8080808080808080u;

bool is_ascii(std::string_view text) noexcept {
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t seen = 0;
  for (; left >= 8; at += 8, left -= 8) seen |= load<std::uint64_t>(at);
  for (; left > 0; ++at, --left) seen |= static_cast<unsigned char>(*at);
  return (seen & kHighBits) == 0;
}

template <typename Word>
Word copy_word(char* out, const char* in, std::size_t at) noexcept {
  const Word word = load<Word>(in + at);
  std::memcpy(out + at, &word, sizeof word);
  return word;
}

// Copies text, inlined and by words that overlap at the end since most texts are short, and tells whether it is ASCII.
[[gnu::always_inline]] inline bool copy_ascii(char* out, std::string_view text) noexcept {
  const char* const in = text.data();
  const std::size_t size = text.size();
  std::uint64_t seen = 0;
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) seen |= copy_word<std::uint64_t>(out, in, at);
    seen |= copy_word<std::uint64_t>(out, in, size - 8);
  } else if (size >= 4) {
    seen = copy_word<std::uint32_t>(out, in, 0);
    seen |= copy_word<std::uint32_t>(out, in, size - 4);
  } else {
    for (std::size_t at = 0; at < size; ++at) seen |= copy_word<std::uint8_t>(out, in, at);
  }
  return (seen & kHighBits) == 0;
}

std::size_t text_size(std::string_view text) noexcept { return text.size(); }
template <typename Scalar>
std::size_t text_size(Scalar) noexcept {
  return 0;
}

// The AnyValue of a short text, or of a scalar.
char* write_short_value(char* out, std::string_view text, bool& is_text_ascii) noexcept {
  out = wire::write_tag<otlp::AnyValueField::string_value, wire::Type::length>(out);
  *out++ = static_cast<char>(text.size());
  is_text_ascii = copy_ascii(out, text);
  return out + text.size();
}
template <typename Scalar>
char* write_short_value(char* out, Scalar value, bool&) noexcept {
  return wire::write_value(out, value);
}

std::uint32_t flags_of(const Context& context) noexcept {
  return context.trace_flags | otlp::kFlagsHasIsRemote | (context.is_remote ? otlp::kFlagsIsRemote : 0);
}

std::string_view view_of(const TraceId& id) noexcept {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}
std::string_view view_of(const SpanId& id) noexcept {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

template <auto kField>
std::size_t attributes_size(std::span<const Attribute> attributes) noexcept {
  std::size_t size = 0;
  for (const Attribute& attribute : attributes) size += wire::attribute_size<kField>(attribute.key, attribute.value);
  return size;
}

template <auto kField>
char* write_attributes(char* out, std::span<const Attribute> attributes) noexcept {
  for (const Attribute& attribute : attributes)
    out = wire::write_attribute<kField>(out, attribute.key, attribute.value);
  return out;
}

template <auto kField>
[[nodiscard]] std::size_t count_size(std::uint32_t count) noexcept {
  return count > 0 ? wire::varint_field_size<kField>(count) : 0;
}
template <auto kField>
char* write_count(char* out, std::uint32_t count) noexcept {
  return count > 0 ? wire::write_varint_field<kField>(out, count) : out;
}

}  // namespace

void SpanRecord::start(const Start& start) noexcept {
  tracer_ = &start.tracer;
  limits_ = &start.limits;
  local_root_start_unix_nanos_ = start.context.local_root_start_unix_nanos;
  const bool has_parent = start.parent.is_valid();
  const std::string_view trace_state = trace_state_of(start.context);

  char* out = bytes_.reserve(96 + wire::length_field_size<SpanField::trace_state>(trace_state.size()));
  if (out == nullptr) return;
  out = wire::write_length_field<SpanField::trace_id>(out, view_of(start.context.trace_id));
  out = wire::write_length_field<SpanField::span_id>(out, view_of(start.context.span_id));
  if (has_parent) out = wire::write_length_field<SpanField::parent_span_id>(out, view_of(start.parent.span_id));
  const std::uint32_t parent_flags = flags_of(start.parent) & ~otlp::kFlagsTraceFlagsMask;
  out = wire::write_fixed32_field<SpanField::flags>(out, start.context.trace_flags | parent_flags);
  out = wire::write_varint_field<SpanField::kind>(out, static_cast<std::uint64_t>(start.kind));
  out = wire::write_fixed64_field<SpanField::start_time_unix_nano>(out, static_cast<std::uint64_t>(start.unix_nanos));
  if (!trace_state.empty()) out = wire::write_length_field<SpanField::trace_state>(out, trace_state);
  bytes_.set_end(out);
  append_name(start.name);
}

void SpanRecord::append_name(std::string_view name) noexcept {
  std::string storage;
  if (!is_ascii(name)) name = clean_text(name, std::numeric_limits<std::size_t>::max(), storage);
  if (name.size() > kTextBytesMax) name = utf8_prefix(name, kTextBytesMax);
  name_offset_ = bytes_.size();
  name_size_ = static_cast<std::uint32_t>(wire::length_field_size<SpanField::name>(name.size()));
  char* const out = bytes_.reserve(name_size_);
  if (out == nullptr) {
    name_size_ = 0;
    return;
  }
  char* const body = wire::write_length_header<SpanField::name>(out, name.size());
  copy_ascii(body, name);
  bytes_.set_end(body + name.size());
}

SpanRecord::IndexEntry* SpanRecord::find(std::string_view key, std::uint32_t hash) noexcept {
  if ((seen_hashes_ & std::uint64_t{1} << (hash & 63)) == 0) return nullptr;
  IndexEntry* const end = index_.data() + index_.size();
  for (IndexEntry* entry = index_.data(); entry != end; ++entry) {
    if (entry->hash != hash) continue;
    // Tag, length, then the key's tag and length, then the key.
    const char* at = bytes_.data() + entry->offset + 1;
    while ((*at++ & 0x80) != 0) {
    }
    ++at;
    std::size_t size = 0;
    int shift = 0;
    do {
      size |= static_cast<std::size_t>(*at & 0x7F) << shift;
      shift += 7;
    } while ((*at++ & 0x80) != 0);
    if (std::string_view(at, size) == key) return entry;
  }
  return nullptr;
}

void SpanRecord::adopt_attribute(std::string_view key, std::uint32_t offset) noexcept {
  const std::uint32_t hash = hash_of(key);
  if (IndexEntry* const earlier = find(key, hash); earlier != nullptr) {
    const char* const field = bytes_.data() + earlier->offset;
    std::uint64_t body_size = 0;
    std::uint32_t length_size = 0;
    do {
      body_size |= static_cast<std::uint64_t>(field[1 + length_size] & 0x7F) << (7 * length_size);
    } while ((field[1 + length_size++] & 0x80) != 0);
    splice(earlier->offset, static_cast<std::uint32_t>(1 + length_size + body_size), offset);
    return;
  }
  IndexEntry* const entry = index_.size() < limits_->attribute_count ? index_.reserve(1) : nullptr;
  if (entry == nullptr) {
    bytes_.set_end(bytes_.data() + offset);
    ++dropped_attributes_;
    return;
  }
  *entry = {hash, offset};
  index_.set_end(entry + 1);
  seen_hashes_ |= std::uint64_t{1} << (hash & 63);
}

void SpanRecord::splice(std::uint32_t offset, std::uint32_t size, std::uint32_t tail) noexcept {
  const std::uint32_t tail_size = bytes_.size() - tail;
  const std::uint32_t delta = tail_size - size;  // modulo 2^32: adding it also takes away
  if (tail_size > size && bytes_.reserve(delta) == nullptr) {
    bytes_.set_end(bytes_.data() + tail);  // no memory: the earlier value stays
    return;
  }
  char* const bytes = bytes_.data();
  if (tail_size > size) {
    std::memmove(bytes + offset + tail_size, bytes + offset + size, bytes_.size() - offset - size);
    std::memcpy(bytes + offset, bytes + tail + delta, tail_size);
  } else {
    std::memcpy(bytes + offset, bytes + tail, tail_size);
    std::memmove(bytes + offset + tail_size, bytes + offset + size, tail - offset - size);
  }
  bytes_.set_end(bytes + tail + delta);
  if (delta == 0) return;
  for (std::uint32_t i = 0; i < index_.size(); ++i) {
    if (index_.data()[i].offset > offset) index_.data()[i].offset += delta;
  }
  if (name_offset_ > offset) name_offset_ += delta;
}

bool SpanRecord::has_hash(std::uint32_t hash) const noexcept {
  if ((seen_hashes_ & std::uint64_t{1} << (hash & 63)) == 0) return false;
  const IndexEntry* const end = index_.data() + index_.size();
  return std::any_of(index_.data(), end, [hash](const IndexEntry& entry) { return entry.hash == hash; });
}

template <typename Value>
inline bool SpanRecord::set_short(std::string_view key, const Value& value) noexcept {
  if (key.size() + text_size(value) > kShortAttributeMax - kShortOverhead || key.empty()) return false;
  const std::uint32_t hash = hash_of(key);
  if (index_.size() >= limits_->attribute_count || has_hash(hash)) return false;
  char* const field = room(2 + key.size() + text_size(value) + kShortOverhead);
  IndexEntry* const entry = index_.reserve(1);
  if (field == nullptr || entry == nullptr) return false;

  char* const body = wire::open_message<SpanField::attributes>(field);
  char* out = wire::write_tag<otlp::KeyValueField::key, wire::Type::length>(body);
  *out++ = static_cast<char>(key.size());
  bool is_value_ascii = true;
  const bool is_key_ascii = copy_ascii(out, key);
  char* const value_body = wire::open_message<otlp::KeyValueField::value>(out + key.size());
  out = write_short_value(value_body, value, is_value_ascii);
  value_body[-1] = static_cast<char>(out - value_body);
  body[-1] = static_cast<char>(out - body);
  if (!is_key_ascii || !is_value_ascii) return false;

  *entry = {hash, bytes_.size()};
  index_.set_end(entry + 1);
  seen_hashes_ |= std::uint64_t{1} << (hash & 63);
  bytes_.set_end(out);
  return true;
}

template <typename Value>
void SpanRecord::set_any(std::string_view key, const Value& value) noexcept {
  std::string storage;
  key = clean_text(key, std::numeric_limits<std::size_t>::max(), storage);
  const std::uint32_t offset = bytes_.size();
  char* const out = key.empty() ? nullptr : room(key.size() + kAttributeOverheadMax + wire::value_size(value));
  if (out == nullptr) {
    ++dropped_attributes_;
    return;
  }
  bytes_.set_end(wire::write_attribute<SpanField::attributes>(out, key, value));
  adopt_attribute(key, offset);
}

void SpanRecord::set_text(std::string_view key, std::string_view value) noexcept {
  const std::size_t length_max = limits_->attribute_value_length;
  if (value.size() <= length_max && set_short(key, value)) [[likely]]
    return;
  std::string storage;
  if (!is_ascii(value) || value.size() > length_max) value = clean_text(value, length_max, storage);
  set_any(key, value);
}

void SpanRecord::set_bool(std::string_view key, bool value) noexcept {
  if (!set_short(key, value)) [[unlikely]]
    set_any(key, value);
}
void SpanRecord::set_int(std::string_view key, std::int64_t value) noexcept {
  if (!set_short(key, value)) [[unlikely]]
    set_any(key, value);
}
void SpanRecord::set_double(std::string_view key, double value) noexcept {
  if (!set_short(key, value)) [[unlikely]]
    set_any(key, value);
}

void SpanRecord::set_value(std::string_view key, const AttributeValue& value) noexcept {
  if (const auto* text = std::get_if<std::string>(&value.value)) return set_text(key, *text);
  AttributeValue storage;
  set_any(key, clean_value(value, limits_->attribute_value_length, storage));
}

void SpanRecord::add_event(std::string_view name, std::span<const Attribute> attributes,
                           std::int64_t unix_nanos) noexcept {
  std::string name_storage;
  Attributes storage;
  name = utf8_prefix(clean_text(name, std::numeric_limits<std::size_t>::max(), name_storage), kTextBytesMax);
  const CleanAttributes clean =
      clean_attributes(attributes, limits_->event_attribute_count, limits_->attribute_value_length, storage);
  const std::size_t size = wire::kFixed64FieldSize<EventField::time_unix_nano> +
                           wire::length_field_size<EventField::name>(name.size()) +
                           attributes_size<EventField::attributes>(clean.view) +
                           count_size<EventField::dropped_attributes_count>(clean.dropped);
  char* out = events_ < limits_->event_count ? room(wire::length_field_size<SpanField::events>(size)) : nullptr;
  if (out == nullptr) {
    ++dropped_events_;
    return;
  }
  out = wire::write_length_header<SpanField::events>(out, size);
  out = wire::write_fixed64_field<EventField::time_unix_nano>(out, static_cast<std::uint64_t>(unix_nanos));
  out = wire::write_length_field<EventField::name>(out, name);
  out = write_attributes<EventField::attributes>(out, clean.view);
  bytes_.set_end(write_count<EventField::dropped_attributes_count>(out, clean.dropped));
  ++events_;
}

void SpanRecord::add_link(const Link& link) noexcept {
  Attributes storage;
  const CleanAttributes clean =
      clean_attributes(link.attributes, limits_->link_attribute_count, limits_->attribute_value_length, storage);
  const std::string_view trace_state = trace_state_of(link.context);
  const std::size_t size =
      wire::length_field_size<LinkField::trace_id>(link.context.trace_id.bytes.size()) +
      wire::length_field_size<LinkField::span_id>(link.context.span_id.bytes.size()) +
      (!trace_state.empty() ? wire::length_field_size<LinkField::trace_state>(trace_state.size()) : 0) +
      attributes_size<LinkField::attributes>(clean.view) +
      count_size<LinkField::dropped_attributes_count>(clean.dropped) + wire::kFixed32FieldSize<LinkField::flags>;
  char* out = links_ < limits_->link_count ? room(wire::length_field_size<SpanField::links>(size)) : nullptr;
  if (out == nullptr) {
    ++dropped_links_;
    return;
  }
  out = wire::write_length_header<SpanField::links>(out, size);
  out = wire::write_length_field<LinkField::trace_id>(out, view_of(link.context.trace_id));
  out = wire::write_length_field<LinkField::span_id>(out, view_of(link.context.span_id));
  if (!trace_state.empty()) out = wire::write_length_field<LinkField::trace_state>(out, trace_state);
  out = write_attributes<LinkField::attributes>(out, clean.view);
  out = write_count<LinkField::dropped_attributes_count>(out, clean.dropped);
  bytes_.set_end(wire::write_fixed32_field<LinkField::flags>(out, flags_of(link.context)));
  ++links_;
}

void SpanRecord::set_status(StatusCode code, std::string_view description) noexcept {
  if (code == StatusCode::unset || status_ == StatusCode::ok) return;
  status_ = code;
  if (status_message_ != nullptr) status_message_->clear();
  if (code != StatusCode::error) return;
  std::string storage;
  description = clean_text(description, std::numeric_limits<std::size_t>::max(), storage);
  if (description.empty()) return;
  if (status_message_ == nullptr) status_message_ = std::make_unique<std::string>();
  status_message_->assign(utf8_prefix(description, kTextBytesMax));
}

void SpanRecord::set_name(std::string_view name) noexcept {
  const std::uint32_t offset = name_offset_;
  const std::uint32_t size = name_size_;
  const std::uint32_t tail = bytes_.size();
  append_name(name);
  const std::uint32_t appended = bytes_.size() - tail;
  name_offset_ = offset;
  name_size_ = appended > 0 ? appended : size;
  if (appended > 0) splice(offset, size, tail);
}

void SpanRecord::finish(std::int64_t end_unix_nanos) noexcept {
  const std::size_t message_size = status_message_ != nullptr && !status_message_->empty()
                                       ? wire::length_field_size<StatusField::message>(status_message_->size())
                                       : 0;
  constexpr std::size_t kOthersMax = 9 + 8 + 3 * 7;  // the time, the status around its message, three counts
  char* out = bytes_.reserve(kOthersMax + message_size);
  if (out == nullptr) return;
  out = wire::write_fixed64_field<SpanField::end_time_unix_nano>(out, static_cast<std::uint64_t>(end_unix_nanos));
  if (status_ != StatusCode::unset) {
    const auto code = static_cast<std::uint64_t>(status_);
    out = wire::write_length_header<SpanField::status>(out,
                                                       message_size + wire::varint_field_size<StatusField::code>(code));
    if (message_size > 0) out = wire::write_length_field<StatusField::message>(out, *status_message_);
    out = wire::write_varint_field<StatusField::code>(out, code);
  }
  out = write_count<SpanField::dropped_attributes_count>(out, dropped_attributes_);
  out = write_count<SpanField::dropped_events_count>(out, dropped_events_);
  out = write_count<SpanField::dropped_links_count>(out, dropped_links_);
  bytes_.set_end(out);
}

void SpanRecord::recycle() noexcept {
  bytes_.clear();
  bytes_.trim(kPooledBytesMax);
  index_.clear();
  index_.trim(kAttributesMax / 64);
  retention.reset();
  holds_credit = false;
  is_local_root = false;
  seen_hashes_ = 0;
  dropped_attributes_ = events_ = dropped_events_ = links_ = dropped_links_ = 0;
  name_offset_ = name_size_ = 0;
  status_ = StatusCode::unset;
  if (status_message_ != nullptr) {
    status_message_->clear();
    if (status_message_->capacity() > kPooledBytesMax) status_message_.reset();
  }
}

}  // namespace meshflow::telemetry
