// SQL that reaches for what it must not have: files, settings, other tables, all of the memory, for ever.
#include "query/sql_fixture.hpp"

#include <fstream>
#include <thread>

#include "query/sql/functions.hpp"
#include "query/sql/limits.hpp"

namespace meshflow::query::sql::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SqlSafety : public SqlTest {
 protected:
  void SetUp() override {
    SqlTest::SetUp();
    keep(request_of({make_span(1, 1), make_span(1, 2)}));
    ASSERT_TRUE(store_->flush());
    secret_ = folder_.path() + "/secret.csv";
    std::ofstream(secret_) << "word\nopen sesame\n";
  }
  // Refused as input, with a place, and without a byte of the file.
  void refused(const std::string& text) {
    const auto answer = ask(text);
    ASSERT_FALSE(answer) << text << "\n" << ::testing::PrintToString(lines_of(answer->rows));
    EXPECT_EQ(answer.error().code, ErrorCode::invalid_input) << text << "\n" << answer.error().text();
    EXPECT_TRUE(answer.error().position) << text << "\n" << answer.error().text();
    EXPECT_EQ(answer.error().text().find("sesame"), std::string::npos) << text;
  }
  void over_limit(const std::string& text, const std::string& limit) {
    const auto answer = ask(text);
    ASSERT_FALSE(answer) << text.substr(0, 200);
    EXPECT_THAT(answer.error().message, HasSubstr("limit " + limit)) << text.substr(0, 200);
  }

  std::string secret_;
};

TEST_F(SqlSafety, NoFileIsReadInAnyDisguise) {
  for (const char* form : {
           "FROM '{}'",
           "SELECT * FROM '{}'",
           "SELECT * FROM \"{}\"",
           "SELECT * FROM read_csv('{}')",
           "SELECT * FROM READ_CSV_AUTO('{}')",
           "SELECT * FROM read_text('{}')",
           "SELECT * FROM main.read_text('{}')",
           "SELECT * FROM read_blob('{}')",
           "SELECT * FROM read_parquet('{}')",
           "SELECT * FROM parquet_scan('{}')",
           "SELECT * FROM parquet_metadata('{}')",
           "SELECT * FROM read_json('{}')",
           "SELECT * FROM read_ndjson_objects('{}')",
           "SELECT * FROM sniff_csv('{}')",
           "SELECT * FROM glob('{}')",
           "SELECT * FROM query('FROM ''{}''')",
           "SELECT * FROM query_table('{}')",
           "SELECT * FROM json_execute_serialized_sql('{}')",
           "WITH a AS (FROM '{}') SELECT * FROM a",
           "WITH a AS (SELECT * FROM read_text('{}')) SELECT 1",
           "WITH a AS (SELECT 1), b AS (SELECT * FROM (SELECT * FROM (FROM '{}'))) SELECT * FROM a, b",
           "SELECT (SELECT content FROM read_text('{}'))",
           "SELECT 1 WHERE EXISTS (FROM '{}')",
           "SELECT 1 WHERE 'x' IN (SELECT word FROM '{}')",
           "SELECT * FROM spans, LATERAL (SELECT * FROM read_text('{}'))",
           "SELECT * FROM spans JOIN '{}' ON true",
           "SELECT name FROM spans UNION ALL SELECT word FROM '{}'",
           "SELECT 1 ORDER BY (SELECT count(*) FROM '{}')",
           "SELECT 1 LIMIT (SELECT count(*) FROM '{}')",
           "SELECT count(*) FILTER (EXISTS (FROM '{}')) FROM spans",
           "SELECT sum(1) OVER (ORDER BY (SELECT word FROM '{}')) FROM spans",
           "SELECT CASE WHEN true THEN (SELECT word FROM '{}') END",
           "SELECT [x FOR x IN (SELECT list(word) FROM '{}')]",
           "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM '{}') SELECT * FROM a",
           "VALUES ((SELECT word FROM '{}'))",
           "SELECT * FROM (VALUES ((SELECT word FROM '{}')))",
           "DESCRIBE FROM '{}'",
           "SUMMARIZE '{}'",
           "SELECT * FROM (DESCRIBE '{}')",
           "PIVOT '{}' ON word USING count(*)",
           "FROM (PIVOT '{}' ON word USING count(*))",
           "COPY (SELECT 1) TO '{}'",
           "COPY spans TO '{}'",
           "ATTACH '{}' AS other",
           "INSTALL '{}'",
           "LOAD '{}'",
           "IMPORT DATABASE '{}'",
           "EXPORT DATABASE '{}'",
           "CREATE TABLE t AS FROM '{}'",
           "EXPLAIN ANALYZE FROM '{}'",
           "PREPARE p AS FROM '{}'",
           "SELECT * FROM st_read('{}')",
           "SELECT * FROM sqlite_scan('{}', 't')",
           "SELECT 1; COPY (SELECT 1) TO '{}'",
       }) {
    refused(fmt::format(fmt::runtime(form), secret_));
  }
  std::ifstream file(secret_);
  std::string first;
  std::getline(file, first);
  EXPECT_EQ(first, "word");  // nor written
}

