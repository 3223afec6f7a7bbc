#include "store/rest.hpp"

#include <cstring>
#include <optional>

#include <fmt/format.h>
#include <re2/re2.h>
#include <protozero/pbf_reader.hpp>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "otlp/decode.hpp"
#include "otlp/decode_limits.hpp"
#include "otlp/fields.hpp"
#include "otlp/wire.hpp"
#include "store/columns.hpp"

namespace meshflow::store {
namespace {

using otlp::wire::kTag;
using otlp::wire::Type;
using protozero::pbf_reader;

// What a regular expression may take in memory; RE2's own default.
constexpr std::int64_t kRegexBytesMax = 8 << 20;

std::string_view view(pbf_reader& in) {
  const auto bytes = in.get_view();
  return {bytes.data(), bytes.size()};
}

// How many values there are, and how many of them fit.
struct Tally {
  std::size_t values = 0;
  std::size_t fitting = 0;
};

}  // namespace

class RestMatcher::Implementation {
 public:
  explicit Implementation(RestPredicate predicate) : predicate_(std::move(predicate)) {
    const auto* const text = std::get_if<std::string>(&predicate_.literal);
    const bool is_verbatim = predicate_.part != RestPart::link_trace_id && predicate_.part != RestPart::link_span_id;
    needle_ = text != nullptr && predicate_.test == RestTest::equal && is_verbatim ? *text : predicate_.key;
    if (predicate_.test != RestTest::matches && predicate_.test != RestTest::not_matches) return;
    RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_max_mem(kRegexBytesMax);
    regex_.emplace(std::get<std::string>(predicate_.literal), options);
  }
  [[nodiscard]] std::string problem() const { return regex_ && !regex_->ok() ? regex_->error() : std::string(); }

