#include "otlp/json_parse.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>

namespace meshflow::otlp {
namespace {

namespace json = boost::json;

// Builds the tree while Boost's parser walks the text. In place of Boost's own handler for two reasons: values are
// counted while they come, and doubles are read exactly (Boost 1.81 may be off in the last bit).
class TreeBuilder {
 public:
  // What basic_parser asks of a handler: its own limits. Ours count differently.
  // NOLINTBEGIN(readability-identifier-naming): the names are the library's.
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  // NOLINTEND(readability-identifier-naming)

  TreeBuilder(json::storage_ptr memory, const DecodeGuard& guard) : guard_(guard) { stack_.reset(std::move(memory)); }

  [[nodiscard]] json::value release() { return stack_.release(); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return count(); }
  bool on_object_end(std::size_t size, json::error_code&) {
    stack_.push_object(size);
    return true;
  }
  bool on_array_begin(json::error_code&) { return count(); }
  bool on_array_end(std::size_t size, json::error_code&) {
    stack_.push_array(size);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_key(part);
    return count();
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_string(part);
    return count();
  }
  bool on_number_part(json::string_view part, json::error_code&) {
    number_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) {
    number_.clear();
    stack_.push_int64(number);
    return count();
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
    number_.clear();
    stack_.push_uint64(number);
    return count();
  }
  bool on_double(double approximate, json::string_view part, json::error_code&) {
    number_.append(part.data(), part.size());
    double exact = approximate;  // kept where the text is out of range: an infinity or zero
    std::from_chars(number_.data(), number_.data() + number_.size(), exact);
    number_.clear();
    stack_.push_double(exact);
    return count();
  }
  bool on_bool(bool flag, json::error_code&) {
    stack_.push_bool(flag);
    return count();
  }
  bool on_null(json::error_code&) {
    stack_.push_null();
    return count();
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool count() {
    guard_.check_json_values(++values_);
    return true;
  }

  const DecodeGuard& guard_;
  json::value_stack stack_;
  std::string number_;  // the pieces so far of a number's text
  std::size_t values_ = 0;
};

// Objects and arrays inside one another that OTLP needs: 12 from the root to the value of an event's attribute, then 4
// (kvlistValue, values, element, value) for each level. One level more than allowed still parses, so that it is the
// reader of values that finds it.
std::size_t json_depth_max(const DecodeLimits& limits) { return 12 + 4 * (limits.value_depth_max + 1); }

[[noreturn]] void fail_at(std::string_view text, std::size_t offset, const json::error_code& error) {
  const std::string_view before = text.substr(0, offset);
  const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  throw DecodeFailure{{.code = ErrorCode::invalid_input,
                       .message = fmt::format("not valid JSON: {}", error.message()),
                       .position = SourcePosition{
                           .file = {},
                           .line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
                           .column = static_cast<int>(before.size() - line_start) + 1,
                       }}};
}

}  // namespace

JsonDocument::JsonDocument(std::string_view text, const DecodeLimits& limits, const DecodeGuard& guard) {
  json::parse_options options;
  options.max_depth = json_depth_max(limits);
  options.allow_invalid_utf8 = true;  // mended by the reader, as in protobuf
  json::basic_parser<TreeBuilder> parser(options, &memory_, guard);
  json::error_code error;
  const std::size_t parsed = parser.write_some(false, text.data(), text.size(), error);
  if (error == json::error::too_deep) {
    throw DecodeFailure{{.code = ErrorCode::limit_exceeded,
                         .message = fmt::format("JSON is nested deeper than the {} levels that OTLP needs (limit "
                                                "value_depth_max)",
                                                options.max_depth)}};
  }
  if (!error && parsed < text.size()) error = json::error::extra_data;
  if (error) fail_at(text, parsed, error);
  root_ = parser.handler().release();
}

}  // namespace meshflow::otlp
