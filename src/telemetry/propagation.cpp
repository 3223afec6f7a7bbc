// W3C Trace Context level 2, W3C Baggage, and Zipkin's B3 (single and multiple headers).
#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "base/bytes.hpp"
#include "meshflow/telemetry/context.hpp"
#include "telemetry/trace_scope.hpp"

namespace meshflow::telemetry {
namespace {

constexpr std::size_t kTraceStateBytesMax = 512;
constexpr std::size_t kTraceStateEntriesMax = 32;
constexpr std::size_t kTraceStateTextMax = 256;  // of one key or one value
constexpr std::size_t kBaggageBytesMax = 8192;
constexpr std::size_t kBaggageEntriesMax = 64;

constexpr std::uint8_t kSampled = 1;
constexpr std::uint8_t kKnownFlags = 3;  // sampled, random

constexpr std::string_view kTraceParent = "traceparent";
constexpr std::string_view kTraceState = "tracestate";
constexpr std::string_view kBaggage = "baggage";
constexpr std::string_view kB3 = "b3";
constexpr std::string_view kB3TraceId = "X-B3-TraceId";
constexpr std::string_view kB3SpanId = "X-B3-SpanId";
constexpr std::string_view kB3Sampled = "X-B3-Sampled";
constexpr std::string_view kB3Flags = "X-B3-Flags";

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
constexpr char to_lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_lower_hex_text(std::string_view text) { return std::all_of(text.begin(), text.end(), is_lower_hex); }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Takes what stands before `separator` off the front of `rest`.
std::string_view next_piece(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view piece = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return piece;
}

// The values under `name` in any case; a carrier whose names are exact has one at most.
std::vector<std::string_view> values_of(const Carrier& carrier, std::string_view name) {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : carrier) {
    const bool is_same = std::equal(key.begin(), key.end(), name.begin(), name.end(),
                                    [](char a, char b) { return to_lower(a) == to_lower(b); });
    if (is_same) values.push_back(trimmed(value));
  }
  return values;
}

// The value where there is exactly one, else empty.
std::string_view value_of(const Carrier& carrier, std::string_view name) {
  const auto values = values_of(carrier, name);
  return values.size() == 1 ? values.front() : std::string_view();
}

std::shared_ptr<TraceScope> scope_copy(const Context& context) {
  return context.scope ? std::make_shared<TraceScope>(*context.scope) : std::make_shared<TraceScope>();
}

// ---- W3C Trace Context --------------------------------------------------------------------------------------------

int hex_value(char c) { return is_digit(c) ? c - '0' : c - 'a' + 10; }

// "Parsing the traceparent": version 00 has exactly four fields; later ones may have more.
Context parse_trace_parent(std::string_view header) {
  constexpr std::size_t kSize = 55;
  if (header.size() < kSize || header[2] != '-' || header[35] != '-' || header[52] != '-') return {};
  const std::string_view version = header.substr(0, 2);
  const std::string_view flags = header.substr(53, 2);
  if (!is_lower_hex_text(version) || version == "ff" || !is_lower_hex_text(flags)) return {};
  if (version == "00" ? header.size() != kSize : header.size() > kSize && header[kSize] != '-') return {};
  if (!is_lower_hex_text(header.substr(3, 32)) || !is_lower_hex_text(header.substr(36, 16))) return {};
  const auto trace_id = TraceId::parse(header.substr(3, 32));
  const auto span_id = SpanId::parse(header.substr(36, 16));
  if (!trace_id || !span_id) return {};
  Context context;
  context.trace_id = *trace_id;
  context.span_id = *span_id;
  const std::uint8_t known = version == "00" ? kKnownFlags : kSampled;  // of a later version only sampled is sure
  context.trace_flags = static_cast<std::uint8_t>((hex_value(flags[0]) * 16 + hex_value(flags[1])) & known);
  context.is_remote = true;
  return context;
}

bool is_trace_state_key(std::string_view key) {
  if (key.empty() || key.size() > kTraceStateTextMax || !(is_lower(key[0]) || is_digit(key[0]))) return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
  });
}

