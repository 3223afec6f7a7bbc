// Workflow files as commands read them.
#pragma once

#include <string>

#include "meshflow/base/error.hpp"
#include "meshflow/runtime/workflow.hpp"

namespace meshflow::cli {

// The workflow of a file, which remembers the file's absolute path, so that another process can continue its runs from
// wherever it was started. Errors name the file as it is named here.
[[nodiscard]] Result<Workflow> load_workflow(const std::string& file);

// "file:line:column: error: message", safe for a terminal.
[[nodiscard]] std::string problem_line(const Problem& problem);
// The same for what kept a file from being read.
[[nodiscard]] Problem problem_of(const Error& error, const std::string& file);

}  // namespace meshflow::cli
