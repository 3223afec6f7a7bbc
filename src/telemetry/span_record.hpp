// The encoded form of one span while it is recorded and until it has been exported.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "meshflow/telemetry/span.hpp"
#include "otlp/wire.hpp"
#include "telemetry/inline_array.hpp"
#include "telemetry/provider.hpp"

namespace meshflow::telemetry {

class Lane;
class Retention;
struct TracerCore;

// An OTLP Span message under construction: each setter appends its field's bytes, so that ending a span leaves nothing
// to do but to hand the bytes over. Comes from the pool of a Lane and goes back there. One thread at a time.
// Fields stand in the order in which they were written; protobuf readers take any.
class SpanRecord {
 public:
  // Attributes, events and links that would make the span longer are dropped and counted: a receiver's usual limit on
  // a message (gRPC's default, 4 MiB) would refuse it, and its whole batch with it.
  static constexpr std::uint32_t kContentBytesMax = 3u << 20;
  // Names and status messages are cut to this.
  static constexpr std::uint32_t kTextBytesMax = 16 * 1024;
  // A span takes 250 to 400 bytes while it is open: an agent that waits for hours holds no more. Longer ones move to
  // the heap, and their records keep that place in the pool, so that recording goes on without allocating.
  static constexpr std::uint32_t kInlineBytes = 432;
  // Heap storage beyond this is given back after the export.
  static constexpr std::uint32_t kPooledBytesMax = 8 * 1024;

  explicit SpanRecord(Lane& home_lane) noexcept : home(home_lane) {}
  SpanRecord(const SpanRecord&) = delete;
  SpanRecord& operator=(const SpanRecord&) = delete;

  struct Start {
    const TracerCore& tracer;
    const SpanLimits& limits;
    const Context& context;  // of the span itself
    const Context& parent;  // may be invalid
    std::string_view name;
    SpanKind kind;
    std::int64_t unix_nanos;
  };
  void start(const Start& start) noexcept;

  void set_text(std::string_view key, std::string_view value) noexcept;
  void set_bool(std::string_view key, bool value) noexcept;
  void set_int(std::string_view key, std::int64_t value) noexcept;
  void set_double(std::string_view key, double value) noexcept;
  void set_value(std::string_view key, const AttributeValue& value) noexcept;
  void add_event(std::string_view name, std::span<const Attribute> attributes, std::int64_t unix_nanos) noexcept;
  void add_link(const Link& link) noexcept;
  void set_status(StatusCode code, std::string_view description) noexcept;
  void set_name(std::string_view name) noexcept;
  // Writes what is known only now; bytes() is a whole Span message afterwards.
  void finish(std::int64_t end_unix_nanos) noexcept;

  // What begins the bytes of every record and tells them apart: trace id and span id, with their tags.
  [[nodiscard]] static std::string_view identity_of(std::string_view bytes) noexcept {
    return bytes.substr(0, otlp::wire::length_field_size<otlp::SpanField::trace_id>(sizeof(TraceId)) +
                               otlp::wire::length_field_size<otlp::SpanField::span_id>(sizeof(SpanId)));
  }

  [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_.data(), bytes_.size()}; }
  [[nodiscard]] const TracerCore& tracer() const noexcept { return *tracer_; }
  [[nodiscard]] std::int64_t local_root_start_unix_nanos() const noexcept { return local_root_start_unix_nanos_; }
  // Makes it ready for the pool.
  void recycle() noexcept;

  // Bookkeeping of those who hold it.
  Lane& home;  // whose pool it belongs to
  SpanRecord* next = nullptr;  // in a pool
  std::uint64_t end_stamp = 0;  // orders ended spans
  bool holds_credit = false;  // occupies a place of the processor's queue
  bool is_local_root = false;  // decides on what Retention holds
  std::shared_ptr<Retention> retention;  // null: exported whatever happens

 private:
  struct IndexEntry {
    std::uint32_t hash;
    std::uint32_t offset;  // of the attribute's field in bytes_
  };
  static constexpr std::uint32_t kInlineAttributes = 10;
  static constexpr std::uint32_t kAttributesMax = 1u << 16;
  static constexpr std::uint32_t kBytesMax = kContentBytesMax + 4 * kTextBytesMax;  // what ends a span always fits

  // The end of bytes_ with room for `more`, or null where the span would pass kContentBytesMax.
  [[nodiscard]] char* room(std::size_t more) noexcept {
    return bytes_.size() + more <= kContentBytesMax ? bytes_.reserve(more) : nullptr;
  }

  // A new attribute whose lengths fit one byte each and whose text is ASCII: nearly all of them. False: nothing done.
  template <typename Value>
  [[nodiscard]] bool set_short(std::string_view key, const Value& value) noexcept;
  // Any attribute that is clean already but for its key.
  template <typename Value>
  void set_any(std::string_view key, const Value& value) noexcept;
  [[nodiscard]] bool has_hash(std::uint32_t hash) const noexcept;
  [[nodiscard]] IndexEntry* find(std::string_view key, std::uint32_t hash) noexcept;
  // Takes what was appended from `offset` on as the attribute `key`: new, or in place of its earlier value.
  void adopt_attribute(std::string_view key, std::uint32_t offset) noexcept;
  // Replaces `size` bytes at `offset` by those from `tail` to the end, which move there.
  void splice(std::uint32_t offset, std::uint32_t size, std::uint32_t tail) noexcept;
  void append_name(std::string_view name) noexcept;

  const TracerCore* tracer_ = nullptr;
  const SpanLimits* limits_ = nullptr;
  std::int64_t local_root_start_unix_nanos_ = 0;
  std::uint64_t seen_hashes_ = 0;  // a bit for each hash in the index: most keys are new, and this tells so
  std::uint32_t dropped_attributes_ = 0;
  std::uint32_t events_ = 0;
  std::uint32_t dropped_events_ = 0;
  std::uint32_t links_ = 0;
  std::uint32_t dropped_links_ = 0;
  std::uint32_t name_offset_ = 0;
  std::uint32_t name_size_ = 0;  // of the field
  StatusCode status_ = StatusCode::unset;
  std::unique_ptr<std::string> status_message_;  // null: the record never had an error; empty: none
  InlineArray<IndexEntry, kInlineAttributes, kAttributesMax> index_;
  InlineArray<char, kInlineBytes, kBytesMax> bytes_;
};

}  // namespace meshflow::telemetry
