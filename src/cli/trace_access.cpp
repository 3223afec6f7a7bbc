#include "cli/trace_access.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/try.hpp"
#include "server/control_api.hpp"

namespace meshflow::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kTryInterval{50};

}  // namespace

std::string control_socket_of(const std::string& data_dir) { return data_dir + "/serve.sock"; }

store::StoreOptions default_store_options(const std::string& data_dir) {
  store::StoreOptions options;
  options.directory = data_dir + "/store";
  options.spool_directory = data_dir + "/spool";
  return options;
}

Result<std::unique_ptr<store::TraceStore>> open_store(const store::StoreOptions& options) {
  const auto deadline = Clock::now() + std::chrono::seconds(kStoreWaitSeconds);
  for (;;) {
    auto store = store::TraceStore::open(options);
    if (store || store.error().code != ErrorCode::conflict || Clock::now() >= deadline) return store;
    std::this_thread::sleep_for(kTryInterval);
  }
}

Result<TraceAccess> TraceAccess::open(const Session& session) {
  MESHFLOW_TRY(const std::string data_dir, session.data_dir());
  FileSystem& files = system_files();
  if (!files.exists(data_dir + "/store") && !files.exists(data_dir + "/spool")) {
    return fail(ErrorCode::not_found, fmt::format("there are no traces in {}", data_dir),
                "meshflow run makes one, meshflow serve receives them");
  }
  return open(data_dir);
}

Result<TraceAccess> TraceAccess::open_to_write(const Session& session) {
  MESHFLOW_TRY(const std::string data_dir, session.data_dir());
  MESHFLOW_CHECK(system_files().create_directories(data_dir));
  return open(data_dir);
}

// A server first. Where none listens the store is tried; where that is taken a server may be about to listen.
Result<TraceAccess> TraceAccess::open(const std::string& data_dir) {
  const auto deadline = Clock::now() + std::chrono::seconds(kStoreWaitSeconds);
  const std::string socket = control_socket_of(data_dir);
  for (;;) {
    if (system_files().exists(socket)) {
      auto client = std::make_unique<server::ControlClient>(socket);
      if (client->check_ready()) return TraceAccess(nullptr, std::move(client));
    }
    auto store = store::TraceStore::open(default_store_options(data_dir));
    if (store) {
      auto source = std::make_unique<server::StoreTraceSource>(**store);
      return TraceAccess(std::move(*store), std::move(source));
    }
    if (store.error().code != ErrorCode::conflict || Clock::now() >= deadline) {
      return tl::unexpected(std::move(store).error());
    }
    std::this_thread::sleep_for(kTryInterval);
  }
}

Result<void> TraceAccess::close() { return store_ == nullptr ? Result<void>() : store_->close(); }

}  // namespace meshflow::cli
