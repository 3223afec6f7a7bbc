// Who has read what of a spool directory, and which files may go: a file goes when its writer has closed it and every
// reader on record has passed it, or by the limits of age and size, and then what had not been read is on record too.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.hpp"
#include "meshflow/base/error.hpp"

namespace meshflow::spool {

// How far a reader has come: file name → offset of the first byte that it has not passed. Files that are not named
// have not been begun.
using Positions = std::map<std::string, std::uint64_t, std::less<>>;

// `directory`/readers/NAME. A name is 1 to 64 characters of a-z, 0-9, '-', '_' and '.', and does not begin with '.'.
[[nodiscard]] bool is_reader_name(std::string_view name) noexcept;
[[nodiscard]] std::string reader_path(const std::string& directory, std::string_view name);
// A reader without a record has not begun. A record that cannot be read back is an Error of code invalid_input.
[[nodiscard]] Result<Positions> load_positions(FileSystem& files, const std::string& directory, std::string_view name);
[[nodiscard]] Result<void> save_positions(FileSystem& files, const std::string& directory, std::string_view name,
                                          const Positions& positions);

// True where no writer holds the file open any more. False for an empty file, whose writer may be about to begin.
[[nodiscard]] Result<bool> is_closed(FileSystem& files, const std::string& path);

struct KeepingLimits {
  std::uint64_t bytes_max = UINT64_MAX;
  std::uint64_t age_nanos_max = UINT64_MAX;
  std::uint64_t now_unix_nanos = 0;
};

// A file that went by a limit before every reader on record had passed it (or while there was none).
struct Loss {
  std::string file;
  std::uint64_t unread_bytes = 0;
  std::string reason;  // "age" or "size"
};

struct Cleaned {
  std::vector<Loss> losses;
  std::uint64_t bytes_left = 0;  // of the files that stay; those still being written stay whatever the limits say
};

// Removes what may go. Losses are appended to `directory`/losses, one line each ("UNIX_SECONDS FILE UNREAD_BYTES
// REASON"), and returned. Safe while other processes write, read and clean.
[[nodiscard]] Result<Cleaned> clean(FileSystem& files, const std::string& directory, const KeepingLimits& limits);

}  // namespace meshflow::spool
