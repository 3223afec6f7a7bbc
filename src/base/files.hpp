// Files as an interface: the seam through which tests make writes, syncs and renames fail (after LevelDB's Env).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"

namespace meshflow {

// A file open for appending. One thread at a time. Closes on destruction, without a sync.
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  // Writes all of `bytes` at the end in one write(2) where the kernel allows; a short or failed write is an Error
  // of code io (permission_denied, unavailable for "no space left"), and an unknown prefix may be in the file.
  [[nodiscard]] virtual Result<void> append(std::string_view bytes) = 0;
  // Returns once the bytes appended so far are on the device (fdatasync).
  [[nodiscard]] virtual Result<void> sync() = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
  // Cuts the file to `size` bytes.
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t size) = 0;
  // Takes an advisory exclusive lock (flock) for the life of this object; false if another process has it.
  [[nodiscard]] virtual Result<bool> try_lock() = 0;
};

// A file open for reading at any offset. Thread-safe.
class ReadFile {
 public:
  virtual ~ReadFile() = default;
  // Up to `size` bytes from `offset`; fewer only at the end of the file.
  [[nodiscard]] virtual Result<std::string> read(std::uint64_t offset, std::size_t size) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
};

// Thread-safe. Paths are the operating system's; errors name the path and the operation.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Opens or creates for appending, with mode 0600 when created.
  [[nodiscard]] virtual Result<std::unique_ptr<AppendFile>> open_append(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<ReadFile>> open_read(const std::string& path) = 0;
  // The whole file, refused past `bytes_max` with limit_exceeded.
  [[nodiscard]] virtual Result<std::string> read_all(const std::string& path, std::uint64_t bytes_max) = 0;
  // Replaces `path` whole or not at all: temporary file beside it, sync, rename, sync of the directory.
  [[nodiscard]] virtual Result<void> write_atomically(const std::string& path, std::string_view bytes) = 0;
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
  // Creates `path` and its parents with mode 0700 where they don't exist.
  [[nodiscard]] virtual Result<void> create_directories(const std::string& path) = 0;
  // Names (not paths) in a directory, sorted; a directory that does not exist is not_found.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  [[nodiscard]] virtual Result<void> sync_directory(const std::string& path) = 0;
};

// The operating system's files; has no state, lives forever.
[[nodiscard]] FileSystem& system_files() noexcept;

}  // namespace meshflow
