// JSON text as a tree, bounded, with exact numbers. Private to the room.
#pragma once

#include <string_view>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>

#include "otlp/decode_guard.hpp"

namespace meshflow::otlp {

// A parsed document. The values live in the document's own memory, all freed at once.
class JsonDocument {
 public:
  // Throws DecodeFailure: invalid_input with line and column, or limit_exceeded. Text may hold invalid UTF-8.
  JsonDocument(std::string_view text, const DecodeLimits& limits, const DecodeGuard& guard);
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;
  ~JsonDocument() = default;

  [[nodiscard]] const boost::json::value& root() const { return root_; }

 private:
  boost::json::monotonic_resource memory_;
  boost::json::value root_;
};

}  // namespace meshflow::otlp