bool is_trace_state_value(std::string_view value) {
  if (value.empty() || value.size() > kTraceStateTextMax) return false;
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

// Valid entries joined by commas, of a key that comes twice the first (it is the newest). Empty where any entry is
// malformed or there are too many: a trace goes on without its state.
std::string parse_trace_state(const std::vector<std::string_view>& headers) {
  std::string state;
  std::vector<std::string_view> keys;
  for (std::string_view rest : headers) {
    while (!rest.empty()) {
      const std::string_view entry = trimmed(next_piece(rest, ','));
      if (entry.empty()) continue;
      const std::size_t equals = entry.find('=');
      if (equals == std::string_view::npos) return {};
      const std::string_view key = entry.substr(0, equals);
      if (!is_trace_state_key(key) || !is_trace_state_value(entry.substr(equals + 1))) return {};
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      keys.push_back(key);
      if (keys.size() > kTraceStateEntriesMax) return {};
      if (!state.empty()) state += ',';
      state += entry;
    }
  }
  if (state.size() > kTraceStateBytesMax) return {};
  return state;
}

Context extract_trace_context(const Carrier& carrier) {
  Context context = parse_trace_parent(value_of(carrier, kTraceParent));
  if (!context.is_valid()) return {};
  std::string state = parse_trace_state(values_of(carrier, kTraceState));
  if (state.empty()) return context;
  context.scope = scope_copy(context);
  context.scope->trace_state = std::move(state);
  return context;
}

void inject_trace_context(const Context& context, Carrier& carrier) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string header = "00-" + context.trace_id.hex() + "-" + context.span_id.hex() + "-0";
  header += kDigits[context.trace_flags & kKnownFlags];
  carrier[std::string(kTraceParent)] = std::move(header);
  const std::string_view state = trace_state_of(context);
  if (!state.empty()) carrier[std::string(kTraceState)] = state;
}

// ---- W3C Baggage --------------------------------------------------------------------------------------------------

// RFC 7230, "token".
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_digit(c) || is_lower(c) || is_upper(c) || kMarks.find(c) != std::string_view::npos;
  });
}

constexpr bool is_baggage_octet(char c) { return c > ' ' && c <= '~' && c != '"' && c != ',' && c != ';' && c != '\\'; }

