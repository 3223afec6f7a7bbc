// What posix_spawn(3) wants, with an end.
#pragma once

#include <spawn.h>

#include <string>
#include <vector>

namespace meshflow {

// Actions and attributes: destroyed whatever happens.
struct SpawnSettings {
  SpawnSettings();
  ~SpawnSettings();
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  // The child blocks no signal and ignores none, whatever this process does. `flags`: further POSIX_SPAWN_….
  void reset_signals(short flags);

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

// As execve(2) takes them, with a null at the end; they point into `texts`.
[[nodiscard]] std::vector<char*> pointers_to(std::vector<std::string>& texts);

}  // namespace meshflow
