// What is told as it happens, over a real connection: to who comes, goes, comes back, reads slowly or not at all.
#include "server/live_stream.hpp"

#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/raw_client.hpp"
#include "server/live_spans.hpp"

namespace meshflow::server {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

otlp::SpanKey span_of(std::uint64_t trace) { return {0, trace, 1}; }
std::string hex_trace(std::uint64_t trace) { return fmt::format("{:032x}", trace); }
std::uint64_t number_of(const otlp::TraceId& id) { return key_of(id, {}).trace_low; }

struct Event {
  std::string type;
  std::string id;
  std::string data;
};

// All that are whole in a text of the wire form.
std::vector<Event> events_in(std::string_view text) {
  std::vector<Event> events;
  while (true) {
    const auto end = text.find("\n\n");
    if (end == std::string_view::npos) return events;
    Event event;
    std::string_view lines = text.substr(0, end);
    text.remove_prefix(end + 2);
    while (!lines.empty()) {
      const auto line = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(std::min(lines.size(), line.size() + 1));
      if (line.starts_with("event: ")) event.type = line.substr(7);
      if (line.starts_with("id: ")) event.id = line.substr(4);
      if (line.starts_with("data: ")) event.data = line.substr(6);
    }
    if (!event.type.empty()) events.push_back(std::move(event));
  }
}

// Cards that a test puts on and takes off.
class Desk final : public RunDesk {
 public:
  void put(const std::string& id, const std::string& state) {
    const std::lock_guard lock(mutex_);
    DeskApproval& card = cards_[id];
    card.id = id;
    card.state = state;
  }
  Result<DeskLedger> ledger(std::string_view, std::string_view) override { return DeskLedger{}; }
  Result<std::vector<DeskApproval>> waiting() override {
    const std::lock_guard lock(mutex_);
    std::vector<DeskApproval> found;
    for (const auto& [id, card] : cards_) {
      if (card.state == "pending") found.push_back(card);
    }
    return found;
  }
  Result<DeskApproval> approval(std::string_view id) override {
    const std::lock_guard lock(mutex_);
    return cards_.at(std::string(id));
  }
  Result<DeskOutcome> decide(const DeskDecision&) override { return fail(ErrorCode::unsupported, "not here"); }

 private:
  std::mutex mutex_;
  std::map<std::string, DeskApproval> cards_;
};

class LiveStreamTest : public ::testing::Test {
 protected:
  // What is known of traces: so many rows each.
  std::map<std::uint64_t, int> rows_;
  std::mutex mutex_;
  std::atomic<std::size_t> padding_{0};  // bytes of each outline, on top

  void set_rows(std::uint64_t trace, int rows) {
    {
      const std::lock_guard lock(mutex_);
      rows_[trace] = rows;
    }
    const std::vector<otlp::SpanKey> keys{span_of(trace)};
    stream_->changed(keys);
  }

  void start(LiveStreamOptions options = {}) {
    options.pace = 5ms;
    options.ping_every = 20ms;  // who has gone is noticed when something is sent
    options.approvals_pace = 5ms;
    LiveStreamSources sources;
    sources.outline = [this](const otlp::TraceId& id, std::string_view since) -> Result<LiveStreamSources::Outline> {
      const std::lock_guard lock(mutex_);
      const auto found = rows_.find(number_of(id));
      if (found == rows_.end()) return fail(ErrorCode::not_found, "no such trace");
      const int has = since.empty() ? 0 : std::stoi(std::string(since));
      return LiveStreamSources::Outline{
          fmt::format(R"({{"since":"{}","rows":{},"x":"{}"}})", since, found->second - has, std::string(padding_, 'x')),
          std::to_string(found->second), found->second > has};
    };
    sources.runs = [this](std::span<const otlp::TraceId> ids) -> Result<std::vector<std::string>> {
      const std::lock_guard lock(mutex_);
      std::vector<std::string> found;
      for (const auto& id : ids) {
        if (rows_.contains(number_of(id)))
          found.push_back(fmt::format(R"({{"trace":{},"spans":{}}})", number_of(id), rows_[number_of(id)]));
      }
      return found;
    };
    sources.desk = &desk_;
    stream_ = std::make_unique<LiveStream>(std::move(sources), options);
    router_ = std::make_unique<net::HttpRouter>();
    stream_->add_routes(*router_);
    net::HttpServerOptions http;
    http.name = "test";
    http.limits.stream_bytes_max = 64 << 10;
    http.limits.write_timeout = 5s;
    auto server = net::HttpServer::listen(threads_, std::move(http), net::handler_of(*router_));
    ASSERT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
  }
  void TearDown() override {
    if (stream_) stream_->stop();
    server_.reset();
  }

