// meshflow completion: what shells complete, made from the commands as they are declared.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/session.hpp"

namespace meshflow::cli {
namespace {

// A command, or the program itself, with what may follow its name.
struct Node {
  std::string path;  // "", "run", "ledger verify"
  std::vector<std::string> words;
};

void collect(const CLI::App& app, const std::string& path, const std::vector<std::string>& global_flags,
             std::vector<Node>& nodes) {
  Node node{path, {}};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    node.words.push_back(command->get_name());
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) node.words.push_back("--" + name);
  }
  if (!path.empty()) node.words.insert(node.words.end(), global_flags.begin(), global_flags.end());
  std::sort(node.words.begin(), node.words.end());
  node.words.erase(std::unique(node.words.begin(), node.words.end()), node.words.end());
  nodes.push_back(std::move(node));
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    collect(*command, path + (path.empty() ? "" : " ") + command->get_name(), global_flags, nodes);
  }
}

std::vector<Node> nodes_of(const CLI::App& program) {
  std::vector<std::string> global_flags;
  for (const CLI::Option* option : program.get_options()) {
    for (const std::string& name : option->get_lnames()) global_flags.push_back("--" + name);
  }
  std::vector<Node> nodes;
  collect(program, "", global_flags, nodes);
  return nodes;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

// The words that name a command, so that others on the line are passed over.
std::string command_words(const std::vector<Node>& nodes) {
  std::vector<std::string> words;
  for (const Node& node : nodes) {
    if (!node.path.empty()) words.push_back(node.path.substr(node.path.rfind(' ') + 1));
  }
  return fmt::format("{}", fmt::join(words, "|"));
}

std::string bash_script(const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", node.path, joined(node.words));
  return fmt::format(R"(# Completion of meshflow for bash: source it, or put it where bash-completion looks.
_meshflow() {{
  local word words path= current=${{COMP_WORDS[COMP_CWORD]}}
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in
      {}) path="${{path:+$path }}$word" ;;
    esac
  done
  case "$path" in
{}    *) words= ;;
  esac
  case "$path" in
    completion) words="$words bash zsh fish" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "$path" = run ] || [ "$path" = lint ]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _meshflow meshflow
)",
                     command_words(nodes), cases);
}

std::string zsh_script(const std::vector<Node>& nodes) {
  std::string cases;
  for (const Node& node : nodes) cases += fmt::format("    \"{}\") choices=({}) ;;\n", node.path, joined(node.words));
  return fmt::format(R"(#compdef meshflow
# Completion of meshflow for zsh: put it as _meshflow into a folder of $fpath.
_meshflow() {{
  local word path_so_far= 
  local -a choices
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$word" in
      {}) path_so_far="${{path_so_far:+$path_so_far }}$word" ;;
    esac
  done
  case "$path_so_far" in
{}  esac
  case "$path_so_far" in
    completion) choices+=(bash zsh fish) ;;
    run|lint) _files ;;
  esac
  compadd -- $choices
}}
if [ "$funcstack[1]" = _meshflow ]; then _meshflow "$@"; else compdef _meshflow meshflow; fi
)",
                     command_words(nodes), cases);
}

std::string fish_script(const std::vector<Node>& nodes) {
  std::string out = "# Completion of meshflow for fish: put it into ~/.config/fish/completions.\n";
  out += "complete -c meshflow -f\n";
  std::vector<std::string> commands;
  for (const Node& node : nodes) {
    if (!node.path.empty() && node.path.find(' ') == std::string::npos) commands.push_back(node.path);
  }
  for (const Node& node : nodes) {
    const auto space = node.path.find(' ');
    std::string condition = "not __fish_seen_subcommand_from " + joined(commands);
    if (!node.path.empty()) condition = "__fish_seen_subcommand_from " + node.path.substr(0, space);
    if (space != std::string::npos) condition += "; and __fish_seen_subcommand_from " + node.path.substr(space + 1);
    std::vector<std::string> words;
    for (const std::string& word : node.words) {
      if (word.starts_with("--")) {
        out += fmt::format("complete -c meshflow -n '{}' -l {}\n", condition, word.substr(2));
      } else {
        words.push_back(word);
      }
    }
    if (!words.empty()) out += fmt::format("complete -c meshflow -n '{}' -a '{}'\n", condition, joined(words));
  }
  out += "complete -c meshflow -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
  out += "complete -c meshflow -n '__fish_seen_subcommand_from run lint' -F\n";
  return out;
}

class CompletionCommand final : public Command {
 public:
  explicit CompletionCommand(const CLI::App& program) : program_(program) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "completion"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Print shell completion"; }
  void add_flags(CLI::App& app) override {
    app.add_option("SHELL", shell_, "bash, zsh or fish")
        ->required()
        ->type_name("")
        ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""));
  }

  [[nodiscard]] int run(Session& session) override {
    const std::vector<Node> nodes = nodes_of(program_);
    session.print(shell_ == "bash" ? bash_script(nodes) : shell_ == "zsh" ? zsh_script(nodes) : fish_script(nodes));
    return kExitDone;
  }

 private:
  const CLI::App& program_;
  std::string shell_;
};

}  // namespace

std::unique_ptr<Command> make_completion_command(const CLI::App& program) {
  return std::make_unique<CompletionCommand>(program);
}

}  // namespace meshflow::cli
