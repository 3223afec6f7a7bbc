#include "server/live_stream.hpp"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>
#include <pthread.h>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "query/json_writer.hpp"
#include "server/api_error.hpp"
#include "server/desk_api.hpp"
#include "server/live_spans.hpp"
#include "server/same_origin.hpp"

namespace meshflow::server {
namespace {

using net::HttpResponder;
using net::HttpServerRequest;
using SteadyTime = std::chrono::steady_clock::time_point;

// Who connects gets what changed so long before: between its list and its stream something may have.
constexpr std::chrono::seconds kOverlap{5};
// Rows that are read for one round of events.
constexpr std::size_t kRunsAtOnce = 200;
constexpr std::size_t kTraceIdDigits = 32;

enum class Topic { runs, trace, approvals };

// One event of the wire form. `data` is one line.
std::string event_text(std::string_view type, std::string_view id, std::string_view data) {
  return fmt::format("event: {}\nid: {}\ndata: {}\n\n", type, id, data);
}

std::string gap_text(std::string_view id, std::string_view reason) {
  query::JsonWriter out;
  out.begin_object();
  out.field("reason", reason);
  out.end_object();
  return event_text("gap", id, out.take());
}

std::optional<otlp::TraceId> trace_id_of(std::string_view digits) {
  if (digits.empty() || digits.size() > kTraceIdDigits) return std::nullopt;
  const auto bytes = from_hex(std::string(kTraceIdDigits - digits.size(), '0').append(digits));
  otlp::TraceId id{};
  if (!bytes) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return id;
}

// A position in the stream of changes: which server, and how far.
struct Position {
  std::string epoch;
  std::uint64_t count = 0;
};
std::optional<Position> position_of(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  Position position{std::string(text.substr(0, dot))};
  const std::string_view digits = text.substr(dot + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), position.count);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return position;
}

struct TraceKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const TraceKey&, const TraceKey&) = default;
};

TraceKey key_of_trace(const otlp::TraceId& id) {
  const otlp::SpanKey key = key_of(id, otlp::SpanId{});
  return {key.trace_high, key.trace_low};
}

otlp::TraceId trace_of(const TraceKey& key) {
  otlp::TraceId id{};
  for (std::size_t i = 0; i < 8; ++i) {
    id[i] = static_cast<std::uint8_t>(key.high >> (56 - 8 * i));
    id[8 + i] = static_cast<std::uint8_t>(key.low >> (56 - 8 * i));
  }
  return id;
}

// Which traces have changed, the last change of each, bounded. Not thread-safe.
class Changes {
 public:
  explicit Changes(std::size_t count_max) : count_max_(count_max) {}

  void add(const TraceKey& trace, SteadyTime now) {
    const auto known = by_trace_.find(trace);
    if (known != by_trace_.end()) by_count_.erase(known->second);
    by_trace_[trace] = ++count_;
    by_count_.emplace(count_, Change{trace, now});
    if (by_count_.size() <= count_max_) return;
    forgotten_ = by_count_.begin()->first;
    by_trace_.erase(by_count_.begin()->second.trace);
    by_count_.erase(by_count_.begin());
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  // Of a change at or before this nothing may be known any more.
  [[nodiscard]] std::uint64_t forgotten() const noexcept { return forgotten_; }
  // The last change of a trace; 0: none that is known.
  [[nodiscard]] std::uint64_t of(const TraceKey& trace) const {
    const auto known = by_trace_.find(trace);
    return known == by_trace_.end() ? 0 : known->second;
  }
  // The count before the first change since then.
  [[nodiscard]] std::uint64_t before(SteadyTime time) const {
    std::uint64_t count = count_;
    for (auto change = by_count_.rbegin(); change != by_count_.rend() && change->second.when >= time; ++change) {
      count = change->first - 1;
    }
    return count;
  }
  // Those after `count`, oldest first.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, TraceKey>> after(std::uint64_t count, std::size_t at_most) const {
    std::vector<std::pair<std::uint64_t, TraceKey>> found;
    for (auto change = by_count_.upper_bound(count); change != by_count_.end() && found.size() < at_most; ++change) {
      found.emplace_back(change->first, change->second.trace);
    }
    return found;
  }

 private:
  struct Change {
    TraceKey trace;
    SteadyTime when;
  };
  const std::size_t count_max_;
  std::uint64_t count_ = 0;
  std::uint64_t forgotten_ = 0;
  std::map<TraceKey, std::uint64_t> by_trace_;
  std::map<std::uint64_t, Change> by_count_;
};