  // Listens on a thread of its own.
  class Listener {
   public:
    Listener(const LiveStreamTest& test, const std::string& query, net::HttpHeaders headers = {})
        : url_("http://" + test.server_->address().text() + "/api/meshflow/stream?" + query),
          headers_(std::move(headers)) {
      thread_ = std::thread([this] {
        net::HttpRequest request;
        request.url = url_;
        request.method = "GET";
        request.headers = headers_;
        request.total_timeout = 30s;
        request.response_bytes_max = std::size_t{64} << 20;
        request.is_enough = [this](const net::HttpResponse& so_far) {
          const std::lock_guard lock(mutex_);
          body_ = so_far.body;
          return is_left_.load();
        };
        const auto answer = client_.send(request);
        const std::lock_guard lock(mutex_);
        status_ = answer ? answer->status : -1;
        if (answer) body_ = answer->body;
      });
    }
    ~Listener() { leave(); }
    void leave() {
      is_left_ = true;
      client_.cancel();
      if (thread_.joinable()) thread_.join();
    }
    std::vector<Event> events() {
      const std::lock_guard lock(mutex_);
      return events_in(body_);
    }
    // Waits for so many events of a type; what came, of all types but pings.
    std::vector<Event> wait_for(const std::string& type, std::size_t count) {
      const auto limit = std::chrono::steady_clock::now() + 20s;
      for (;;) {
        auto all = events();
        std::erase_if(all, [](const Event& e) { return e.type == "ping"; });
        const auto found = std::count_if(all.begin(), all.end(), [&](const Event& e) { return e.type == type; });
        if (static_cast<std::size_t>(found) >= count || std::chrono::steady_clock::now() > limit) return all;
        std::this_thread::yield();
      }
    }
    // Once the server has ended the stream.
    int wait_for_end() {
      if (thread_.joinable()) thread_.join();
      return status_;
    }

   private:
    const std::string url_;
    const net::HttpHeaders headers_;
    net::HttpClient client_;
    std::mutex mutex_;
    std::string body_;
    std::atomic<bool> is_left_{false};
    int status_ = 0;
    std::thread thread_;
  };

