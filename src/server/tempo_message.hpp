// Messages of Tempo's API, each described once and written as JSON or as protobuf bytes.
//
// A description is a function that calls the writer for each field: its number and its name in pkg/tempopb/tempo.proto
// of Tempo 3, and its value. As in protobuf 3 a value that is 0, empty or false is left out, but for those of AnyValue.
// JSON is protobuf's mapping, as Tempo writes it: 64-bit integers are strings, fields in the order of their
// declaration, and lists that Tempo makes before it knows what is in them are there even when they are empty
// (WhenEmpty::written).
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include <protozero/pbf_writer.hpp>

#include "query/json_writer.hpp"
#include "query/traceql/cell.hpp"

namespace meshflow::server {

enum class WhenEmpty { left_out, written };

// The object around the fields is the caller's.
class JsonMessage {
 public:
  explicit JsonMessage(query::JsonWriter& out) : out_(out) {}

  void text(std::uint32_t /*number*/, std::string_view name, std::string_view value) {
    if (!value.empty()) out_.field(name, value);
  }
  void uint32(std::uint32_t /*number*/, std::string_view name, std::uint32_t value) {
    if (value == 0) return;
    out_.key(name);
    out_.integer(std::uint64_t{value});
  }
  void uint64(std::uint32_t /*number*/, std::string_view name, std::uint64_t value) {
    if (value != 0) out_.field(name, std::to_string(value));
  }
  void int64(std::uint32_t /*number*/, std::string_view name, std::int64_t value) {
    if (value != 0) out_.field(name, std::to_string(value));
  }
  void real(std::uint32_t /*number*/, std::string_view name, double value) {
    if (value == 0) return;
    out_.key(name);
    real(value);
  }
  // An enum's value, by its name.
  void word(std::uint32_t /*number*/, std::string_view name, std::uint32_t value, std::string_view word) {
    if (value != 0) out_.field(name, word);
  }
  template <typename Describe>
  void message(std::uint32_t /*number*/, std::string_view name, Describe describe) {
    out_.key(name);
    object(describe);
  }
  template <typename List, typename Describe>
  void each(std::uint32_t /*number*/, std::string_view name, const List& list, Describe describe,
            WhenEmpty when_empty = WhenEmpty::left_out) {
    if (list.empty() && when_empty == WhenEmpty::left_out) return;
    out_.key(name);
    out_.begin_array();
    for (const auto& element : list) object([&](JsonMessage& made) { describe(made, element); });
    out_.end_array();
  }
  // Written even when there are none.
  template <typename List>
  void texts(std::uint32_t /*number*/, std::string_view name, const List& list) {
    out_.key(name);
    out_.begin_array();
    for (const auto& element : list) out_.string(element);
    out_.end_array();
  }
  // map<string, message>: `key_of` and `describe` of each element.
  template <typename List, typename KeyOf, typename Describe>
  void map(std::uint32_t /*number*/, std::string_view name, const List& list, KeyOf key_of, Describe describe) {
    if (list.empty()) return;
    out_.key(name);
    out_.begin_object();
    for (const auto& element : list) {
      out_.key(key_of(element));
      object([&](JsonMessage& made) { describe(made, element); });
    }
    out_.end_object();
  }
  // A tempopb.common.v1.AnyValue.
  void value(std::uint32_t /*number*/, std::string_view name, const query::traceql::Cell& cell) {
    out_.key(name);
    any_value(cell);
  }

 private:
  template <typename Describe>
  void object(Describe describe) {
    out_.begin_object();
    describe(*this);
    out_.end_object();
  }
  void real(double value) {
    if (std::isfinite(value)) return out_.number(value);
    out_.string(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
  }
  void any_value(const query::traceql::Cell& cell);

  query::JsonWriter& out_;
};

class ProtobufMessage {
 public:
  explicit ProtobufMessage(std::string& out) : out_(out) {}

  void text(std::uint32_t number, std::string_view /*name*/, std::string_view value) {
    if (!value.empty()) out_.add_string(number, value.data(), value.size());
  }
  void uint32(std::uint32_t number, std::string_view /*name*/, std::uint32_t value) {
    if (value != 0) out_.add_uint32(number, value);
  }
  void uint64(std::uint32_t number, std::string_view /*name*/, std::uint64_t value) {
    if (value != 0) out_.add_uint64(number, value);
  }
  void int64(std::uint32_t number, std::string_view /*name*/, std::int64_t value) {
    if (value != 0) out_.add_int64(number, value);
  }
  void real(std::uint32_t number, std::string_view /*name*/, double value) {
    if (value != 0) out_.add_double(number, value);
  }
  void word(std::uint32_t number, std::string_view /*name*/, std::uint32_t value, std::string_view /*word*/) {
    if (value != 0) out_.add_enum(number, static_cast<std::int32_t>(value));
  }
  template <typename Describe>
  void message(std::uint32_t number, std::string_view /*name*/, Describe describe) {
    std::string body;
    ProtobufMessage made(body);
    describe(made);
    out_.add_message(number, body);
  }
  template <typename List, typename Describe>
  void each(std::uint32_t number, std::string_view name, const List& list, Describe describe,
            WhenEmpty /*when_empty*/ = WhenEmpty::left_out) {
    for (const auto& element : list) {
      message(number, name, [&](ProtobufMessage& made) { describe(made, element); });
    }
  }
  template <typename List>
  void texts(std::uint32_t number, std::string_view /*name*/, const List& list) {
    for (const std::string_view element : list) out_.add_string(number, element.data(), element.size());
  }
  template <typename List, typename KeyOf, typename Describe>
  void map(std::uint32_t number, std::string_view name, const List& list, KeyOf key_of, Describe describe) {
    for (const auto& element : list) {
      message(number, name, [&](ProtobufMessage& entry) {
        entry.text(1, "key", key_of(element));
        entry.message(2, "value", [&](ProtobufMessage& made) { describe(made, element); });
      });
    }
  }
  void value(std::uint32_t number, std::string_view /*name*/, const query::traceql::Cell& cell);

 private:
  protozero::pbf_writer out_;
};

}  // namespace meshflow::server
