#include "spool/watch.hpp"

#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "base/try.hpp"
#include "spool/keeping.hpp"

namespace meshflow::spool {
namespace {

std::string path_in(const std::string& directory) { return directory + "/watched"; }

// A writer that asks holds the lock for a moment.
constexpr int kTries = 100;
constexpr std::chrono::milliseconds kTryPause{5};

}  // namespace

Result<Watch> Watch::open(std::string directory, FileSystem& files) {
  MESHFLOW_CHECK(files.create_directories(directory));
  std::string path = path_in(directory);
  for (int tries = 0; tries < kTries; ++tries) {
    MESHFLOW_TRY(auto lock, files.open_append(path));
    MESHFLOW_TRY(const bool is_locked, lock->try_lock());
    if (!is_locked) {
      std::this_thread::sleep_for(kTryPause);
      continue;
    }
    MESHFLOW_CHECK(lock->truncate(0));
    MESHFLOW_CHECK(lock->append(fmt::format("{}\n", ::getpid())));
    return Watch(std::move(path), files, std::move(lock));
  }
  return fail(ErrorCode::conflict, fmt::format("another process watches {}", directory));
}

Watch::~Watch() {
  if (lock_ != nullptr) (void)files_->remove(path_);
}

bool is_watched(FileSystem& files, const std::string& directory) {
  const std::string path = path_in(directory);
  if (!files.exists(path)) return false;
  const auto closed = is_closed(files, path);
  return closed && !*closed;
}

}  // namespace meshflow::spool