TEST_F(SqlSafety, DuckDbItselfIsShutOutOfFilesToo) {
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  for (const std::string& text :
       {fmt::format("SELECT * FROM read_text('{}')", secret_), fmt::format("SELECT * FROM '{}'", secret_),
        fmt::format("COPY (SELECT 1) TO '{}/out.csv'", folder_.path()),
        fmt::format("ATTACH '{}/other.duckdb'", folder_.path()), std::string("SET enable_external_access = true")}) {
    EXPECT_FALSE(snapshot->query(text)) << text;
  }
}

TEST_F(SqlSafety, OnlyTheViewsAreTables) {
  for (const char* text : {
           "SELECT * FROM spans_1",
           "SELECT * FROM SPANS_1",
           "SELECT * FROM \"spans_1\"",
           "SELECT * FROM main.spans_1",
           "SELECT * FROM main.spans",
           "SELECT * FROM temp.spans",
           "SELECT * FROM store.main.traces_1",
           "SELECT * FROM meta",
           "SELECT * FROM positions",
           "SELECT * FROM pieces",
           "SELECT * FROM recent(1)",
           "SELECT * FROM duckdb_tables",
           "SELECT * FROM duckdb_tables()",
           "SELECT * FROM duckdb_secrets()",
           "SELECT * FROM duckdb_settings()",
           "SELECT * FROM duckdb_functions()",
           "SELECT * FROM duckdb_logs",
           "SELECT * FROM pragma_table_info('spans')",
           "SELECT * FROM pragma_database_size()",
           "SELECT * FROM information_schema.tables",
           "SELECT * FROM pg_catalog.pg_class",
           "SELECT * FROM sqlite_master",
           "SELECT * FROM pg_tables",
           "SELECT * FROM spans AT (VERSION => 1)",
           // Names of common table expressions count only where DuckDB takes them for such.
           "WITH spans_1 AS (SELECT * FROM spans_1) SELECT * FROM spans_1",
           "SELECT * FROM (WITH spans_1 AS (SELECT 1) SELECT 1), spans_1",
           "WITH a AS (SELECT * FROM spans_1), spans_1 AS (SELECT 1) SELECT * FROM a",
           "WITH RECURSIVE spans_1 AS (SELECT trace_id FROM spans_1 UNION ALL SELECT 1) SELECT * FROM spans_1",
           "SELECT (WITH meta AS (SELECT 1) SELECT 1), (SELECT key FROM meta LIMIT 1)",
           "(WITH meta AS (SELECT 'a' AS key) SELECT key FROM meta) UNION ALL SELECT key FROM meta",
       }) {
    refused(text);
  }
  // One that is called as a table of the store hides nothing from the views.
  EXPECT_THAT(lines("WITH spans_1 AS (SELECT 1 AS x), meta AS (SELECT 2 AS y) SELECT count(*), min(x), min(y) FROM "
                    "spans, spans_1, meta"),
              ElementsAre("2|1|2"));
  EXPECT_THAT(lines("WITH spans AS (SELECT name FROM spans LIMIT 1) SELECT count(*) FROM spans"), ElementsAre("1"));
}

