// The data directory's runs, for the server: what its pages ask of the ledger and of what waits for people.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "cli/records.hpp"
#include "server/run_desk.hpp"

namespace meshflow::cli {

// Runs that processes of their own continue at the same time, started by one server.
inline constexpr std::size_t kContinuedRunsMax = 32;

// Thread-safe. A run that is decided goes on as after `meshflow approve`: in the process that carries it, else in one
// that this starts (`meshflow resume`), which lives on when this one ends.
class ServedRuns final : public server::RunDesk {
 public:
  explicit ServedRuns(std::string data_dir) : data_dir_(std::move(data_dir)) {}
  ~ServedRuns() override = default;

  [[nodiscard]] Result<server::DeskLedger> ledger(std::string_view run_id, std::string_view root_head) override;
  [[nodiscard]] Result<std::vector<server::DeskApproval>> waiting() override;
  [[nodiscard]] Result<server::DeskApproval> approval(std::string_view id) override;
  [[nodiscard]] Result<server::DeskOutcome> decide(const server::DeskDecision& decision) override;

 private:
  // Null where nothing has run here yet.
  [[nodiscard]] Result<std::shared_ptr<Records>> records();
  [[nodiscard]] bool may_continue_one();
  [[nodiscard]] Result<void> continue_run(const std::string& run_id);

  const std::string data_dir_;
  std::mutex mutex_;
  std::shared_ptr<Records> records_;  // opened with the first run; shared with calls under way
  std::vector<pid_t> continued_;      // processes that have not been waited for
};

}  // namespace meshflow::cli
