// Entries that are not rows yet.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "meshflow/base/error.hpp"
#include "runtime/ledger_entry.hpp"

namespace meshflow::runtime {

// The entries of a ledger in memory, until somebody reads it: to make a row takes longer than all else about an entry,
// and most are never read. Kept as the bytes that their hashes are taken over, in blocks that do not move. One thread
// at a time.
class UnwrittenEntries {
 public:
  // Adds the entry that `draft`, which is_storable, becomes behind `head`.
  [[nodiscard]] LedgerHead add(const LedgerDraft& draft, std::int64_t time_unix_nanos, const LedgerHead& head);
  // In the order in which they were added; ends with the first Error.
  [[nodiscard]] Result<void> for_each(const std::function<Result<void>(const LedgerEntry&)>& visit) const;
  [[nodiscard]] bool is_empty() const noexcept { return blocks_.empty(); }
  void clear() noexcept { blocks_.clear(); }

 private:
  static constexpr std::size_t kBlockBytes = std::size_t{64} << 10;
  std::vector<std::string> blocks_;  // each entry's canonical bytes, then its hash
};

}  // namespace meshflow::runtime