// One that listens. Used by the stream's thread alone once it is in.
struct Client {
  Client(net::HttpStream to, Topic about) : stream(std::move(to)), topic(about) {}
  net::HttpStream stream;
  Topic topic;
  otlp::TraceId trace_id{};
  std::string revision;       // trace: of the outline that it has
  std::uint64_t seen = 0;     // of the changes; of the approvals' version
  bool is_asked = false;      // it got its first answer
  bool is_over = false;
  std::string first = {};     // an event to begin with
  std::string open = {};      // trace: what it was told last, where nothing but open spans changed
  SteadyTime next_ping{};
};

}  // namespace

class LiveStream::Implementation {
 public:
  Implementation(LiveStreamSources sources, LiveStreamOptions options)
      : sources_(std::move(sources)),
        options_(options),
        epoch_(fmt::format("{:08x}", static_cast<std::uint32_t>(random_u64()))),
        changes_(options.changes_max) {}
  ~Implementation() { stop(); }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  void open(const HttpServerRequest& request, const HttpResponder& responder);
  void changed(std::span<const otlp::SpanKey> keys);
  void stop();
  [[nodiscard]] std::size_t clients() const {
    const std::lock_guard lock(mutex_);
    return client_count_;
  }

 private:
  [[nodiscard]] std::string id_of(std::uint64_t count) const { return fmt::format("{}.{}", epoch_, count); }
  [[nodiscard]] Result<std::unique_ptr<Client>> admit(const HttpServerRequest& request, const HttpResponder& responder);
  void place(Client& client, std::string_view last_id);
  void run();
  void serve(Client& client, SteadyTime now);
  void serve_trace(Client& client);
  void serve_runs(Client& client);
  void serve_approvals(Client& client);
  void poll_approvals(SteadyTime now);
  [[nodiscard]] std::string card_text(const DeskApproval& approval) const;

  const LiveStreamSources sources_;
  const LiveStreamOptions options_;
  const std::string epoch_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;
  bool is_changed_ = false;
  Changes changes_;
  std::vector<std::unique_ptr<Client>> coming_;
  std::size_t client_count_ = 0;  // those that come included
  std::thread thread_;

  // The stream's thread's.
  std::vector<std::unique_ptr<Client>> clients_;
  struct Card {
    std::string text;  // as it was told
    std::uint64_t version = 0;
    bool is_waiting = true;
  };
  std::map<std::string, Card> cards_;  // by id
  std::uint64_t cards_version_ = 0;
  SteadyTime next_poll_{};
};

// ---- coming and going
// -------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Client>> LiveStream::Implementation::admit(const HttpServerRequest& request,
                                                                  const HttpResponder& responder) {
  constexpr const char* kTopics = "topic=runs, topic=approvals, or topic=trace&trace_id=…";
  const std::string_view topic = request.query_value("topic").value_or("");
  std::optional<Topic> about;
  if (topic == "runs") about = Topic::runs;
  if (topic == "trace") about = Topic::trace;
  if (topic == "approvals") about = Topic::approvals;
  if (!about) return fail(ErrorCode::invalid_argument, fmt::format("there is no topic \"{}\"", topic), kTopics);
  if (about == Topic::approvals && sources_.desk == nullptr) {
    return fail(ErrorCode::unsupported, "this server has no runs of its own");
  }
  std::optional<otlp::TraceId> trace_id;
  if (about == Topic::trace) {
    trace_id = trace_id_of(request.query_value("trace_id").value_or(""));
    if (!trace_id) return fail(ErrorCode::invalid_argument, "trace_id: not a trace id", "1 to 32 hexadecimal digits");
  }
  std::string_view last_id = request.header("last-event-id");
  if (last_id.empty()) last_id = request.query_value("since").value_or("");

  const std::lock_guard lock(mutex_);
  if (is_stopping_) return fail(ErrorCode::unavailable, "the server is stopping");
  if (client_count_ >= options_.clients_max) {
    return fail(ErrorCode::unavailable, fmt::format("{} streams are open already (limit clients)", client_count_),
                "close a page, or try again later");
  }
  ++client_count_;
  net::HttpReply head{.status = 200,
                      .content_type = "text/event-stream",
                      .headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
                      .body = "retry: 1000\n\n"};
  auto client = std::make_unique<Client>(responder.stream(std::move(head)), *about);
  if (trace_id) client->trace_id = *trace_id;
  place(*client, last_id);
  return client;
}

