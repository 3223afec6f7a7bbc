#include "cli/own_process.hpp"

#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "base/spawn.hpp"

namespace meshflow::cli {

std::string login_name() {
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : fmt::format("uid {}", ::geteuid());
}

Result<pid_t> start_own_process(std::vector<std::string> arguments, ChildLife life) {
  constexpr const char* kProgram = "/proc/self/exe";
  SpawnSettings settings;
  if (life == ChildLife::on_its_own) {
    ::posix_spawn_file_actions_addopen(&settings.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&settings.actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  ::posix_spawn_file_actions_addclosefrom_np(&settings.actions, STDERR_FILENO + 1);
  settings.reset_signals(life == ChildLife::on_its_own ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP);
  arguments.insert(arguments.begin(), "meshflow");
  pid_t child = -1;
  const int problem = ::posix_spawn(&child, kProgram, &settings.actions, &settings.attributes,
                                    pointers_to(arguments).data(), ::environ);
  if (problem != 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("another process of this program cannot be started: {}", std::strerror(problem)));
  }
  return child;
}

}  // namespace meshflow::cli
