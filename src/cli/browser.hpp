// Opening a page in the user's browser.
#pragma once

#include <string>

#include "base/environment.hpp"
#include "meshflow/base/error.hpp"

namespace meshflow::cli {

// Whether there is a browser to open: $BROWSER, or xdg-open and a display to show it on.
[[nodiscard]] bool has_browser(const Environment& environment);

// Opens `url` by way of a page in `folder` that leads there: other users of the machine see the command lines of
// programs, and must not see what the address has in it. The page, of mode 0600, stays until the next call. Errors: the
// program cannot be started, or fails at once.
[[nodiscard]] Result<void> open_in_browser(const Environment& environment, const std::string& folder,
                                           const std::string& url);

}  // namespace meshflow::cli