std::string percent_decoded(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' && i + 2 < text.size() ? from_hex(text.substr(i + 1, 2)) : std::nullopt;
    if (byte && byte->size() == 1) {
      bytes += *byte;
      i += 2;
    } else {
      bytes += text[i];
    }
  }
  return sanitize_utf8(bytes);
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_baggage_octet(c) && c != '%') {
      out += c;
    } else {
      out += '%';
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

// Malformed entries are left out; of a key that comes twice the last value counts. Properties (";…") are not kept.
Baggage parse_baggage(const std::vector<std::string_view>& headers) {
  Baggage baggage;
  std::size_t size = 0;
  std::size_t entries = 0;
  for (std::string_view rest : headers) {
    size += rest.size();
    while (!rest.empty()) {
      std::string_view entry = next_piece(rest, ',');
      if (trimmed(entry).empty()) continue;
      if (++entries > kBaggageEntriesMax || size > kBaggageBytesMax) return {};
      const std::string_view member = next_piece(entry, ';');
      const std::size_t equals = member.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view key = trimmed(member.substr(0, equals));
      const std::string_view text = trimmed(member.substr(equals + 1));
      if (!is_token(key) || !std::all_of(text.begin(), text.end(), is_baggage_octet)) continue;
      const auto same = std::find_if(baggage.begin(), baggage.end(), [&](const auto& e) { return e.first == key; });
      if (same != baggage.end()) {
        same->second = percent_decoded(text);
      } else {
        baggage.emplace_back(std::string(key), percent_decoded(text));
      }
    }
  }
  return baggage;
}

void inject_baggage(const Context& context, Carrier& carrier) {
  std::string header;
  std::size_t entries = 0;
  for (const auto& [key, value] : baggage_of(context)) {
    if (!is_token(key)) continue;
    const std::string entry = key + "=" + percent_encoded(value);
    if (header.size() + 1 + entry.size() > kBaggageBytesMax || ++entries > kBaggageEntriesMax) break;
    if (!header.empty()) header += ',';
    header += entry;
  }
  if (!header.empty()) carrier[std::string(kBaggage)] = std::move(header);
}

// ---- B3 -----------------------------------------------------------------------------------------------------------

struct B3 {
  std::string_view trace_id;
  std::string_view span_id;
  std::string_view sampled;  // "1", "0", "d" or empty: not decided
};

Context context_of(const B3& b3) {
  constexpr std::string_view kZeros = "0000000000000000";
  std::string trace_id(b3.trace_id);
  if (trace_id.size() == 16) trace_id.insert(0, kZeros);  // ids of 64 bits
  const auto parsed_trace_id = TraceId::parse(trace_id);
  const auto span_id = SpanId::parse(b3.span_id);
  constexpr std::array<std::string_view, 4> kStates{"", "0", "1", "d"};
  const bool is_state = std::find(kStates.begin(), kStates.end(), b3.sampled) != kStates.end();
  if (!parsed_trace_id || !span_id || !is_state) return {};
  Context context;
  context.trace_id = *parsed_trace_id;
  context.span_id = *span_id;
  context.is_remote = true;
  if (b3.sampled == "1" || b3.sampled == "d") context.trace_flags = kSampled;
  if (b3.sampled == "d") {
    context.scope = scope_copy(context);
    context.scope->is_b3_debug = true;
  }
  return context;
}

Context extract_b3(const Carrier& carrier) {
  if (std::string_view header = value_of(carrier, kB3); !header.empty()) {
    B3 b3;
    b3.trace_id = next_piece(header, '-');
    b3.span_id = next_piece(header, '-');
    b3.sampled = next_piece(header, '-');
    const bool has_parent = !header.empty();
    if (!has_parent || SpanId::parse(header)) {
      if (Context context = context_of(b3); context.is_valid()) return context;
    }
  }
  B3 b3{value_of(carrier, kB3TraceId), value_of(carrier, kB3SpanId), value_of(carrier, kB3Sampled)};
  if (b3.sampled == "true") b3.sampled = "1";  // older senders
  if (b3.sampled == "false") b3.sampled = "0";
  if (value_of(carrier, kB3Flags) == "1") b3.sampled = "d";
  return context_of(b3);
}

std::string_view b3_state(const Context& context) {
  if (context.scope && context.scope->is_b3_debug) return "d";
  return context.is_sampled() ? "1" : "0";
}

void inject_b3(const Context& context, Carrier& carrier) {
  carrier[std::string(kB3)] =
      context.trace_id.hex() + "-" + context.span_id.hex() + "-" + std::string(b3_state(context));
}

void inject_b3_multi(const Context& context, Carrier& carrier) {
  carrier[std::string(kB3TraceId)] = context.trace_id.hex();
  carrier[std::string(kB3SpanId)] = context.span_id.hex();
  const std::string_view state = b3_state(context);
  if (state == "d") {
    carrier[std::string(kB3Flags)] = "1";  // implies sampled, which must not be sent beside it
  } else {
    carrier[std::string(kB3Sampled)] = state;
  }
}

}  // namespace

Context extract(const Carrier& carrier, const std::vector<Propagator>& propagators) {
  Context context;
  for (const Propagator propagator : propagators) {
    if (context.is_valid() || propagator == Propagator::baggage) continue;
    context = propagator == Propagator::tracecontext ? extract_trace_context(carrier) : extract_b3(carrier);
  }
  if (std::find(propagators.begin(), propagators.end(), Propagator::baggage) != propagators.end()) {
    Baggage baggage = parse_baggage(values_of(carrier, kBaggage));
    if (!baggage.empty()) context = with_baggage(std::move(context), std::move(baggage));
  }
  return context;
}

void inject(const Context& context, Carrier& carrier, const std::vector<Propagator>& propagators) {
  if (!context.is_valid()) return;
  for (const Propagator propagator : propagators) {
    switch (propagator) {
      case Propagator::tracecontext: inject_trace_context(context, carrier); break;
      case Propagator::baggage: inject_baggage(context, carrier); break;
      case Propagator::b3: inject_b3(context, carrier); break;
      case Propagator::b3multi: inject_b3_multi(context, carrier); break;
    }
  }
}

}  // namespace meshflow::telemetry
