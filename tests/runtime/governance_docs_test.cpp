// The pages about governance show the tables that the code has.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.hpp"
#include "meshflow/runtime/policy.hpp"
#include "runtime/guardian.hpp"
#include "runtime/guardian_rules.hpp"
#include "runtime/ledger.hpp"
#include "support/test_paths.hpp"

namespace meshflow::runtime {
namespace {

using ::testing::HasSubstr;

std::string page(std::string_view name) {
  return system_files().read_all(fmt::format("{}/docs/{}", test::kSourceFolder, name), 1 << 20).value();
}

TEST(GovernanceDocs, ThePolicysPageHasEveryField) {
  const std::string text = page("policy.md");
  for (const std::string& field : field_names()) EXPECT_THAT(text, HasSubstr(fmt::format("\n| `{}` | ", field)));
}

TEST(GovernanceDocs, TheGuardiansPageHasEveryRuleWithItsSeverities) {
  const std::string text = page("guardian.md");
  for (const auto& rule : Guardian::make({})->rules()) {
    const auto begin = text.find(fmt::format("\n| `{}` | ", rule.id));
    ASSERT_NE(begin, std::string::npos) << rule.id;
    const std::string line = text.substr(begin + 1, text.find('\n', begin + 1) - begin - 1);
    EXPECT_TRUE(line.ends_with(fmt::format("| {} | {} |", name_of(rule.on_input), name_of(rule.on_output)))) << line;
  }
  for (const BuiltinRule& rule : health_rules()) EXPECT_THAT(text, HasSubstr(fmt::format("`{}`", rule.id)));
}

TEST(GovernanceDocs, TheLedgersExampleHasItsHash) {
  LedgerEntry entry;
  entry.seq = 258;
  entry.run_id = "run_1";
  entry.kind = "node";
  entry.cost_nano_usd = -1;
  entry.prev_hash = std::string(64, '0');
  EXPECT_EQ(canonical_bytes(entry).size(), 225U);
  EXPECT_THAT(page("ledger-format.md"), HasSubstr(hash_of(entry)));
}

}  // namespace
}  // namespace meshflow::runtime