  void wait_for_clients(std::size_t count) {
    const auto limit = std::chrono::steady_clock::now() + 20s;
    while (stream_->clients() != count && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    EXPECT_EQ(stream_->clients(), count);
  }

  Desk desk_;
  net::IoThreads threads_{2};
  std::unique_ptr<LiveStream> stream_;
  std::unique_ptr<net::HttpRouter> router_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(LiveStreamTest, ATraceIsToldFromWhatTheClientHas) {
  start();
  set_rows(7, 3);
  Listener listener(*this, "topic=trace&since=2&trace_id=" + hex_trace(7));
  auto events = listener.wait_for("spans", 1);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].id, "3");
  EXPECT_THAT(events[0].data, StartsWith(R"({"since":"2","rows":1)"));
  set_rows(8, 1);  // another trace
  set_rows(7, 5);
  events = listener.wait_for("spans", 2);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_THAT(events[1].data, StartsWith(R"({"since":"3","rows":2)"));
}

TEST_F(LiveStreamTest, WhoComesBackGoesOnWhereItWas) {
  start();
  set_rows(7, 1);
  std::string last_id;
  {
    Listener listener(*this, "topic=trace&trace_id=7");
    last_id = listener.wait_for("spans", 1).at(0).id;
  }
  wait_for_clients(0);
  set_rows(7, 4);
  // What the browser remembers counts for more than the address it began with.
  Listener again(*this, "topic=trace&trace_id=7&since=0", {{"last-event-id", last_id}});
  const auto events = again.wait_for("spans", 1);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_THAT(events[0].data, StartsWith(R"({"since":"1","rows":3)"));
}

TEST_F(LiveStreamTest, ATraceThatIsNotThereYetIsToldOnceItIs) {
  start();
  Listener listener(*this, "topic=trace&trace_id=7");
  wait_for_clients(1);
  set_rows(7, 1);
  EXPECT_THAT(listener.wait_for("spans", 1), SizeIs(1));
}

TEST_F(LiveStreamTest, RunsThatAreNewOrChangeAreToldOnceEach) {
  start();
  set_rows(1, 1);
  Listener listener(*this, "topic=runs");
  auto events = listener.wait_for("run", 1);
  ASSERT_THAT(events, SizeIs(1)) << "what changed just before it came";
  EXPECT_EQ(events[0].data, R"({"trace":1,"spans":1})");
  set_rows(2, 5);
  set_rows(1, 2);
  events = listener.wait_for("run", 3);
  std::vector<std::string> last_two{events.at(1).data, events.at(2).data};
  EXPECT_THAT(last_two, ::testing::UnorderedElementsAre(R"({"trace":2,"spans":5})", R"({"trace":1,"spans":2})"));

  // Back again: only what it missed.
  const std::string last_id = events.back().id;
  listener.leave();
  wait_for_clients(0);
  set_rows(3, 1);
  Listener again(*this, "topic=runs", {{"last-event-id", last_id}});
  events = again.wait_for("run", 1);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].data, R"({"trace":3,"spans":1})");
}

TEST_F(LiveStreamTest, WhoMissedMoreThanIsRememberedIsToldOfTheGap) {
  start({.changes_max = 4});
  set_rows(1, 1);
  std::string last_id;
  {
    Listener listener(*this, "topic=runs");
    last_id = listener.wait_for("run", 1).at(0).id;
  }
  wait_for_clients(0);
  for (std::uint64_t trace = 10; trace < 20; ++trace) set_rows(trace, 1);
  Listener again(*this, "topic=runs", {{"last-event-id", last_id}});
  auto events = again.wait_for("run", 4);
  EXPECT_EQ(events.at(0).type, "gap");
  EXPECT_THAT(events, SizeIs(5)) << "and it goes on";
  // A position of another server's life.
  Listener foreign(*this, "topic=runs", {{"last-event-id", "00000000.1"}});
  EXPECT_EQ(foreign.wait_for("gap", 1).at(0).type, "gap");
}

TEST_F(LiveStreamTest, CardsAreToldAsTheyComeAndAreDecided) {
  start();
  desk_.put("1", "pending");
  Listener listener(*this, "topic=approvals");
  auto events = listener.wait_for("approval", 1);
  EXPECT_THAT(events.at(0).data, HasSubstr(R"("state":"pending")"));
  desk_.put("2", "pending");
  EXPECT_THAT(listener.wait_for("approval", 2).at(1).data, HasSubstr(R"("id":"2")"));
  desk_.put("1", "approved");
  events = listener.wait_for("approval", 3);
  EXPECT_THAT(events.at(2).data, HasSubstr(R"("state":"approved")"));
  // Decided while nobody listened: known to who comes back.
  const std::string last_id = events.back().id;
  listener.leave();
  wait_for_clients(0);
  desk_.put("2", "rejected");
  Listener again(*this, "topic=approvals", {{"last-event-id", last_id}});
  EXPECT_THAT(again.wait_for("approval", 1).at(0).data, HasSubstr(R"("state":"rejected")"));
}

TEST_F(LiveStreamTest, AnEventThatIsTooLargeIsAGapAndTheStreamEnds) {
  start({.event_bytes_max = 1000});
  set_rows(7, 1);
  padding_ = 2000;
  Listener listener(*this, "topic=trace&since=0&trace_id=7");
  EXPECT_EQ(listener.wait_for_end(), 200);
  const auto events = listener.wait_for("gap", 1);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].type, "gap");
  EXPECT_EQ(events[0].id, "0") << "where it was";
  wait_for_clients(0);
}

