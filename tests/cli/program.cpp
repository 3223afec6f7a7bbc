#include "cli/program.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test_paths.hpp"

namespace meshflow::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kTextLimit{20};
constexpr std::chrono::seconds kEndLimit{60};
constexpr uid_t kNobody = 65534;

struct Streams {
  int out = -1;
  int err = -1;
};

[[noreturn]] void become(const Program::Options& options, const Streams& streams) {
  if (!options.terminal) {
    ::dup2(streams.out, STDOUT_FILENO);
    ::dup2(streams.err, STDERR_FILENO);
    ::close(STDIN_FILENO);
    ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) ::_exit(126);
  if (options.as_nobody && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) ::_exit(126);
  if (options.file_bytes_max > 0) {
    const rlimit limit{options.file_bytes_max, options.file_bytes_max};
    ::signal(SIGXFSZ, SIG_IGN);  // or the signal would end it before the error could be told
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(126);
  }
  const std::string path = std::string(kBuildFolder) + "/bin/meshflow";
  std::vector<std::string> variables = {std::string("PATH=") + ::getenv("PATH")};
  for (const char* of_sanitizer : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* const value = ::getenv(of_sanitizer)) variables.push_back(std::string(of_sanitizer) + "=" + value);
  }
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::vector<std::string> words = {"meshflow"};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execve(path.c_str(), arguments.data(), environment.data());
  ::_exit(127);
}

// False at the end of the stream, which is closed then.
bool take(int& fd, std::string& into) {
  char buffer[4096];
  const ssize_t size = ::read(fd, buffer, sizeof buffer);
  if (size < 0 && errno == EINTR) return true;
  if (size > 0) {
    into.append(buffer, static_cast<std::size_t>(size));
    return true;
  }
  ::close(fd);
  fd = -1;
  return false;
}

}  // namespace

Program::Program(const Options& options) {
  if (options.terminal) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = static_cast<unsigned short>(options.columns);
    pid_ = ::forkpty(&out_, nullptr, nullptr, &size);
    if (pid_ == 0) become(options, {});
  } else {
    int out[2];
    int err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipes");
    pid_ = ::fork();
    if (pid_ == 0) become(options, {out[1], err[1]});
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  if (pid_ < 0) throw std::runtime_error("no process");
}

Program::~Program() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (out_ >= 0) ::close(out_);
  if (err_ >= 0) ::close(err_);
}

void Program::signal(int number) const { ::kill(pid_, number); }

bool Program::read_some(int wait_ms) {
  pollfd ready[] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
  if (out_ < 0 && err_ < 0) return false;
  if (::poll(ready, 2, wait_ms) <= 0) return true;
  if (out_ >= 0 && ready[0].revents != 0) take(out_, finished_.out);
  if (err_ >= 0 && ready[1].revents != 0) take(err_, finished_.err);
  return true;
}

bool Program::wait_for(const std::string& text) {
  const auto limit = Clock::now() + kTextLimit;
  const auto came = [&] {
    return finished_.out.find(text) != std::string::npos || finished_.err.find(text) != std::string::npos;
  };
  while (!came() && Clock::now() < limit) {
    if (!read_some(100)) break;
  }
  return came();
}

Finished Program::finish() {
  const auto limit = Clock::now() + kEndLimit;
  while (read_some(100)) {
    if (Clock::now() > limit) ::kill(pid_, SIGKILL);
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  finished_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished_;
}

std::vector<std::string> screen_after(const std::string& bytes, std::size_t columns) {
  std::vector<std::vector<std::string>> lines(1);  // a character in each cell
  std::size_t row = 0;
  std::size_t column = 0;
  const auto put = [&](std::string character) {
    if (lines[row].size() <= column) lines[row].resize(column + 1, " ");
    lines[row][column++] = std::move(character);
  };
  const auto next_row = [&] {
    if (++row == lines.size()) lines.emplace_back();
  };
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (c == '\r') {
      column = 0;
    } else if (c == '\n') {
      next_row();
    } else if (c == '\x1b' && at + 1 < bytes.size() && bytes[at + 1] == '[') {
      std::size_t number = 0;
      for (at += 2; at < bytes.size() && (bytes[at] == ';' || (bytes[at] >= '0' && bytes[at] <= '9')); ++at) {
        number = bytes[at] == ';' ? 0 : number * 10 + static_cast<std::size_t>(bytes[at] - '0');
      }
      if (bytes[at] == 'A') {
        row -= std::min(row, number);
      } else if (bytes[at] == 'J') {
        lines.resize(row + 1);
        lines[row].resize(std::min(column, lines[row].size()));
      } else if (bytes[at] != 'm') {
        put("<?>");
      }
    } else if (static_cast<unsigned char>(c) < 0x20) {
      put("<?>");
    } else if ((static_cast<unsigned char>(c) & 0xc0) == 0x80 && column > 0) {  // more of the character before
      lines[row][column - 1] += c;
    } else {
      if (column == columns) {  // wraps
        next_row();
        column = 0;
      }
      put(std::string(1, c));
    }
  }
  std::vector<std::string> shown;
  for (const auto& line : lines) {
    std::string text;
    for (const auto& character : line) text += character;
    shown.push_back(std::move(text));
  }
  while (!shown.empty() && shown.back().empty()) shown.pop_back();
  return shown;
}

}  // namespace meshflow::test
