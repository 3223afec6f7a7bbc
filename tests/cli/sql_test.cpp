// meshflow traces sql and the export to Parquet: the same with and without a server.
#include "cli/server_fixture.hpp"

namespace meshflow::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Sql : public Served {
 protected:
  void import_run() const {
    write("run.jsonl",
          R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"meshflow"}}]},)"
          R"("scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000001",)"
          R"("name":"meshflow.run","startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000100000000",)"
          R"("attributes":[{"key":"meshflow.run_id","value":{"stringValue":"run_aa11"}},)"
          R"({"key":"meshflow.cost_usd","value":{"doubleValue":0.0125}},)"
          R"({"key":"meshflow.tokens","value":{"intValue":"312"}}]},)"
          R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000002",)"
          R"("parentSpanId":"0000000000000001","name":"meshflow.agent","startTimeUnixNano":"1700000000000000000",)"
          R"("endTimeUnixNano":"1700000000050000000","attributes":[)"
          R"({"key":"meshflow.role","value":{"stringValue":"planner"}}]}]}]}]})"
          "\n");
    const auto done = meshflow({"traces", "import", "run.jsonl"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
};

TEST_F(Sql, TheAnswersAreTheSameWithAndWithoutAServer) {
  import_run();
  const std::string question = "SELECT name, role, cost_usd, tokens FROM spans ORDER BY name DESC";
  const std::string table =
      "name            role        cost_usd  tokens\n"
      "meshflow.run    NULL     0.012500000     312\n"
      "meshflow.agent  planner         NULL    NULL\n";
  const std::string csv = "name,role,cost_usd,tokens\nmeshflow.run,,0.012500000,312\nmeshflow.agent,planner,,\n";
  for (const bool with_server : {false, true}) {
    if (with_server) serve();
    const auto shown = meshflow({"traces", "sql", question});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_EQ(shown.out, table) << with_server;
    EXPECT_THAT(shown.err, StartsWith("2 rows, "));
    EXPECT_EQ(meshflow({"traces", "sql", "--csv", question}).out, csv) << with_server;
    const auto json = meshflow({"traces", "sql", "--json", question});
    EXPECT_THAT(
        json.out,
        HasSubstr(
            R"("rows":[["meshflow.run",null,0.012500000,312],["meshflow.agent","planner",null,null]],"truncated":false)"));
    const auto cut = meshflow({"traces", "sql", "--csv", "--limit", "1", question});
    EXPECT_EQ(cut.exit_code, 0);
    EXPECT_EQ(cut.out, csv.substr(0, csv.find("meshflow.agent")));
    EXPECT_THAT(cut.err, HasSubstr("only the first 1 rows are shown"));
    const auto wrong = meshflow({"traces", "sql", "SELECT x FROM spams"});
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_THAT(wrong.err, HasSubstr("1:15: "));
    EXPECT_THAT(wrong.err, HasSubstr("did you mean \"spans\"?"));
    EXPECT_EQ(meshflow({"traces", "sql", "DROP TABLE spans_1"}).exit_code, 2);
  }
  stop();
}

TEST_F(Sql, ATableFitsTheTerminal) {
  import_run();
  auto options = with({"traces", "sql", "SELECT trace_id, name, span_id, tokens FROM spans ORDER BY name"});
  options.terminal = true;
  options.columns = 50;
  const auto done = Program(options).finish();
  EXPECT_EQ(done.exit_code, 0);
  const auto lines = screen_after(done.out, 50);
  ASSERT_GE(lines.size(), 3U);
  EXPECT_THAT(lines[1], HasSubstr("0af76519"));
  EXPECT_THAT(lines[2], HasSubstr("312"));  // the number is whole
  EXPECT_THAT(lines[2], HasSubstr("…"));
}

TEST_F(Sql, ParquetIsWrittenWhole) {
  import_run();
  for (const bool with_server : {false, true}) {
    if (with_server) serve();
    const auto done = meshflow({"traces", "export", "--format", "parquet", "--out", "spans.parquet"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    std::ifstream file(folder_ + "/spans.parquet", std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    ASSERT_GT(bytes.size(), 100U);
    EXPECT_EQ(bytes.substr(0, 4), "PAR1");
    EXPECT_EQ(bytes.substr(bytes.size() - 4), "PAR1");
    const auto piped = meshflow({"traces", "export", "--format", "parquet", "--trace", "last"});
    EXPECT_EQ(piped.exit_code, 0) << piped.err;
    EXPECT_EQ(piped.out.substr(0, 4), "PAR1");
    EXPECT_EQ(meshflow({"traces", "export", "--format", "parquet", "--trace", "feed"}).exit_code, 2);
    // Nothing is left behind.
    for (const auto& entry : std::filesystem::directory_iterator(data() + "/store/temporary")) {
      EXPECT_EQ(entry.path().filename().string().find("parquet"), std::string::npos) << entry.path();
    }
  }
  stop();
}

}  // namespace
}  // namespace meshflow::test
