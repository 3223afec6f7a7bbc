// What is said to somebody who does not know the command, or mistypes it.
#include <sstream>

#include "cli/command_fixture.hpp"
#include "support/test_paths.hpp"

namespace meshflow::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> commands_of(const std::string& help) {
  std::vector<std::string> names;
  bool listed = false;
  for (std::size_t at = 0; at < help.size();) {
    const auto end = std::min(help.find('\n', at), help.size());
    const std::string line = help.substr(at, end - at);
    if (line.empty()) listed = false;
    if (listed) names.push_back(line.substr(2, line.find(' ', 2) - 2));
    if (line == "Subcommands:") listed = true;
    at = end + 1;
  }
  return names;
}

TEST_F(Command, HelpNamesTheCommandsThatThereAre) {
  const auto help = meshflow({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.err, IsEmpty());
  EXPECT_THAT(commands_of(help.out), ElementsAre("run", "resume", "approve", "reject", "runs", "pending", "lint",
                                                 "serve", "ui", "traces", "report", "ledger", "doctor", "completion"));
  for (const std::string& name : commands_of(help.out)) {
    const auto own = meshflow({name, "--help"});
    EXPECT_EQ(own.exit_code, 0) << name;
    EXPECT_THAT(own.out, HasSubstr("Usage: meshflow " + name)) << name;
  }
}

// Every flag that a help names.
std::vector<std::string> flags_of(const std::string& help) {
  std::vector<std::string> flags;
  for (std::size_t at = help.find("--"); at != std::string::npos; at = help.find("--", at + 2)) {
    flags.push_back(help.substr(at, help.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at + 2) - at));
  }
  return flags;
}

TEST_F(Command, TheManPageHasEveryCommandAndFlag) {
  std::ostringstream page;
  page << std::ifstream(std::string(kSourceFolder) + "/docs/meshflow.1").rdbuf();
  std::vector<std::vector<std::string>> commands = {
      {}, {"traces", "show"}, {"traces", "import"}, {"traces", "export"}, {"ledger", "show"}, {"ledger", "verify"}};
  for (const std::string& name : commands_of(meshflow({"--help"}).out)) {
    EXPECT_THAT(page.str(), HasSubstr(name));
    commands.push_back({name});
  }
  for (auto& command : commands) {
    command.emplace_back("--help");
    for (const std::string& flag : flags_of(meshflow(command).out)) EXPECT_THAT(page.str(), HasSubstr(flag));
  }
}

TEST_F(Command, TheVersionIsOneLine) {
  const auto version = meshflow({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out, "meshflow 0.1.0\n");
}

TEST_F(Command, WrongUsageExitsWithTwoAndSaysWhatWouldBeRight) {
  const struct {
    std::vector<std::string> arguments;
    std::string says;
  } cases[] = {
      {{"rnus"}, "error: there is no command rnus (did you mean \"runs\"?)\n"},
      {{"ledger", "verfy"}, "error: there is no command verfy (did you mean \"verify\"?)\n"},
      {{"run"}, "error: FILE is required (see meshflow run --help)\n"},
      {{"run", "two.yaml", "--set", "budget=3"},
       "error: a policy has no field \"budget\" (did you mean \"budget_usd\"?)\n"},
      {{"run", "two.yaml", "--set", "budget_usd=much"}, "error: budget_usd is \"much\", but must be a number\n"},
      {{"run", "two.yaml", "--set", "budget_usd"}, "error: --set budget_usd: no value (--set FIELD=VALUE)\n"},
      {{"run", "none.yaml"}, "error: cannot open none.yaml: No such file or directory\n"},
      {{"run", "two.yaml", "--console", "--json"},
       "error: --console and --json both write to standard output (leave one out)\n"},
  };
  for (const auto& one : cases) {
    const auto done = meshflow(one.arguments);
    EXPECT_EQ(done.exit_code, 2) << done.err;
    EXPECT_EQ(done.err, one.says);
    EXPECT_THAT(done.out, IsEmpty());
  }
  EXPECT_FALSE(std::filesystem::exists(data()));
}

TEST_F(Command, WithoutACommandTheHelpGoesToStandardError) {
  const auto bare = meshflow({});
  EXPECT_EQ(bare.exit_code, 2);
  EXPECT_THAT(bare.out, IsEmpty());
  EXPECT_THAT(bare.err, HasSubstr("Usage: meshflow"));
  EXPECT_THAT(meshflow({"ledger"}).err, HasSubstr("Usage: meshflow ledger"));
}

TEST_F(Command, GlobalFlagsStandBeforeOrAfterTheCommand) {
  EXPECT_EQ(meshflow({"--data", folder_ + "/a", "-q", "run", "two.yaml"}).exit_code, 0);
  EXPECT_EQ(meshflow({"run", "two.yaml", "--data", folder_ + "/b", "-q"}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/a/meshflow.db"));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/b/meshflow.db"));
  EXPECT_EQ(std::filesystem::status(folder_ + "/a").permissions(), std::filesystem::perms::owner_all);
}

TEST_F(Command, TheDataDirectoryFollowsXdgWithoutAnythingElse) {
  auto options = with({"run", "two.yaml", "-q"});
  options.environment.erase("MESHFLOW_DATA");
  EXPECT_EQ(Program(options).finish().exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/.local/share/meshflow/meshflow.db"));
  options.environment["XDG_DATA_HOME"] = folder_ + "/xdg";
  EXPECT_EQ(Program(options).finish().exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/xdg/meshflow/meshflow.db"));
}

TEST_F(Command, CompletionScriptsNameCommandsAndFlags) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto script = meshflow({"completion", shell});
    EXPECT_EQ(script.exit_code, 0);
    EXPECT_THAT(script.out, HasSubstr("approve"));
    EXPECT_THAT(script.out, HasSubstr("note"));
  }
  EXPECT_EQ(meshflow({"completion", "tcsh"}).exit_code, 2);
}

TEST_F(Command, LintSaysFileLineAndColumn) {
  write("bad.yaml", "name: bad\nnodes:\n  a: {role: planner}\nedges: [a -> b]\n");
  const auto bad = meshflow({"lint", "bad.yaml"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.out, StartsWith("bad.yaml:4:9: error: the edge a -> b names an unknown node \"b\""));
  write("broken.yaml", "name: x\nnodes: [\n");
  EXPECT_THAT(meshflow({"lint", "broken.yaml"}).out, StartsWith("broken.yaml:"));
  const auto good = meshflow({"lint", "two.yaml"});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_THAT(good.out, IsEmpty());
  EXPECT_EQ(good.err, "two.yaml: no problems\n");
  // A run of it says the same and does not begin.
  const auto run = meshflow({"run", "bad.yaml"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.err, bad.out);
}

}  // namespace
}  // namespace meshflow::test
