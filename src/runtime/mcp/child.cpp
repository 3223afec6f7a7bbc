#include "runtime/mcp/child.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/environment.hpp"
#include "base/spawn.hpp"

namespace meshflow::runtime::mcp {
namespace {

using namespace std::chrono_literals;

// What a program needs to run, and nothing that may be secret.
constexpr std::array<const char*, 12> kInherited = {
    "PATH", "HOME",   "USER", "LOGNAME", "SHELL",           "TERM",
    "LANG", "LC_ALL", "TZ",   "TMPDIR",  "XDG_RUNTIME_DIR", "SSL_CERT_FILE"};
constexpr std::chrono::milliseconds kGraceTime{2000};   // to end after its input has
constexpr std::chrono::milliseconds kSignalTime{1000};  // to end after SIGTERM
constexpr std::chrono::milliseconds kHurriedTime{300};
constexpr std::chrono::milliseconds kLookPause{5};

struct Pair {
  Descriptor parent;
  Descriptor child;
};

// A child must not inherit the other ends: it would keep itself alive.
Result<Pair> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::unavailable, fmt::format("no pipe to a child process: {}", std::strerror(errno)));
  }
  Pair pair{Descriptor(ends[0]), Descriptor(ends[1])};
  ::fcntl(pair.parent.get(), F_SETFL, O_NONBLOCK);
  return pair;
}

Result<Pair> make_socket() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(ErrorCode::unavailable, fmt::format("no socket to a child process: {}", std::strerror(errno)));
  }
  Pair pair{Descriptor(ends[0]), Descriptor(ends[1])};
  ::fcntl(pair.parent.get(), F_SETFL, O_NONBLOCK);
  return pair;
}

std::vector<std::string> environment_of(const std::vector<std::pair<std::string, std::string>>& given) {
  const Environment process = Environment::of_process();
  std::vector<std::string> out;
  const auto is_given = [&](std::string_view name) {
    for (const auto& [own, value] : given) {
      if (own == name) return true;
    }
    return false;
  };
  for (const char* name : kInherited) {
    const auto value = process.get(name);
    if (value && !is_given(name)) out.push_back(fmt::format("{}={}", name, *value));
  }
  for (const auto& [name, value] : given) out.push_back(fmt::format("{}={}", name, value));
  return out;
}

}  // namespace

void Descriptor::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<ChildProcess> ChildProcess::start(const std::string& command, const std::vector<std::string>& args,
                                         const std::vector<std::pair<std::string, std::string>>& environment) {
  auto in = make_socket();
  auto out = make_pipe();
  auto errors = make_pipe();
  for (const auto* pair : {&in, &out, &errors}) {
    if (!*pair) return tl::unexpected(pair->error());
  }
  SpawnSettings settings;
  ::posix_spawn_file_actions_adddup2(&settings.actions, in->child.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&settings.actions, out->child.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&settings.actions, errors->child.get(), STDERR_FILENO);
  ::posix_spawnattr_setpgroup(&settings.attributes, 0);
  settings.reset_signals(POSIX_SPAWN_SETPGROUP);
  std::vector<std::string> words{command};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<std::string> variables = environment_of(environment);
  ChildProcess child;
  const int problem = ::posix_spawnp(&child.pid_, command.c_str(), &settings.actions, &settings.attributes,
                                     pointers_to(words).data(), pointers_to(variables).data());
  if (problem != 0) {
    child.pid_ = -1;
    const ErrorCode code = problem == ENOENT   ? ErrorCode::not_found
                           : problem == EACCES ? ErrorCode::permission_denied
                                               : ErrorCode::unavailable;
    return fail(code, fmt::format("the program {} could not be started: {}", command, std::strerror(problem)));
  }
  child.input_ = std::move(in->parent);
  child.output_ = std::move(out->parent);
  child.errors_ = std::move(errors->parent);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      hurries_(other.hurries_),
      ending_(std::move(other.ending_)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this == &other) return *this;
  stop();
  pid_ = std::exchange(other.pid_, -1);
  hurries_ = other.hurries_;
  ending_ = std::move(other.ending_);
  input_ = std::move(other.input_);
  output_ = std::move(other.output_);
  errors_ = std::move(other.errors_);
  return *this;
}

bool ChildProcess::has_ended(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (pid_ > 0) {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) {
      ending_ = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                    : fmt::format("exit status {}", WEXITSTATUS(status));
      pid_ = -1;
    } else if (ended < 0 && errno == ECHILD) {  // somebody else in this process waited for it
      ending_ = "an unknown status";
      pid_ = -1;
    } else if (std::chrono::steady_clock::now() >= until) {
      return false;
    } else {
      std::this_thread::sleep_for(kLookPause);
    }
  }
  return true;
}

std::string ChildProcess::ending(std::chrono::milliseconds limit) {
  static_cast<void>(has_ended(limit));
  return ending_;
}

void ChildProcess::stop() noexcept {
  input_.close();
  if (pid_ <= 0) return;
  if (!hurries_ && has_ended(kGraceTime)) return;
  if (pid_ > 0) ::kill(-pid_, SIGTERM);
  if (has_ended(hurries_ ? kHurriedTime : kSignalTime)) return;
  ::kill(-pid_, SIGKILL);
  static_cast<void>(has_ended(10s));
}

}  // namespace meshflow::runtime::mcp
