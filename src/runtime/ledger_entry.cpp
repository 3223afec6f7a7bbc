#include "runtime/ledger_entry.hpp"

#include <array>

#include "base/bytes.hpp"

namespace meshflow::runtime {
namespace {

void put(std::string& out, std::int64_t value) {
  std::array<char, sizeof value> bytes{};
  auto rest = static_cast<std::uint64_t>(value);
  for (std::size_t at = bytes.size(); at-- > 0; rest >>= 8) bytes[at] = static_cast<char>(rest & 0xff);
  out.append(bytes.data(), bytes.size());
}
void put(std::string& out, std::string_view text) {
  put(out, static_cast<std::int64_t>(text.size()));
  out += text;
}

bool is_storable(std::string_view text) noexcept { return text.size() <= kLedgerTextBytesMax && is_valid_utf8(text); }

}  // namespace

std::string digest_of(std::string_view content) { return sha256_hex(content); }

void append_canonical_bytes(std::string& out, const LedgerDraft& draft, std::int64_t time_unix_nanos,
                            const LedgerHead& head) {
  out += kLedgerMagic;
  out += static_cast<char>(kLedgerFormatVersion);
  put(out, head.seq + 1);
  put(out, time_unix_nanos);
  for (const std::string* text :
       {&draft.run_id, &draft.trace_id, &draft.span_id, &draft.node_id, &draft.kind, &draft.verdict, &draft.reason}) {
    put(out, *text);
  }
  for (const std::int64_t number :
       {draft.cost_nano_usd, draft.input_tokens, draft.output_tokens, draft.cached_tokens, draft.carbon_nanograms}) {
    put(out, number);
  }
  for (const std::string* text : {&draft.input_digest, &draft.output_digest, &head.entry_hash}) put(out, *text);
}

std::string canonical_bytes(const LedgerEntry& entry) {
  std::string out;
  out.reserve(512);
  append_canonical_bytes(out, entry, entry.time_unix_nanos, {entry.seq - 1, entry.prev_hash});
  return out;
}

std::string hash_of(const LedgerEntry& entry) { return sha256_hex(canonical_bytes(entry)); }

bool is_storable(const LedgerDraft& draft) noexcept {
  for (const std::string* text : {&draft.run_id, &draft.trace_id, &draft.span_id, &draft.node_id, &draft.kind,
                                  &draft.verdict, &draft.reason, &draft.input_digest, &draft.output_digest}) {
    if (!is_storable(*text)) return false;
  }
  return true;
}

LedgerDraft as_stored(LedgerDraft draft) {
  for (std::string* text : {&draft.run_id, &draft.trace_id, &draft.span_id, &draft.node_id, &draft.kind, &draft.verdict,
                            &draft.reason, &draft.input_digest, &draft.output_digest}) {
    if (is_storable(*text)) continue;
    const std::string valid = sanitize_utf8(std::string_view(*text).substr(0, 4 * kLedgerTextBytesMax));
    *text = utf8_prefix(valid, kLedgerTextBytesMax);
  }
  return draft;
}

}  // namespace meshflow::runtime
