// JSON text, written piece by piece as Go's encoding/json writes values: what Jaeger's and Tempo's clients are used to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace meshflow::query {

// Appends values; commas are its own affair. The caller opens and closes objects and arrays in order, and calls key()
// before each value of an object. Text that is not UTF-8 is repaired (U+FFFD). One thread at a time.
class JsonWriter {
 public:
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view name);

  void string(std::string_view text);
  void boolean(bool value) { raw(value ? "true" : "false"); }
  void null() { raw("null"); }
  void integer(std::int64_t value);
  void integer(std::uint64_t value);
  // A number where a double holds it exactly, else its decimal text.
  void exact_integer(std::int64_t value);
  // As ECMAScript writes numbers: 0.1, 1e-7, 100. JSON has none for infinities and NaN: those are strings.
  void number(double value);
  // A value that is JSON already.
  void raw(std::string_view json);

  void field(std::string_view name, std::string_view text) {
    key(name);
    string(text);
  }

  [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }
  // What has been written since the last take(). May be called at any point between two values.
  [[nodiscard]] std::string take();

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();

  std::string out_;
  bool needs_comma_ = false;
};

// A JSON string with its quotes. `escape_html`: as Go's encoder does it, also '<', '>', '&', U+2028 and U+2029.
void append_json_string(std::string& out, std::string_view text, bool escape_html);

// What JsonWriter::exact_integer writes.
void append_exact_integer(std::string& out, std::int64_t value);

// The shortest decimal text that reads back as `value`, as ECMAScript and Go's encoding/json write it ("1e-7",
// "1e+21"). "NaN", "+Inf" and "-Inf" for what is no number.
[[nodiscard]] std::string json_double(double value);

}  // namespace meshflow::query
