// The data directory's traces: through the server that runs there, else from its store.
#pragma once

#include <memory>
#include <string>

#include "cli/session.hpp"
#include "meshflow/base/error.hpp"
#include "server/trace_source.hpp"
#include "store/trace_store.hpp"

namespace meshflow::cli {

[[nodiscard]] std::string control_socket_of(const std::string& data_dir);
// The store in DATA/store, with the spool of local runs in DATA/spool.
[[nodiscard]] store::StoreOptions default_store_options(const std::string& data_dir);

// Opens the store, waiting up to kStoreWait while another process has it: commands have it for a moment only.
inline constexpr int kStoreWaitSeconds = 5;
[[nodiscard]] Result<std::unique_ptr<store::TraceStore>> open_store(const store::StoreOptions& options);

// What answers. A resource; one thread at a time.
class TraceAccess {
 public:
  // Nothing is made where there is nothing (not_found). A server that is starting, or a command that has the store, is
  // waited for, up to kStoreWaitSeconds; then the Error says who has it.
  [[nodiscard]] static Result<TraceAccess> open(const Session& session);
  // Makes the store where there is none.
  [[nodiscard]] static Result<TraceAccess> open_to_write(const Session& session);

  [[nodiscard]] server::TraceSource& source() const noexcept { return *source_; }
  // Writes what is in memory where the store is this process's. Call it when all went well.
  [[nodiscard]] Result<void> close();

 private:
  TraceAccess(std::unique_ptr<store::TraceStore> store, std::unique_ptr<server::TraceSource> source)
      : store_(std::move(store)), source_(std::move(source)) {}
  [[nodiscard]] static Result<TraceAccess> open(const std::string& data_dir);

  std::unique_ptr<store::TraceStore> store_;  // null: a server has it
  std::unique_ptr<server::TraceSource> source_;
};

}  // namespace meshflow::cli
