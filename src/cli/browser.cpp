#include "cli/browser.hpp"

#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.hpp"
#include "base/spawn.hpp"
#include "base/try.hpp"

namespace meshflow::cli {
namespace {

constexpr const char* kOpener = "xdg-open";
// A browser that is started by the opener itself stays: whatever fails does so sooner.
constexpr std::chrono::milliseconds kFailsWithin{1500};
constexpr std::chrono::milliseconds kLookPause{20};

bool is_on_path(const Environment& environment, const std::string& program) {
  std::string_view rest = environment.get("PATH").value_or("");
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    const std::string file = fmt::format("{}/{}", rest.substr(0, end), program);
    if (::access(file.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// $BROWSER may name several, the first of which counts, and stand for `%s` itself, which is left out.
std::string browser_of(const Environment& environment) {
  const auto named = environment.get("BROWSER");
  if (!named) return kOpener;
  return std::string(named->substr(0, named->find_first_of(": ")));
}

// Our addresses have no character that HTML gives a meaning to but &.
std::string page_to(const std::string& url) {
  std::string escaped;
  for (const char c : url) escaped += c == '&' ? std::string("&amp;") : std::string(1, c);
  return fmt::format(
      "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">"
      "<meta http-equiv=\"refresh\" content=\"0;url={0}\"><title>MeshFlow</title><a href=\"{0}\">MeshFlow</a>\n",
      escaped);
}

Result<void> wait_for_failure(pid_t child, const std::string& program) {
  const auto limit = std::chrono::steady_clock::now() + kFailsWithin;
  while (std::chrono::steady_clock::now() < limit) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    if (ended == child) return fail(ErrorCode::unavailable, fmt::format("{} could not open the page", program));
    if (ended < 0) return {};
    std::this_thread::sleep_for(kLookPause);
  }
  return {};
}

}  // namespace

bool has_browser(const Environment& environment) {
  if (environment.get("BROWSER")) return true;
  const bool has_display = environment.get("DISPLAY") || environment.get("WAYLAND_DISPLAY");
  return has_display && is_on_path(environment, kOpener);
}

Result<void> open_in_browser(const Environment& environment, const std::string& folder, const std::string& url) {
  const std::string page = folder + "/ui.html";
  MESHFLOW_CHECK(system_files().write_atomically(page, page_to(url)));
  const std::string program = browser_of(environment);
  SpawnSettings settings;
  ::posix_spawn_file_actions_addopen(&settings.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addclosefrom_np(&settings.actions, STDERR_FILENO + 1);
  settings.reset_signals(POSIX_SPAWN_SETSID);
  std::vector<std::string> words{program, "file://" + page};
  pid_t child = -1;
  const int problem = ::posix_spawnp(&child, program.c_str(), &settings.actions, &settings.attributes,
                                     pointers_to(words).data(), ::environ);
  if (problem != 0) {
    return fail(ErrorCode::unavailable, fmt::format("{} cannot be started: {}", program, std::strerror(problem)));
  }
  return wait_for_failure(child, program);
}

}  // namespace meshflow::cli
