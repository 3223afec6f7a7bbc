// The golden files of tests/query/traceql, each query held against what its file says.
#include "query/traceql_golden.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include <gtest/gtest.h>

#include "query/traceql/check.hpp"
#include "query/traceql_engine.hpp"
#include "support/test_paths.hpp"

namespace meshflow::query::traceql::test {
namespace {

std::string read_file(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(std::string(meshflow::test::kSourceFolder) + "/tests/query/traceql/" + name).rdbuf();
  return text.str();
}

std::vector<std::string> golden_files() {
  std::vector<std::string> out;
  const std::string folder = std::string(meshflow::test::kSourceFolder) + "/tests/query/traceql";
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    const std::string name = each.path().filename();
    if (name != "traces.txt" && name.ends_with(".txt")) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

const Dataset& dataset() {
  static const Dataset kDataset = [] {
    auto read = read_traces(read_file("traces.txt"));
    if (!read) throw std::runtime_error(read.error().text());
    return std::move(*read);
  }();
  return kDataset;
}

Answer oracle_answer(const Golden& golden) {
  const auto checked = compile_query(golden.query);
  if (!checked) return Refusal{checked.error().text()};
  const traceql::Query& query = checked->query();
  if (const auto* pipeline = std::get_if<Pipeline>(&query.of)) return oracle_search(*pipeline, dataset().data);
  return oracle_metrics(std::get<Metrics>(query.of), dataset().data, golden.range);
}

class TraceqlGoldenTest : public ::testing::TestWithParam<std::string> {
 protected:
  static std::vector<Golden> goldens() {
    auto read = read_goldens(GetParam(), read_file(GetParam()), dataset());
    EXPECT_TRUE(read) << read.error().text();
    return read ? std::move(*read) : std::vector<Golden>{};
  }
};
INSTANTIATE_TEST_SUITE_P(Files, TraceqlGoldenTest, ::testing::ValuesIn(golden_files()),
                         [](const auto& file) { return file.param.substr(0, file.param.find('.')); });

TEST_P(TraceqlGoldenTest, TheOracleAnswersSo) {
  for (const Golden& golden : goldens()) {
    const auto wrong = mismatch(golden, oracle_answer(golden));
    EXPECT_FALSE(wrong) << wrong.value_or("");
  }
}

// The same traces in a store of each kind, opened once; closed before the program ends, and DuckDB with it.
class Stores : public ::testing::Environment {
 public:
  static EngineStore& of(Where where) {
    auto& store = stores()[where];
    if (store == nullptr) store = std::make_unique<EngineStore>(dataset().data, where);
    return *store;
  }
  void TearDown() override { stores().clear(); }

 private:
  static std::map<Where, std::unique_ptr<EngineStore>>& stores() {
    static std::map<Where, std::unique_ptr<EngineStore>> all;
    return all;
  }
};
const ::testing::Environment* const kStores = ::testing::AddGlobalTestEnvironment(new Stores);

class TraceqlGoldenEngineTest : public TraceqlGoldenTest {
 protected:
  static void expect_answers(Where where) {
    for (const Golden& golden : goldens()) {
      const auto wrong = mismatch(golden, Stores::of(where).ask(golden.query, golden.range));
      EXPECT_FALSE(wrong) << wrong.value_or("");
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Files, TraceqlGoldenEngineTest, ::testing::ValuesIn(golden_files()),
                         [](const auto& file) { return file.param.substr(0, file.param.find('.')); });

TEST_P(TraceqlGoldenEngineTest, InBoth) { expect_answers(Where::in_both); }
#ifndef __SANITIZE_ADDRESS__  // ten times slower, and InBoth walks both ways
TEST_P(TraceqlGoldenEngineTest, InMemory) { expect_answers(Where::in_memory); }
TEST_P(TraceqlGoldenEngineTest, InDuckDb) { expect_answers(Where::in_duckdb); }
#endif

}  // namespace
}  // namespace meshflow::query::traceql::test
