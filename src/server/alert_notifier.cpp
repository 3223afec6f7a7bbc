#include "server/alert_notifier.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "query/json_writer.hpp"
#include "server/alert_book.hpp"

namespace meshflow::server {
namespace {

constexpr std::string_view kAlertmanagerPath = "/api/v2/alerts";

// RFC 3339 in UTC, with milliseconds.
std::string time_text(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, unix_ms % 1'000);
}

void write_labels(query::JsonWriter& out, std::string_view key, const AlertLabels& labels) {
  out.key(key);
  out.begin_object();
  for (const auto& [name, value] : labels) out.field(name, value);
  out.end_object();
}

// Labels that all of them have, with the same value.
AlertLabels common(const std::vector<Alert>& alerts, AlertLabels Alert::* of) {
  AlertLabels shared = alerts.empty() ? AlertLabels{} : alerts.front().*of;
  for (const Alert& alert : alerts) {
    std::erase_if(shared, [&](const auto& label) {
      const auto found = (alert.*of).find(label.first);
      return found == (alert.*of).end() || found->second != label.second;
    });
  }
  return shared;
}

}  // namespace

std::string alertmanager_body(const std::vector<Alert>& alerts, std::int64_t ends_ms) {
  query::JsonWriter out;
  out.begin_array();
  for (const Alert& alert : alerts) {
    out.begin_object();
    write_labels(out, "labels", alert.labels);
    write_labels(out, "annotations", alert.annotations);
    out.field("startsAt", time_text(alert.fired_at_ms));
    out.field("endsAt", time_text(alert.state == AlertState::resolved ? alert.resolved_at_ms : ends_ms));
    out.end_object();
  }
  out.end_array();
  return out.take();
}

std::string webhook_body(const std::vector<Alert>& alerts) {
  const bool any_fires =
      std::any_of(alerts.begin(), alerts.end(), [](const Alert& each) { return each.state == AlertState::firing; });
  query::JsonWriter out;
  out.begin_object();
  out.field("version", "4");
  out.field("receiver", "meshflow");
  out.field("status", any_fires ? "firing" : "resolved");
  write_labels(out, "groupLabels", {});
  write_labels(out, "commonLabels", common(alerts, &Alert::labels));
  write_labels(out, "commonAnnotations", common(alerts, &Alert::annotations));
  out.key("alerts");
  out.begin_array();
  for (const Alert& alert : alerts) {
    out.begin_object();
    out.field("status", name_of(alert.state));
    write_labels(out, "labels", alert.labels);
    write_labels(out, "annotations", alert.annotations);
    out.field("startsAt", time_text(alert.fired_at_ms));
    // As Alertmanager writes "not yet".
    out.field("endsAt", alert.state == AlertState::resolved ? time_text(alert.resolved_at_ms) : "0001-01-01T00:00:00Z");
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return out.take();
}

struct AlertNotifier::Target {
  AlertTarget of;
  net::HttpClient client;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> waiting;
  bool stopping = false;
  bool is_sending = false;
  std::atomic<std::uint64_t> sent{0}, failed{0}, dropped{0};
  std::thread thread;
};

AlertNotifier::AlertNotifier(AlertNotifierOptions options) : options_(std::move(options)) {
  for (const AlertTarget& of : options_.targets) {
    targets_.push_back(std::make_unique<Target>());
    Target& target = *targets_.back();
    target.of = of;
    target.thread = std::thread([this, &target] { send_all(target); });
  }
}

AlertNotifier::~AlertNotifier() {
  for (const auto& target : targets_) {
    {
      const std::lock_guard lock(target->mutex);
      target->stopping = true;
    }
    target->changed.notify_all();
    target->client.cancel();
  }
  for (const auto& target : targets_) target->thread.join();
}

void AlertNotifier::tell(const std::vector<Alert>& alerts, std::int64_t now_ms) {
  std::vector<Alert> news;
  for (const Alert& alert : alerts) {
    if (alert.sent_at_ms == 0) news.push_back(alert);
  }
  for (const auto& target : targets_) {
    const bool is_webhook = target->of.kind == AlertTarget::Kind::webhook;
    const std::vector<Alert>& told = is_webhook ? news : alerts;
    if (told.empty()) continue;
    std::string body = is_webhook ? webhook_body(told) : alertmanager_body(told, now_ms + 4 * kResendMs);
    {
      const std::lock_guard lock(target->mutex);
      if (target->waiting.size() >= kAlertMessagesMax) {
        target->waiting.pop_front();
        target->dropped.fetch_add(1, std::memory_order_relaxed);
      }
      target->waiting.push_back(std::move(body));
    }
    target->changed.notify_all();
  }
}

void AlertNotifier::send_all(Target& target) {
  ::pthread_setname_np(::pthread_self(), "alerts-send");
  for (;;) {
    std::string body;
    {
      std::unique_lock lock(target.mutex);
      target.changed.wait(lock, [&target] { return target.stopping || !target.waiting.empty(); });
      if (target.stopping) return;
      body = std::move(target.waiting.front());
      target.waiting.pop_front();
      target.is_sending = true;
    }
    if (send(target, body)) {
      target.sent.fetch_add(1, std::memory_order_relaxed);
    } else {
      target.dropped.fetch_add(1, std::memory_order_relaxed);
    }
    const std::lock_guard lock(target.mutex);
    // What the end of the process interrupted was not delivered.
    if (!target.stopping) target.is_sending = false;
  }
}

bool AlertNotifier::is_idle() const {
  return std::all_of(targets_.begin(), targets_.end(), [](const auto& target) {
    const std::lock_guard lock(target->mutex);
    return target->waiting.empty() && !target->is_sending;
  });
}

// False where it was given up.
bool AlertNotifier::send(Target& target, const std::string& body) {
  std::string url = target.of.url;
  if (target.of.kind == AlertTarget::Kind::alertmanager && !url.ends_with(kAlertmanagerPath)) {
    while (url.ends_with("/")) url.pop_back();
    url += kAlertmanagerPath;
  }
  std::chrono::milliseconds wait = options_.retry_first;
  for (int tries = 1;; ++tries) {
    net::HttpRequest request;
    request.url = url;
    request.headers = {{"content-type", "application/json"}};
    request.body = body;
    request.connect_timeout = options_.request_timeout;
    request.total_timeout = options_.request_timeout;
    const net::HttpResult answer = target.client.send(request);
    const bool is_accepted = answer && answer->status >= 200 && answer->status < 300;
    if (is_accepted) return true;
    target.failed.fetch_add(1, std::memory_order_relaxed);
    // What the target will not take however often it is asked.
    const bool is_refused = answer && answer->status != 429 && answer->status < 500;
    if (is_refused || tries >= options_.tries_max) return false;
    std::unique_lock lock(target.mutex);
    if (target.changed.wait_for(lock, wait, [&target] { return target.stopping; })) return false;
    wait = std::min(wait * 2, options_.retry_longest);
  }
}

std::vector<AlertTargetStats> AlertNotifier::stats() const {
  std::vector<AlertTargetStats> all;
  for (const auto& target : targets_) {
    all.push_back({target->of.url, target->sent.load(std::memory_order_relaxed),
                   target->failed.load(std::memory_order_relaxed), target->dropped.load(std::memory_order_relaxed)});
  }
  return all;
}

}  // namespace meshflow::server
