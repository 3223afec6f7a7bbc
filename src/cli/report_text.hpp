// The report for people: tables with a small bar in each line, fitted to the terminal.
#pragma once

#include <cstddef>
#include <string>

#include "cli/waterfall.hpp"
#include "query/report.hpp"

namespace meshflow::cli {

// No line is wider than `columns`; where these are few, the bars go, then columns from the right. What spans say is
// made safe for terminals. Pure.
[[nodiscard]] std::string report_text(const query::Report& report, std::size_t columns, const Styler& styled);

// "+12 %", "-3 %", "=" below half a percent; "new" where there was nothing before, "gone" where there is nothing now,
// empty where there is neither. Pure.
[[nodiscard]] std::string change_text(double now, double before);

}  // namespace meshflow::cli
