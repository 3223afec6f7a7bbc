// meshflow report.
#pragma once

#include <memory>

#include "cli/command.hpp"

namespace meshflow::cli {

[[nodiscard]] std::unique_ptr<Command> make_report_command();

}  // namespace meshflow::cli
