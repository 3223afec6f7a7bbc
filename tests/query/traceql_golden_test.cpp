// The golden files of tests/query/traceql, each query held against what its file says.
#include "query/traceql_golden.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "query/traceql/check.hpp"
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

}  // namespace
}  // namespace meshflow::query::traceql::test