TEST_F(SqlSafety, OnlyHarmlessFunctionsAreCalled) {
  for (const char* text : {
           "SELECT getenv('HOME')",
           "SELECT current_setting('temp_directory')",
           "SELECT getvariable('x')",
           "SELECT write_log('x')",
           "SELECT txid_current()",
           "SELECT version()",
           "SELECT current_query()",
           "SELECT nextval('s')",
           "SELECT setseed(0.5)",
           "SELECT error('x')",
           "SELECT json_serialize_sql('SELECT 1')",
           "SELECT rest_text(''::BLOB, 'x')",
           "SELECT main.getenv('HOME')",
           "SELECT system.main.getenv('HOME')",
           "SELECT other.lower('x')",
           "SELECT \"getenv\"('HOME')",
           "SELECT GETENV('HOME')",
           "SELECT 'HOME'.getenv()",
           "SELECT list_transform([1], x -> getenv('HOME'))",
           "SELECT list_transform([1], lambda x: x)",
           "SELECT [getenv('HOME')]",
           "SELECT sum(getenv('HOME')::INT)",
           "SELECT 1 ORDER BY getenv('HOME')",
           "SELECT * FROM range(len(getenv('HOME')))",
           "SELECT * EXCLUDE (name) REPLACE (getenv('HOME') AS span_id) FROM spans",
           "SELECT COLUMNS(c -> c LIKE 'n%') FROM spans",
           "SELECT 1 AS x GROUP BY getenv('HOME')",
           "SELECT lag(getenv('HOME')) OVER () FROM spans",
           "SELECT getenv('HOME') OVER () FROM spans",
           "SELECT list(name) OVER () FROM spans",
           "SELECT coalesce(NULL, getenv('HOME'))",
           "SELECT TRY(getenv('HOME'))",
           "SELECT repeat('x', 10)",
           "SELECT lpad('x', 10, 'y')",
           "SELECT range(10)",
           "SELECT printf('%d', 1)",
           "SELECT format('{}', 1)",
           "SELECT hex('x')",
           "SELECT 'a' GLOB '*'",
           "SELECT 'a' LIKE 'b' ESCAPE 'c'",
           "SELECT max(name, 5) FROM spans",
           "SELECT 'a' COLLATE NOCASE",
           "SELECT name[1:2] FROM spans",
           "SELECT {'a': 1}",
           "SELECT row(1, 2)",
           "SELECT [name] FROM spans",
           "SELECT 'x'::JSON",
           "SELECT '{}'::STRUCT(a INT)",
           "SELECT '[]'::INT[]",
           "SELECT regexp_matches(name, name) FROM spans",
           "SELECT * FROM spans TABLESAMPLE 10%",
           "SELECT * FROM spans USING SAMPLE 5 ROWS",
       }) {
    refused(text);
  }
}