// Where the client goes on. With the lock.
void LiveStream::Implementation::place(Client& client, std::string_view last_id) {
  if (client.topic == Topic::trace) {
    client.revision = last_id;
    return;
  }
  const auto position = position_of(last_id);
  const bool is_ours = position && position->epoch == epoch_;
  if (client.topic == Topic::approvals) {  // every card that waits is told; those that are gone are known since then
    client.seen = is_ours ? position->count : 0;
    if (!last_id.empty() && !is_ours) client.first = gap_text(id_of(0), "the server was started again");
    return;
  }
  client.seen = changes_.before(std::chrono::steady_clock::now() - kOverlap);
  if (is_ours && position->count <= changes_.count()) {
    client.seen = position->count;
  } else if (!last_id.empty()) {
    client.first = gap_text(id_of(client.seen), "the server was started again");
  }
}

void LiveStream::Implementation::open(const HttpServerRequest& request, const HttpResponder& responder) {
  auto client = admit(request, responder);
  if (!client) {
    net::HttpReply reply = error_reply(client.error());
    if (reply.status == 503) reply.headers.emplace_back("Retry-After", "5");
    return responder.send(std::move(reply));
  }
  const std::lock_guard lock(mutex_);
  (*client)->next_ping = std::chrono::steady_clock::now() + options_.ping_every;
  coming_.push_back(std::move(*client));
  is_changed_ = true;
  if (!thread_.joinable() && !is_stopping_) thread_ = std::thread([this] { run(); });
  wake_.notify_all();
}

void LiveStream::Implementation::changed(std::span<const otlp::SpanKey> keys) {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = std::chrono::steady_clock::now();
  std::optional<TraceKey> last;  // spans of a trace come together
  for (const otlp::SpanKey& key : keys) {
    const TraceKey trace{key.trace_high, key.trace_low};
    if (key.span == 0 || last == trace) continue;
    last = trace;
    changes_.add(trace, now);
  }
  if (!last) return;
  is_changed_ = true;
  if (client_count_ > 0) wake_.notify_all();
}

void LiveStream::Implementation::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const auto* list : {&clients_, &coming_}) {
    for (const auto& client : *list) client->stream.end();
  }
  clients_.clear();
  coming_.clear();
}

// ---- the thread
// -------------------------------------------------------------------------------------------------------

void LiveStream::Implementation::run() {
  ::pthread_setname_np(::pthread_self(), "live-stream");
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return is_stopping_ || client_count_ > 0; });
      // A round for what changed, but not more often than the pace; and one now and then for pings and who was slow.
      wake_.wait_for(lock, options_.pace, [this] { return is_stopping_; });
      if (is_stopping_) return;
      for (auto& client : coming_) clients_.push_back(std::move(client));
      coming_.clear();
      is_changed_ = false;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    poll_approvals(now);
    for (const auto& client : clients_) serve(*client, now);
    std::erase_if(clients_, [](const auto& client) { return client->is_over || !client->stream.is_open(); });
    const std::lock_guard lock(mutex_);
    client_count_ = clients_.size() + coming_.size();
  }
}

void LiveStream::Implementation::serve(Client& client, SteadyTime now) {
  if (!client.stream.is_open()) return;
  if (!client.first.empty()) {
    if (!client.stream.write(client.first)) return;  // later
    client.first.clear();
  }
  switch (client.topic) {
    case Topic::trace: serve_trace(client); break;
    case Topic::runs: serve_runs(client); break;
    case Topic::approvals: serve_approvals(client); break;
  }
  if (now < client.next_ping || client.is_over) return;
  // Without an id: it changes nothing about where a client goes on.
  if (client.stream.write("event: ping\ndata: {}\n\n")) client.next_ping = now + options_.ping_every;
}

void LiveStream::Implementation::serve_trace(Client& client) {
  std::uint64_t change = 0;
  {
    const std::lock_guard lock(mutex_);
    change = changes_.of(key_of_trace(client.trace_id));
  }
  if (client.is_asked && change <= client.seen) return;
  auto outline = sources_.outline(client.trace_id, client.revision);
  if (!outline && outline.error().code == ErrorCode::not_found) {  // its first spans are yet to come
    client.is_asked = true;
    client.seen = change;
    return;
  }
  if (!outline) return;  // the store's trouble: another try in the next round
  const bool is_new = outline->has_rows || outline->revision != client.revision || outline->json != client.open;
  const bool is_too_large = outline->json.size() > options_.event_bytes_max;
  if (is_new) {
    const std::string text =
        is_too_large ? gap_text(client.revision, fmt::format("what is new takes {} bytes; an event has at most {}",
                                                             outline->json.size(), options_.event_bytes_max))
                     : event_text("spans", outline->revision, outline->json);
    if (!client.stream.write(text)) return;  // it has not taken what it got: later, from where it is
  }
  if (is_too_large) {
    client.stream.end();
    client.is_over = true;
    return;
  }
  client.is_asked = true;
  client.seen = change;
  client.revision = std::move(outline->revision);
  client.open = outline->has_rows ? std::string() : std::move(outline->json);
}

