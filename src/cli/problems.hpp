// What is wrong with a workflow, as lines.
#pragma once

#include <string>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/workflow.hpp"

namespace meshflow::cli {

// "file:line:column: error: message", safe for a terminal.
[[nodiscard]] std::string problem_line(const Problem& problem);
// What kept `file` from being read, as a problem of it.
[[nodiscard]] Problem problem_of(const Error& error, const std::string& file);

}  // namespace meshflow::cli