TEST_F(SqlSafety, OnlyOneSelectIsAStatement) {
  for (const char* text : {"DELETE FROM spans_1",
                           "DROP TABLE spans_1",
                           "UPDATE spans SET name = 'x'",
                           "INSERT INTO meta VALUES ('a', 'b')",
                           "CREATE VIEW v AS SELECT 1",
                           "CREATE MACRO m() AS 1",
                           "SET threads = 1",
                           "RESET threads",
                           "PRAGMA database_list",
                           "CALL pragma_version()",
                           "CHECKPOINT",
                           "VACUUM",
                           "BEGIN",
                           "COMMIT",
                           "ROLLBACK",
                           "DETACH store",
                           "USE temp",
                           "EXPLAIN SELECT 1",
                           "SHOW TABLES",
                           "SHOW ALL TABLES",
                           "DESCRIBE spans",
                           "SUMMARIZE spans",
                           "EXECUTE p",
                           "DEALLOCATE p",
                           "SELECT 1; SELECT 2",
                           "SELECT 1; DROP TABLE spans_1",
                           "SELECT ?",
                           "SELECT $1",
                           "SELECT $name",
                           "WITH a AS (DELETE FROM meta RETURNING *) SELECT * FROM a",
                           "SELECT",
                           "",
                           "   ",
                           ";",
                           "-- nothing",
                           "SELEC 1",
                           "MERGE INTO meta USING spans ON true WHEN MATCHED THEN DELETE",
                           "SELECT 1 INTO x"}) {
    refused(text);
  }
  EXPECT_EQ(count(), 2U);  // all is there
}

TEST_F(SqlSafety, AnErrorSaysWhereAndWhatWouldBeRight) {
  EXPECT_EQ(error("SELECT *\nFROM spams"), "2:6: there is no view \"spams\" (did you mean \"spans\"?)");
  EXPECT_EQ(error("SELECT uper(name) FROM spans"),
            "1:8: the function \"uper\" is not allowed here (did you mean \"upper\"?)");
  EXPECT_EQ(error("DROP TABLE spans"), "1:1: found DROP; only a SELECT is allowed here");
  EXPECT_THAT(error("SELECT * FROM spans WHERE WHERE"), StartsWith("1:27: syntax error at or near \"WHERE\""));
  EXPECT_THAT(error("SELECT nme FROM spans"),
              AllOf(StartsWith("1:8: Binder Error: Referenced column \"nme\" not found"), HasSubstr("\"name\"")));
  EXPECT_THAT(error("SELECT name,\n  'grün', nme FROM spans"), StartsWith("2:11: "));
  EXPECT_THAT(error("SELECT 'x'::INTEGER"), HasSubstr("Conversion Error"));
  EXPECT_EQ(error("SELECT 1; SELECT 2"), "1:1: 2 statements are given; one is allowed (one SELECT)");
}