void LiveStream::Implementation::serve_runs(Client& client) {
  std::vector<std::pair<std::uint64_t, TraceKey>> changes;
  std::uint64_t forgotten = 0;
  {
    const std::lock_guard lock(mutex_);
    changes = changes_.after(client.seen, kRunsAtOnce);
    forgotten = changes_.forgotten();
  }
  if (client.seen < forgotten) {
    const std::uint64_t from = changes.empty() ? forgotten : changes.front().first - 1;
    if (!client.stream.write(gap_text(id_of(from), "more has changed than is remembered"))) return;
    client.seen = std::max(forgotten, from);
  }
  if (changes.empty()) return;
  std::vector<otlp::TraceId> ids;
  ids.reserve(changes.size());
  for (const auto& [count, trace] : changes) ids.push_back(trace_of(trace));
  const auto rows = sources_.runs(ids);
  if (!rows) return;
  const std::string id = id_of(changes.back().first);
  std::string text;
  for (const std::string& row : *rows) text += event_text("run", id, row);
  if (!text.empty() && !client.stream.write(std::move(text))) return;
  client.seen = changes.back().first;
}

std::string LiveStream::Implementation::card_text(const DeskApproval& approval) const {
  query::JsonWriter out;
  write_json(out, approval);
  return out.take();
}

// What has changed among the cards since the last look.
void LiveStream::Implementation::poll_approvals(SteadyTime now) {
  const bool is_wanted =
      std::any_of(clients_.begin(), clients_.end(), [](const auto& c) { return c->topic == Topic::approvals; });
  if (!is_wanted || now < next_poll_) return;
  next_poll_ = now + options_.approvals_pace;
  const auto waiting = sources_.desk->waiting();
  if (!waiting) return;
  const auto tell = [this](const std::string& id, std::string text, bool is_waiting) {
    Card& card = cards_[id];
    if (card.text == text) return;
    card = {std::move(text), ++cards_version_, is_waiting};
  };
  std::map<std::string, const DeskApproval*> now_waiting;
  for (const DeskApproval& approval : *waiting) now_waiting.emplace(approval.id, &approval);
  for (const auto& [id, approval] : now_waiting) tell(id, card_text(*approval), true);
  for (auto& [id, card] : cards_) {
    if (!card.is_waiting || now_waiting.contains(id)) continue;
    if (const auto decided = sources_.desk->approval(id)) tell(id, card_text(*decided), false);
    card.is_waiting = false;
  }
  while (cards_.size() > 2 * kApprovalsMax) {  // those that were decided longest ago
    const auto oldest = std::min_element(cards_.begin(), cards_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second.is_waiting, a.second.version) < std::pair(b.second.is_waiting, b.second.version);
    });
    cards_.erase(oldest);
  }
}

void LiveStream::Implementation::serve_approvals(Client& client) {
  std::vector<const Card*> news;
  for (const auto& [id, card] : cards_) {
    const bool is_first = !client.is_asked && card.is_waiting;
    if (is_first || (card.version > client.seen && (client.is_asked || client.seen > 0))) news.push_back(&card);
  }
  std::sort(news.begin(), news.end(), [](const Card* a, const Card* b) { return a->version < b->version; });
  std::string text;
  for (const Card* card : news) text += event_text("approval", id_of(card->version), card->text);
  if (!text.empty() && !client.stream.write(std::move(text))) return;
  client.is_asked = true;
  client.seen = std::max(client.seen, cards_version_);
}

LiveStream::LiveStream(LiveStreamSources sources, LiveStreamOptions options)
    : implementation_(std::make_unique<Implementation>(std::move(sources), options)) {}
LiveStream::~LiveStream() = default;

void LiveStream::add_routes(net::HttpRouter& router) {
  router.add("GET", "/api/meshflow/stream",
             same_origin_only([this](const HttpServerRequest& request, const HttpResponder& responder) {
               implementation_->open(request, responder);
             }));
}

void LiveStream::changed(std::span<const otlp::SpanKey> keys) { implementation_->changed(keys); }
void LiveStream::stop() { implementation_->stop(); }
std::size_t LiveStream::clients() const { return implementation_->clients(); }

}  // namespace meshflow::server
