// OTLP requests straight into column chunks: each byte is looked at once. Private to the room.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/inspect.hpp"
#include "store/span_chunk.hpp"

namespace meshflow::store {

// What a decoder writes to.
class DecodeTarget {
 public:
  virtual ~DecodeTarget() = default;
  // The chunk that has room for one more row. Its mutex is held until the request is decoded.
  virtual SpanChunk& chunk() = 0;
  // A resource or scope of some span, by its key: the same bytes always have the same key, and are told again and
  // again. `message`: a ResourceSpans without scopes, a ScopeSpans without spans.
  virtual void resource(std::uint64_t key, std::string_view message) = 0;
  virtual void scope(std::uint64_t key, std::string_view message) = 0;
  // After a span was written: for listings.
  virtual void operation(std::string_view service, std::string_view name, std::int32_t kind) = 0;
};

// One thread at a time. Its buffers are kept from request to request.
class SpanDecoder {
 public:
  // `seed`: of the keys; the same for the life of a store.
  explicit SpanDecoder(std::uint64_t seed) : seed_(seed) {}

  // Writes the spans of a request that otlp::inspect_traces accepted; those whose entry in `keys` has no span id are
  // left out: rejected, or here already.
  void decode(std::string_view request, const std::vector<otlp::SpanKey>& keys, DecodeTarget& target);

  // "meshflow.run_id" as the index of traces has it; never 0.
  [[nodiscard]] static std::uint64_t run_key(std::string_view run_id) noexcept;

 private:
  struct Attribute {
    std::string_view key;
    std::string_view value;    // the AnyValue message; empty where there is none
    std::string_view message;  // the KeyValue whole
  };
  struct SpanFields;

  void resource_spans(std::string_view message);
  void scope_spans(std::string_view message);
  void span(std::string_view message);
  void read_fields(std::string_view message, SpanFields& fields);
  void read_attributes();
  void resolve_duplicate_keys();
  void write_attributes(SpanChunk& chunk, const SpanFields& fields);
  [[nodiscard]] bool write_column(SpanChunk& chunk, std::size_t attribute, std::string_view value);
  [[nodiscard]] std::string_view clean(std::string_view text, std::string& buffer) const;

  const std::uint64_t seed_;
  DecodeTarget* target_ = nullptr;
  const otlp::SpanKey* next_key_ = nullptr;
  std::uint64_t resource_key_ = 0;
  std::uint64_t scope_key_ = 0;
  std::string service_;
  bool has_service_ = false;
  bool may_repeat_ = false;  // two keys of the span's attributes may be the same
  std::vector<Attribute> attributes_;
  std::string rest_;
  std::string order_;
  std::string context_;  // a resource or scope message
  std::string clean_name_;
  std::string clean_text_;
};

// In attribute_order: where the next attribute of the span is. Other codes are 1 + its attribute column.
inline constexpr char kOrderRest = 0x7F;     // the next of those in rest
inline constexpr char kOrderTraceId = 0x7E;  // meshflow.trace_id, whose value is the trace id in hex: not stored

inline constexpr std::string_view kTraceIdKey = "meshflow.trace_id";

}  // namespace meshflow::store