TEST_F(SqlSafety, TextThatIsNoTextIsRefused) {
  EXPECT_EQ(error(std::string("SELECT 1\0", 9)), "1:9: the query has a NUL character");
  EXPECT_EQ(error("SELECT '\xc3\x28'"), "1:9: the query is not UTF-8");
  EXPECT_EQ(error("SELECT 'gr\xc3\xbc\xc3'"), "1:12: the query is not UTF-8");
  EXPECT_THAT(error("SELECT '" + std::string(std::size_t{10} << 20, 'x') + "'"), HasSubstr("limit text_bytes_max"));
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST_F(SqlSafety, DeepAndWideTextsEndSoon) {
  for (const std::string& text :
       {"SELECT " + repeated("(", 20'000) + "1" + repeated(")", 20'000), "SELECT " + repeated("- ", 20'000) + "1",
        "SELECT 1 WHERE " + repeated("NOT ", 15'000) + "true", "SELECT 1" + repeated("::INT", 12'000),
        "SELECT " + repeated("1+", 30'000) + "1", "SELECT 1 WHERE " + repeated("true AND ", 7'000) + "true",
        "SELECT 1" + repeated(" UNION ALL SELECT 1", 3'000), "SELECT * FROM spans" + repeated(", spans", 8'000),
        "SELECT * FROM " + repeated("(SELECT * FROM ", 3'000) + "spans" + repeated(")", 3'000),
        repeated("SELECT (", 6'000) + "1" + repeated(")", 6'000), "SELECT " + repeated("[", 20'000),
        "SELECT CASE" + repeated(" WHEN true THEN 1", 3'500) + " END", "SELECT " + repeated("lower(", 9'000),
        "SELECT 1 FROM spans GROUP BY CUBE(" + repeated("name,", 15) + "name)",
        "SELECT " + repeated("1,", 30'000) + "1", "WITH " + repeated("a AS (WITH ", 5'000) + "SELECT 1"}) {
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = ask(text);
    // An answer is right too: what counts is that it comes, and the process with it.
    if (!answer) {
      EXPECT_THAT(answer.error().code, ::testing::AnyOf(ErrorCode::invalid_input, ErrorCode::limit_exceeded));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << text.substr(0, 60);
  }
}

TEST_F(SqlSafety, WhatGrowsIsStoppedByItsLimit) {
  over_limit("SELECT * FROM spans" + repeated(", spans", 50), "tables_max");
  // Each of them twice the one before.
  std::string ctes = "WITH c0 AS (SELECT * FROM spans)";
  for (int i = 1; i < 20; ++i)
    ctes += fmt::format(", c{} AS NOT MATERIALIZED (SELECT * FROM c{} UNION ALL FROM c{})", i, i - 1, i - 1);
  over_limit(ctes + " SELECT count(*) FROM c19", "tables_max");
  over_limit("SELECT " + repeated("1,", 9'000) + "1", "nodes_max");
  over_limit("SELECT " + repeated("abs(", 100) + "1" + repeated(")", 100), "depth_max");
  over_limit("SELECT '" + std::string(5'000, 'x') + "'", "literal_bytes_max");
  over_limit("SELECT 1" + repeated(", lower(name)", 70) + " FROM spans", "text_calls_max");
  over_limit("SELECT regexp_matches(name, '" + std::string(300, 'a') + "') FROM spans", "pattern_bytes_max");
  over_limit("SELECT regexp_matches(name, '((a{100}){100}){100}') FROM spans", "pattern_repeats_max");
  over_limit("SELECT 1 FROM spans GROUP BY CUBE(name, span_id, service, kind, role, status, run_id)",
             "grouping_sets_max");
  over_limit("SELECT quantile_cont(1, [" + repeated("0.5,", 1'001) + "0.5])", "list_max");
  // Text that doubles: twenty times is a MiB.
  std::string doubled = "SELECT 'x' AS s";
  for (int i = 0; i < 24; ++i) doubled = "SELECT s || s AS s FROM (" + doubled + ")";
  over_limit(doubled, "made_text_bytes_max");
  over_limit("WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM t) SELECT max(length(s)) FROM t",
             "made_text_bytes_max");
  over_limit("WITH RECURSIVE t(s) AS (SELECT 'ab' UNION ALL SELECT replace(s, 'a', s) FROM t) SELECT count(*) FROM t",
             "made_text_bytes_max");
}

TEST_F(SqlSafety, WhatTakesForEverIsStoppedInTime) {
  Options soon = options_;
  soon.limits.time_max = std::chrono::milliseconds(300);
  for (const char* text : {
           "SELECT count(*) FROM range(1000000000000)",
           "SELECT count(*) FROM range(10000000) a, range(10000000) b",
           "SELECT sum(a.range * b.range) FROM range(10000000) a JOIN range(10000000) b ON a.range <> b.range + 1",
           "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
           "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n FROM t) SELECT count(*) FROM t",
       }) {
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = ask(text, soon);
    const auto took = std::chrono::steady_clock::now() - begin;
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code, ErrorCode::timeout) << text << answer.error().text();
    EXPECT_THAT(answer.error().message, HasSubstr("limit time_max"));
    EXPECT_LT(took, std::chrono::seconds(10)) << text;
  }
}

TEST_F(SqlSafety, APatternWithManyWildcardsIsQuick) {
  const std::string text = "SELECT '" + std::string(4'000, 'a') + "' LIKE '" + repeated("%a_", 100) + "%b'";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(lines(text), ElementsAre("false"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_THAT(
      lines("SELECT 'müller' LIKE 'm_ller', 'müller' LIKE 'm__ller', 'abc' LIKE '%b%', 'abc' LIKE 'a%d', '' LIKE "
            "'%', 'x' LIKE '', 'ABC' ILIKE 'a_c', 'abc' NOT LIKE 'a%', NULL LIKE 'a', 'aab' LIKE '%ab'"),
      ElementsAre("true|false|true|false|true|false|true|false|NULL|true"));
}

TEST_F(SqlSafety, AQueryThatNeedsTooMuchMemoryIsStopped) {
  Options small = options_;
  small.limits.memory_bytes_max = std::size_t{96} << 20;
  small.limits.time_max = std::chrono::minutes(10);  // not what ends it, however busy the machine is
  for (const char* text : {
           // What DuckDB counts itself, and what it does not.
           "SELECT list(range) FROM range(100000000)",
           "SELECT quantile_cont(a.range + b.range, 0.5) FROM range(1000000) a, range(1000000) b",
           "SELECT mode(a.range * 1000000 + b.range) FROM range(1000000) a, range(1000000) b",
       }) {
    const auto answer = ask(text, small);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code, ErrorCode::limit_exceeded) << text << answer.error().text();
    EXPECT_THAT(answer.error().message, HasSubstr("limit memory_bytes_max")) << text;
  }
  // The store goes on.
  keep(request_of({make_span(9, 9)}));
  ASSERT_TRUE(store_->flush());
  EXPECT_THAT(lines("SELECT count(*) FROM spans"), ElementsAre("3"));
}

TEST_F(SqlSafety, ALargeAnswerIsCutOrRefused) {
  Options few = options_;
  few.limits.rows_max = 100;
  const auto cut = ask("SELECT range FROM range(100000)", few);
  ASSERT_TRUE(cut) << cut.error().text();
  EXPECT_EQ(cut->rows.rows.size(), 100U);
  EXPECT_TRUE(cut->rows.is_cut);
  const auto whole = ask("SELECT range FROM range(100)", few);
  ASSERT_TRUE(whole) << whole.error().text();
  EXPECT_FALSE(whole->rows.is_cut);
  few.limits.rows_max = 1'000'000;
  few.limits.result_bytes_max = 10'000;
  const auto large = ask("SELECT range FROM range(100000)", few);
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("limit result_bytes_max"));
}

TEST_F(SqlSafety, AQueryEndsWhenNobodyWantsIt) {
  std::atomic<bool> is_wanted{true};
  Options options = options_;
  options.is_wanted = [&is_wanted] { return is_wanted.load(); };
  std::thread leaves([&is_wanted] { is_wanted = false; });
  const auto answer = ask("SELECT count(*) FROM range(1000000000000)", options);
  leaves.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::cancelled);
}

TEST_F(SqlSafety, WhatAQueryMadeGoesWithIt) {
  EXPECT_THAT(lines("SELECT count(*) FROM spans WHERE trace_id = '4a000000000000000000000000000001'"),
              ElementsAre("2"));
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot);
  // On the same connection, used again: no view, and DuckDB's own LIKE.
  EXPECT_FALSE(snapshot->query("SELECT count(*) FROM spans"));
  const auto plain = snapshot->query("SELECT 'a!' LIKE 'a!!' ESCAPE '!', 'ab' LIKE 'a%'");
  ASSERT_TRUE(plain) << plain.error().text();
}

TEST_F(SqlSafety, EveryFunctionOfTheListIsThere) {
  // A name that DuckDB does not have would be an error of another kind than a wrong call.
  for (const std::string_view name : function_names()) {
    const char* const over = use_of(name) == Use::window ? " OVER ()" : "";
    const auto answer = ask(fmt::format("SELECT {}(1, 2, 3, 4, 5, 6, 7, 8, 9){}", name, over));
    if (answer) continue;
    EXPECT_EQ(answer.error().message.find("does not exist"), std::string::npos) << answer.error().text();
  }
}

}  // namespace
}  // namespace meshflow::query::sql::test
