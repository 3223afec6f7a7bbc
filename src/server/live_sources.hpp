// What the stream's events are made of: the answers of the web UI's API (live_stream.hpp).
#pragma once

#include <memory>

#include "server/live_stream.hpp"
#include "server/query_service.hpp"
#include "server/ui_api.hpp"

namespace meshflow::server {

// `queries` and `ui` may be made after this, before the first request; they and `desk` must outlive the stream.
[[nodiscard]] LiveStreamSources make_live_sources(const std::unique_ptr<QueryService>& queries,
                                                  const std::unique_ptr<UiApi>& ui, RunDesk* desk);

}  // namespace meshflow::server
