// A file system in memory that fails on purpose, and that loses what was not synced (after LevelDB's
// fault_injection_test).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.hpp"

namespace meshflow::test {

enum class FileOperation { open, append, sync, truncate, rename, remove, write_atomically, create_directories };

// Thread-compatible. Directories exist where something was put or created; locks belong to the AppendFile that took
// them, as with flock(2).
class FaultyFiles final : public FileSystem {
 public:
  FaultyFiles();
  ~FaultyFiles() override;

  // The `nth` next operation of that kind (1: the next one) fails with `code`, once.
  void fail_after(FileOperation operation, unsigned nth, ErrorCode code = ErrorCode::unavailable);
  // A failing append leaves this many of its bytes behind. Default 0.
  void leave_behind(std::size_t bytes) { short_write_bytes_ = bytes; }
  // Every operation of that kind fails until told otherwise.
  void fail_always(FileOperation operation, bool fails = true);

  // What a power cut leaves: of each file the bytes that were synced, and whoever had it open has lost it.
  void drop_unsynced();
  // As a crash of the process: open files are closed and their locks released, bytes stay.
  void release_locks();

  [[nodiscard]] std::string content(const std::string& path) const;
  void set_content(const std::string& path, std::string bytes);
  [[nodiscard]] std::vector<std::string> paths() const;

  Result<std::unique_ptr<AppendFile>> open_append(const std::string& path) override;
  Result<std::unique_ptr<ReadFile>> open_read(const std::string& path) override;
  Result<std::string> read_all(const std::string& path, std::uint64_t bytes_max) override;
  Result<void> write_atomically(const std::string& path, std::string_view bytes) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> create_directories(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;

 private:
  struct Node;
  class Append;
  class Read;
  Result<void> count(FileOperation operation, const std::string& path);

  std::map<std::string, std::shared_ptr<Node>> nodes_;  // shared with open files, as inodes are
  std::set<std::string> directories_;
  struct Fault {
    unsigned left = 0;
    ErrorCode code = ErrorCode::io;
  };
  std::map<FileOperation, Fault> faults_;
  std::set<FileOperation> always_;
  std::size_t short_write_bytes_ = 0;
};

}  // namespace meshflow::test
