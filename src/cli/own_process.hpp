// This process's user, and other processes of this program.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow::cli {

// Of the user whose rights this process has; "uid 1000" where it has no name.
[[nodiscard]] std::string login_name();

enum class ChildLife {
  with_us,     // with this process's input and output; a Ctrl-C is this process's to hand on
  on_its_own,  // in a session of its own, without input and output: it goes on when this process ends
};

// Starts this program once more, with this process's environment and standard error. It inherits no other descriptor: a
// port or a lock of ours would stay taken. The caller waits for it (waitpid).
[[nodiscard]] Result<pid_t> start_own_process(std::vector<std::string> arguments, ChildLife life);

}  // namespace meshflow::cli