TEST_F(LiveStreamTest, ASlowReaderMissesNothingAndCostsNothing) {
  start();
  padding_ = 60'000;
  set_rows(7, 1);
  net::RawClient slow(server_->address().port);
  ASSERT_TRUE(slow.send("GET /api/meshflow/stream?topic=trace&trace_id=7 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_THAT(slow.read_until("\r\n\r\n"), HasSubstr("text/event-stream"));
  wait_for_clients(1);
  // Far more events than its buffer and the kernel's take, while it reads nothing.
  Listener quick(*this, "topic=trace&trace_id=7");
  quick.wait_for("spans", 1);
  for (int rows = 2; rows <= 20; ++rows) {
    set_rows(7, rows);
    quick.wait_for("spans", static_cast<std::size_t>(rows));
  }
  // It reads, and its events add up to all rows, whatever their number.
  int rows = 0;
  std::string text;
  while (rows < 20) {
    const std::string more = slow.read_until("\n\n");
    ASSERT_FALSE(more.empty()) << "it was cut off";
    text += more;
    const auto at = text.find(R"("rows":)");
    if (at == std::string::npos) continue;
    rows += std::stoi(text.substr(at + 7));
    text.clear();
  }
  EXPECT_EQ(rows, 20);
}

TEST_F(LiveStreamTest, AnAbandonedClientIsDropped) {
  start();
  padding_ = 500'000;
  set_rows(7, 1);
  {
    net::RawClient gone(server_->address().port);
    ASSERT_TRUE(gone.send("GET /api/meshflow/stream?topic=runs HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    wait_for_clients(1);
  }
  wait_for_clients(0);  // its connection was closed
  net::RawClient stuck(server_->address().port);
  ASSERT_TRUE(stuck.send("GET /api/meshflow/stream?topic=trace&trace_id=7 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  wait_for_clients(1);
  // It takes nothing: past what the kernel keeps for it, the listener's write_timeout ends it.
  const auto limit = std::chrono::steady_clock::now() + 20s;
  for (int rows = 2; stream_->clients() > 0 && std::chrono::steady_clock::now() < limit; ++rows) set_rows(7, rows);
  EXPECT_EQ(stream_->clients(), 0U);
}

TEST_F(LiveStreamTest, ClientsAreBounded) {
  start({.clients_max = 2});
  Listener first(*this, "topic=runs");
  Listener second(*this, "topic=approvals");
  wait_for_clients(2);
  Listener third(*this, "topic=runs");
  EXPECT_EQ(third.wait_for_end(), 503);
  first.leave();
  wait_for_clients(1);
  Listener fourth(*this, "topic=runs");
  wait_for_clients(2);
}

TEST_F(LiveStreamTest, PingsKeepAQuietStreamAlive) {
  start();
  Listener listener(*this, "topic=runs");
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (listener.events().size() < 3 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  ASSERT_GE(listener.events().size(), 3U);
  EXPECT_EQ(listener.events()[0].type, "ping");
  EXPECT_EQ(listener.events()[0].id, "") << "it is no place to go on from";
}

TEST_F(LiveStreamTest, WhatIsAskedWronglyIsSaid) {
  start();
  for (const auto& [query, status] : {std::pair("topic=weather", 400), std::pair("", 400),
                                      std::pair("topic=trace&trace_id=xyz", 400), std::pair("topic=trace", 400)}) {
    Listener listener(*this, query);
    EXPECT_EQ(listener.wait_for_end(), status) << query;
  }
  Listener foreign(*this, "topic=runs", {{"sec-fetch-site", "cross-site"}});
  EXPECT_EQ(foreign.wait_for_end(), 403) << "a page elsewhere must not take the places";
}

TEST_F(LiveStreamTest, StoppingEndsEveryStream) {
  start();
  Listener listener(*this, "topic=runs");
  wait_for_clients(1);
  stream_->stop();
  EXPECT_EQ(listener.wait_for_end(), 200);
  Listener late(*this, "topic=runs");
  EXPECT_EQ(late.wait_for_end(), 503);
}

}  // namespace
}  // namespace meshflow::server
