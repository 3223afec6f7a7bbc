#include "cli/session.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/environment.hpp"
#include "cli/text.hpp"

namespace meshflow::cli {
namespace {

// False where not all of it could be written.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;  // nobody reads it any more
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool is_terminal(int fd) {
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && std::string_view(term == nullptr ? "" : term) != "dumb";
}

std::string_view sequence_of(Style style) {
  switch (style) {
    case Style::none: return "";
    case Style::good: return "\x1b[32m";
    case Style::bad: return "\x1b[31m";
    case Style::attention: return "\x1b[33m";
    case Style::faint: return "\x1b[2m";
  }
  return "";
}

std::string styled(const GlobalFlags& flags, int fd, Style style, std::string_view text) {
  const char* no_color = std::getenv("NO_COLOR");  // no-color.org: set and not empty
  const bool automatic = is_terminal(fd) && (no_color == nullptr || *no_color == '\0');
  const bool wanted = flags.color == "always" || (flags.color == "auto" && automatic);
  if (!wanted || style == Style::none) return std::string(text);
  return fmt::format("{}{}\x1b[0m", sequence_of(style), text);
}

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::invalid_input:
    case ErrorCode::not_found: return kExitUsage;
    case ErrorCode::blocked: return kExitAborted;
    default: return kExitFailed;
  }
}

}  // namespace

void Session::print(std::string_view text) const { (void)write_all(STDOUT_FILENO, text); }
void Session::print_error(std::string_view text) const { (void)write_all(STDERR_FILENO, text); }
void Session::print_line(std::string_view line) const { print(one_line(line) + "\n"); }
void Session::print_json(std::string_view json) const { print(safe_json(json) + "\n"); }

bool Session::try_print_json(std::string_view json) const {
  std::string safe;
  while (!json.empty()) {  // newlines stand between texts of JSON, not in them
    const auto end = json.find('\n');
    safe += safe_json(json.substr(0, end));
    if (end == std::string_view::npos) break;
    safe += '\n';
    json.remove_prefix(end + 1);
  }
  return write_all(STDOUT_FILENO, safe);
}

void Session::note(std::string_view line) const {
  if (!flags_.quiet) print_error(one_line(line) + "\n");
}

void Session::warn(std::string_view line) const {
  print_error(fmt::format("{} {}\n", styled_error(Style::attention, "warning:"), one_line(line)));
}

int Session::fail(const Error& error) const {
  Error what = error;
  what.position.reset();
  Error where = error;
  where.message.clear();
  where.hint.clear();
  print_error(
      fmt::format("{}{} {}\n", one_line(where.text()), styled_error(Style::bad, "error:"), one_line(what.text())));
  return exit_code_of(error.code);
}

bool Session::is_output_terminal() const { return is_terminal(STDOUT_FILENO); }
bool Session::is_error_terminal() const { return is_terminal(STDERR_FILENO); }

std::size_t Session::output_columns() const {
  winsize size{};
  if (!is_output_terminal() || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

std::string Session::styled_output(Style style, std::string_view text) const {
  return styled(flags_, STDOUT_FILENO, style, text);
}

std::string Session::styled_error(Style style, std::string_view text) const {
  return styled(flags_, STDERR_FILENO, style, text);
}

Result<std::string> Session::data_dir() const {
  const Environment environment = Environment::of_process();
  std::filesystem::path folder;
  if (!flags_.data_dir.empty()) {
    folder = flags_.data_dir;
  } else if (const auto given = environment.get("MESHFLOW_DATA")) {
    folder = *given;
  } else if (const auto data_home = environment.get("XDG_DATA_HOME")) {
    folder = std::filesystem::path(*data_home) / "meshflow";
  } else if (const auto home = environment.get("HOME")) {
    folder = std::filesystem::path(*home) / ".local/share/meshflow";
  } else {
    return meshflow::fail(ErrorCode::invalid_argument, "there is no data directory: HOME is not set",
                          "name one with --data or MESHFLOW_DATA");
  }
  std::error_code error;
  const auto absolute = std::filesystem::absolute(folder, error);
  return error ? folder.string() : absolute.lexically_normal().string();
}

std::string Session::command_line(std::string_view command) const {
  return flags_.data_dir.empty() ? fmt::format("meshflow {}", command)
                                 : fmt::format("meshflow --data {} {}", shell_word(flags_.data_dir), command);
}

std::string shell_word(std::string_view word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) return std::string(word);
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace meshflow::cli