  [[nodiscard]] bool holds(std::string_view rest) const {
    if (::memmem(rest.data(), rest.size(), needle_.data(), needle_.size()) == nullptr) return false;
    Tally tally;
    pbf_reader in(rest.data(), rest.size());
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<otlp::SpanField::attributes, Type::length>:
          if (predicate_.part == RestPart::attribute) {
            attribute(view(in), tally);
          } else {
            in.skip();
          }
          break;
        case kTag<otlp::SpanField::events, Type::length>:
          if (predicate_.part == RestPart::event_attribute || predicate_.part == RestPart::event_name) {
            event(in.get_message(), tally);
          } else {
            in.skip();
          }
          break;
        case kTag<otlp::SpanField::links, Type::length>:
          if (predicate_.part == RestPart::link_attribute || predicate_.part == RestPart::link_trace_id ||
              predicate_.part == RestPart::link_span_id) {
            link(in.get_message(), tally);
          } else {
            in.skip();
          }
          break;
        default: in.skip();
      }
    }
    return tally.fitting > 0;
  }

 private:
  void attribute(std::string_view message, Tally& tally) const {
    std::string_view key;
    std::string_view value;
    pbf_reader in(message.data(), message.size());
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<otlp::KeyValueField::key, Type::length>: key = view(in); break;
        case kTag<otlp::KeyValueField::value, Type::length>: value = view(in); break;
        default: in.skip();
      }
    }
    if (key != predicate_.key) return;
    any_value(value, tally, 0);
  }

  // The last field of the oneof counts.
  void any_value(std::string_view message, Tally& tally, std::size_t depth) const {
    using F = otlp::AnyValueField;
    if (depth > otlp::DecodeLimits{}.value_depth_max) return;
    Tally own;
    bool is_array = false;
    pbf_reader in(message.data(), message.size());
    while (in.next()) {
      is_array = false;
      switch (in.tag_and_type()) {
        case kTag<F::string_value, Type::length>: own = one(text_fits(view(in))); break;
        case kTag<F::bool_value, Type::varint>: own = one(flag_fits(in.get_uint64() != 0)); break;
        case kTag<F::int_value, Type::varint>: own = one(integer_fits(in.get_int64())); break;
        case kTag<F::double_value, Type::fixed64>: own = one(real_fits(in.get_double())); break;
        case kTag<F::array_value, Type::length>:
          own = {};
          is_array = true;
          array(in.get_message(), own, depth);
          break;
        case kTag<F::kvlist_value, Type::length>:
        case kTag<F::bytes_value, Type::length>:
          in.skip();
          own = one(predicate_.test == RestTest::exists);
          break;
        default: in.skip();
      }
    }
    if (is_array) {
      const bool of_all = predicate_.test == RestTest::not_equal || predicate_.test == RestTest::not_matches;
      own = one(predicate_.test == RestTest::exists || (of_all ? own.fitting == own.values : own.fitting > 0));
    }
    tally.values += own.values;
    tally.fitting += own.fitting;
  }
  void array(pbf_reader in, Tally& tally, std::size_t depth) const {
    while (in.next()) {
      if (in.tag_and_type() == kTag<otlp::ListField::values, Type::length>) {
        any_value(view(in), tally, depth + 1);
      } else {
        in.skip();
      }
    }
  }

  void event(pbf_reader in, Tally& tally) const {
    std::string_view name;
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<otlp::EventField::name, Type::length>: name = view(in); break;
        case kTag<otlp::EventField::attributes, Type::length>:
          if (predicate_.part == RestPart::event_attribute) {
            attribute(view(in), tally);
          } else {
            in.skip();
          }
          break;
        default: in.skip();
      }
    }
    if (predicate_.part == RestPart::event_name) add(text_fits(name), tally);
  }
  void link(pbf_reader in, Tally& tally) const {
    std::string_view trace;
    std::string_view span;
    while (in.next()) {
      switch (in.tag_and_type()) {
        case kTag<otlp::LinkField::trace_id, Type::length>: trace = view(in); break;
        case kTag<otlp::LinkField::span_id, Type::length>: span = view(in); break;
        case kTag<otlp::LinkField::attributes, Type::length>:
          if (predicate_.part == RestPart::link_attribute) {
            attribute(view(in), tally);
          } else {
            in.skip();
          }
          break;
        default: in.skip();
      }
    }
    if (predicate_.part == RestPart::link_trace_id) add(text_fits(to_hex(trace)), tally);
    if (predicate_.part == RestPart::link_span_id) add(text_fits(to_hex(span)), tally);
  }

  static Tally one(bool fits) { return {1, fits ? std::size_t{1} : 0}; }
  static void add(bool fits, Tally& tally) {
    ++tally.values;
    tally.fitting += fits ? 1 : 0;
  }

  [[nodiscard]] bool text_fits(std::string_view text) const {
    if (predicate_.test == RestTest::exists) return true;
    const auto* const literal = std::get_if<std::string>(&predicate_.literal);
    if (literal == nullptr) return false;
    if (predicate_.test == RestTest::matches) return RE2::FullMatch(text, *regex_);
    if (predicate_.test == RestTest::not_matches) return !RE2::FullMatch(text, *regex_);
    return ordered(text, predicate_.test, std::string_view(*literal));
  }
  [[nodiscard]] bool flag_fits(bool flag) const {
    if (predicate_.test == RestTest::exists) return true;
    const bool* const literal = std::get_if<bool>(&predicate_.literal);
    const bool is_equality = predicate_.test == RestTest::equal || predicate_.test == RestTest::not_equal;
    return literal != nullptr && is_equality && ordered(flag, predicate_.test, *literal);
  }
  [[nodiscard]] bool integer_fits(std::int64_t number) const {
    if (const auto* const literal = std::get_if<std::int64_t>(&predicate_.literal)) {
      return ordered(number, predicate_.test, *literal);
    }
    return real_fits(static_cast<double>(number));
  }
  [[nodiscard]] bool real_fits(double number) const {
    if (predicate_.test == RestTest::exists) return true;
    if (const auto* const literal = std::get_if<double>(&predicate_.literal)) {
      return ordered(number, predicate_.test, *literal);
    }
    if (const auto* const literal = std::get_if<std::int64_t>(&predicate_.literal)) {
      return ordered(number, predicate_.test, static_cast<double>(*literal));
    }
    return false;
  }

  const RestPredicate predicate_;
  std::string needle_;  // bytes without which nothing fits: looking for them is quicker than reading fields
  std::optional<RE2> regex_;
};

RestMatcher::RestMatcher(std::unique_ptr<const Implementation> implementation)
    : implementation_(std::move(implementation)) {}
RestMatcher::~RestMatcher() = default;
RestMatcher::RestMatcher(RestMatcher&&) noexcept = default;
RestMatcher& RestMatcher::operator=(RestMatcher&&) noexcept = default;
bool RestMatcher::holds(std::string_view rest) const { return implementation_->holds(rest); }

