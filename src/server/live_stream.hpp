// What changes, told as it happens, as server-sent events (WHATWG HTML, section 9.2):
//
//   GET /api/meshflow/stream?topic=runs               run {a row of /api/meshflow/runs}
//   GET …?topic=trace&trace_id=HEX&since=REVISION     spans {what GET …/outline?since=… answers}
//   GET …?topic=approvals                             approval {a card, with its state}
//
// and for each: gap {"reason"} (something was missed: read again; it ends a stream of topic=trace), ping {}. Every
// event has an id, and Last-Event-ID goes on from there; docs/live.md has the whole.
//
// What a client has not got yet is not kept for it: each event is made of what the store says when it is sent, so that
// a slow client costs a number, not a queue. A client that takes nothing is dropped by the listener's write_timeout.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "net/http_router.hpp"
#include "otlp/inspect.hpp"
#include "otlp/model.hpp"
#include "server/run_desk.hpp"

namespace meshflow::server {

struct LiveStreamOptions {
  std::size_t clients_max = 32;  // past it: 503
  // A larger event becomes a gap.
  std::size_t event_bytes_max = std::size_t{1} << 20;
  // Traces that have changed and are remembered; who wants to go on from an older one gets a gap.
  std::size_t changes_max = 4096;
  std::chrono::milliseconds pace{200};  // between two events of a trace
  std::chrono::milliseconds approvals_pace{500};
  std::chrono::milliseconds ping_every{15'000};
};

// What events are made of. Called on the stream's thread, one at a time; they may take a query's time.
struct LiveStreamSources {
  struct Outline {
    std::string json;
    std::string revision;
    bool has_rows = true;  // it says something that the asker does not have
  };
  // What came to a trace after `since`. not_found: nothing of it is here.
  std::function<Result<Outline>(const otlp::TraceId&, std::string_view since)> outline;
  // Rows of these traces, as JSON; those that are gone are left out.
  std::function<Result<std::vector<std::string>>(std::span<const otlp::TraceId>)> runs;
  RunDesk* desk = nullptr;  // null: 501 for topic=approvals
};

// Thread-safe. Its thread begins with the first client.
class LiveStream {
 public:
  LiveStream(LiveStreamSources sources, LiveStreamOptions options = {});
  // stop().
  ~LiveStream();
  LiveStream(const LiveStream&) = delete;
  LiveStream& operator=(const LiveStream&) = delete;

  void add_routes(net::HttpRouter& router);  // this object must outlive the server

  // Spans of these traces are new, or have begun. Quick: called while spans are taken in.
  void changed(std::span<const otlp::SpanKey> keys);

  // Ends every stream; later requests get 503. Idempotent.
  void stop();

  [[nodiscard]] std::size_t clients() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace meshflow::server
