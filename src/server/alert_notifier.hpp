// Tells alerts to webhooks and Alertmanagers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/http_client.hpp"
#include "server/alert_rules.hpp"

namespace meshflow::server {

// What waits for one target, in messages; past it the oldest goes.
inline constexpr std::size_t kAlertMessagesMax = 1'000;

struct AlertNotifierOptions {
  std::vector<AlertTarget> targets;
  // Between tries; doubles up to `retry_longest`.
  std::chrono::milliseconds retry_first{500};
  std::chrono::milliseconds retry_longest{30'000};
  int tries_max = 10;  // then the message is dropped
  std::chrono::milliseconds request_timeout{10'000};
};

struct AlertTargetStats {
  std::string url;
  std::uint64_t sent = 0;     // messages that were accepted
  std::uint64_t failed = 0;   // tries that were not
  std::uint64_t dropped = 0;  // messages given up: refused, too often tried, or one too many
};

// Each target has a queue and a thread of its own: a slow one holds up none. Thread-safe.
class AlertNotifier {
 public:
  explicit AlertNotifier(AlertNotifierOptions options);
  // Gives up what waits.
  ~AlertNotifier();
  AlertNotifier(const AlertNotifier&) = delete;
  AlertNotifier& operator=(const AlertNotifier&) = delete;

  // Queues messages about these alerts; an Alertmanager gets all, a webhook those that were not told before.
  void tell(const std::vector<Alert>& alerts, std::int64_t now_ms);
  // Everything that was told has been accepted, or given up.
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] std::vector<AlertTargetStats> stats() const;

 private:
  struct Target;
  void send_all(Target& target);
  bool send(Target& target, const std::string& body);

  const AlertNotifierOptions options_;
  std::vector<std::unique_ptr<Target>> targets_;
};

// The bodies of requests. `ends_ms`: until when an Alertmanager believes that an alert fires, unless it is told again.
[[nodiscard]] std::string alertmanager_body(const std::vector<Alert>& alerts, std::int64_t ends_ms);
[[nodiscard]] std::string webhook_body(const std::vector<Alert>& alerts);

}  // namespace meshflow::server
