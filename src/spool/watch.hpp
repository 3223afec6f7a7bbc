// Whether somebody looks at a spool while it is written: then writers also say which spans have begun, and write what
// they have every fraction of a second (docs/spool-format.md, "Who watches").
#pragma once

#include <memory>
#include <string>

#include "base/files.hpp"
#include "meshflow/base/error.hpp"

namespace meshflow::spool {

// Says so for as long as it lives. A process that dies has stopped looking.
class Watch {
 public:
  // Makes the directory where it does not exist. Errors: another process looks (conflict), files. `files` must outlive
  // it.
  [[nodiscard]] static Result<Watch> open(std::string directory, FileSystem& files = system_files());
  Watch(Watch&&) noexcept = default;
  Watch& operator=(Watch&&) = delete;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch();

 private:
  Watch(std::string path, FileSystem& files, std::unique_ptr<AppendFile> lock)
      : path_(std::move(path)), files_(&files), lock_(std::move(lock)) {}
  std::string path_;
  FileSystem* files_;  // never null
  std::unique_ptr<AppendFile> lock_;  // null: moved from
};

// For writers; a few system calls.
[[nodiscard]] bool is_watched(FileSystem& files, const std::string& directory);

}  // namespace meshflow::spool
