#include "runtime/ledger_unwritten.hpp"

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/try.hpp"

namespace meshflow::runtime {
namespace {

constexpr std::size_t kHashBytes = 64;  // in hex

// Reads what append_canonical_bytes wrote here: nothing of it can be wrong.
class Reader {
 public:
  explicit Reader(std::string_view bytes) noexcept : bytes_(bytes) {}
  [[nodiscard]] bool at_end() const noexcept { return bytes_.empty(); }

  std::string_view take(std::size_t size) noexcept {
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::int64_t integer() noexcept {
    std::uint64_t value = 0;
    for (const char byte : take(sizeof value)) value = value << 8 | static_cast<unsigned char>(byte);
    return static_cast<std::int64_t>(value);
  }
  std::string text() {
    const auto size = static_cast<std::size_t>(integer());
    return std::string(take(size));
  }

 private:
  std::string_view bytes_;
};

LedgerEntry read_entry(Reader& reader) {
  LedgerEntry entry;
  (void)reader.take(kLedgerMagic.size() + 1);
  entry.seq = reader.integer();
  entry.time_unix_nanos = reader.integer();
  for (std::string* text :
       {&entry.run_id, &entry.trace_id, &entry.span_id, &entry.node_id, &entry.kind, &entry.verdict, &entry.reason}) {
    *text = reader.text();
  }
  for (std::int64_t* number : {&entry.cost_nano_usd, &entry.input_tokens, &entry.output_tokens, &entry.cached_tokens,
                               &entry.carbon_nanograms}) {
    *number = reader.integer();
  }
  for (std::string* text : {&entry.input_digest, &entry.output_digest, &entry.prev_hash}) *text = reader.text();
  entry.entry_hash = reader.take(kHashBytes);
  return entry;
}

}  // namespace

LedgerHead UnwrittenEntries::add(const LedgerDraft& draft, std::int64_t time_unix_nanos, const LedgerHead& head) {
  if (blocks_.empty() || blocks_.back().size() > kBlockBytes - kLedgerEntryBytesMax) {
    blocks_.emplace_back().reserve(kBlockBytes);
  }
  std::string& block = blocks_.back();
  const std::size_t begin = block.size();
  append_canonical_bytes(block, draft, time_unix_nanos, head);
  LedgerHead next{head.seq + 1, sha256_hex(std::string_view(block).substr(begin))};
  block += next.entry_hash;
  return next;
}

Result<void> UnwrittenEntries::for_each(const std::function<Result<void>(const LedgerEntry&)>& visit) const {
  for (const std::string& block : blocks_) {
    for (Reader reader(block); !reader.at_end();) MESHFLOW_CHECK(visit(read_entry(reader)));
  }
  return {};
}

}  // namespace meshflow::runtime