// part, test, type of the literal, its length, ':', the literal, the key.
std::string encode(const RestPredicate& predicate) {
  struct Literal {
    std::pair<char, std::string> operator()(std::monostate) const { return {'-', {}}; }
    std::pair<char, std::string> operator()(bool flag) const { return {'b', flag ? "1" : "0"}; }
    std::pair<char, std::string> operator()(std::int64_t number) const { return {'i', fmt::format("{}", number)}; }
    std::pair<char, std::string> operator()(double number) const { return {'d', fmt::format("{}", number)}; }
    std::pair<char, std::string> operator()(const std::string& text) const { return {'s', text}; }
  };
  const auto [type, literal] = std::visit(Literal{}, predicate.literal);
  return fmt::format("{}{}{}{}:{}{}", static_cast<char>(predicate.part), static_cast<char>(predicate.test), type,
                     literal.size(), literal, predicate.key);
}

Result<RestMatcher> RestMatcher::parse(std::string_view encoded) {
  const auto refused = [] { return fail(ErrorCode::invalid_input, "this is no predicate of rest_holds"); };
  const std::size_t colon = encoded.find(':');
  if (colon == std::string_view::npos || colon < 4) return refused();
  RestPredicate predicate;
  predicate.part = static_cast<RestPart>(encoded[0]);
  predicate.test = static_cast<RestTest>(encoded[1]);
  std::size_t size = 0;
  for (const char digit : encoded.substr(3, colon - 3)) {
    if (digit < '0' || digit > '9' || size > encoded.size()) return refused();
    size = size * 10 + static_cast<std::size_t>(digit - '0');
  }
  if (size > encoded.size() - colon - 1) return refused();
  const std::string literal(encoded.substr(colon + 1, size));
  predicate.key = std::string(encoded.substr(colon + 1 + size));
  switch (encoded[2]) {
    case '-': break;
    case 'b': predicate.literal = literal == "1"; break;
    case 'i': predicate.literal = static_cast<std::int64_t>(std::strtoll(literal.c_str(), nullptr, 10)); break;
    case 'd': predicate.literal = std::strtod(literal.c_str(), nullptr); break;
    case 's': predicate.literal = literal; break;
    default: return refused();
  }
  const bool is_regex = predicate.test == RestTest::matches || predicate.test == RestTest::not_matches;
  if (is_regex && encoded[2] != 's') return refused();
  auto made = std::make_unique<const Implementation>(std::move(predicate));
  if (const std::string problem = made->problem(); !problem.empty()) {
    return fail(ErrorCode::invalid_input, fmt::format("the regular expression is not valid: {}", problem));
  }
  return RestMatcher(std::move(made));
}

// A span without ids cannot be decoded: some go before it.
Result<otlp::Span> read_rest(std::string_view rest) {
  using F = otlp::SpanField;
  static constexpr std::string_view kId = "0123456789abcdef";
  char ids[64];
  char* end = otlp::wire::write_length_field<F::trace_id>(ids, kId);
  end = otlp::wire::write_length_field<F::span_id>(end, kId.substr(0, 8));
  std::string message(ids, static_cast<std::size_t>(end - ids));
  message.append(rest);
  MESHFLOW_TRY(auto decoded, otlp::decode_span(message));
  return std::move(decoded.value);
}

namespace {

// Whether an event or a link has attributes; their field's number differs.
template <auto kAttributes>
bool has_attributes(pbf_reader message) {
  return message.next(static_cast<protozero::pbf_tag_type>(kAttributes));
}

std::uint64_t column_bit(pbf_reader attribute) {
  std::uint64_t bits = 0;
  while (attribute.next()) {
    if (attribute.tag_and_type() != kTag<otlp::KeyValueField::key, Type::length>) {
      attribute.skip();
    } else if (const auto column = find_attribute_column(view(attribute))) {
      bits = std::uint64_t{1} << *column;
    }
  }
  return bits;
}

}  // namespace

std::uint64_t columns_in_rest(std::string_view rest) {
  std::uint64_t bits = 0;
  pbf_reader in(rest.data(), rest.size());
  while (in.next()) {
    switch (in.tag_and_type()) {
      case kTag<otlp::SpanField::attributes, Type::length>: bits |= column_bit(in.get_message()); break;
      case kTag<otlp::SpanField::events, Type::length>:
        if (has_attributes<otlp::EventField::attributes>(in.get_message())) bits |= kEventOrLinkAttributes;
        break;
      case kTag<otlp::SpanField::links, Type::length>:
        if (has_attributes<otlp::LinkField::attributes>(in.get_message())) bits |= kEventOrLinkAttributes;
        break;
      default: in.skip();
    }
  }
  return bits;
}

}  // namespace meshflow::store
