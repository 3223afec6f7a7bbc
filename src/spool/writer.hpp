// Writing a spool directory: a file of its own for each writer, whole frames, one write for each call
// (docs/spool-format.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "meshflow/base/error.hpp"
#include "spool/format.hpp"

namespace meshflow::spool {

struct WriterOptions {
  std::string directory = {};                             // created with mode 0700 where it does not exist
  std::uint64_t file_bytes_max = std::uint64_t{8} << 20;  // a file that reached it is followed by the next
  // Past these the oldest files go, whoever still wants to read them; the loss is on record.
  std::uint64_t directory_bytes_max = std::uint64_t{1} << 30;
  std::chrono::hours age_max{24 * 14};
  const Clock* clock = nullptr;  // null: the operating system's
  FileSystem* files = nullptr;   // null: the operating system's
};

// One thread at a time. Opens nothing before the first append. The options' clock and files must outlive it.
class Writer {
 public:
  explicit Writer(WriterOptions options)
      : options_(std::move(options)),
        clock_(options_.clock != nullptr ? *options_.clock : system_clock()),
        files_(options_.files != nullptr ? *options_.files : system_files()) {}
  // Closes the file with an end frame, without a sync.
  ~Writer() { close(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Where a reader finds what was appended.
  struct Place {
    std::string file;         // its name in the directory
    std::uint64_t begin = 0;  // offset of the first frame
  };
  // All payloads, as frames of one type, in one write. After a failure none of them counts: what was written in part is
  // cut off, or the next append begins a new file. A payload past kPayloadBytesMax is the caller's mistake.
  [[nodiscard]] Result<Place> append(FrameType type, std::span<const std::string_view> payloads);
  // Returns once what was appended is on the device. After a failure nobody knows which of the bytes are: all since the
  // last sync count as lost, and the next append begins a new file.
  [[nodiscard]] Result<void> sync();
  // Syncs and closes the file where it reached its limit; the next append begins another.
  [[nodiscard]] Result<void> roll_over_when_full();
  // Ends the file now.
  void close();
  // After fork(2), in the child: the file stays the parent's.
  void forget() noexcept { file_.reset(); }

  // What went by the limits unread when files were begun, as a sentence for people; empty if nothing did. Once.
  [[nodiscard]] std::string take_notice() { return std::exchange(notice_, {}); }

 private:
  [[nodiscard]] Result<void> open();
  [[nodiscard]] Result<void> begin(std::unique_ptr<AppendFile> file, std::string name, std::uint64_t now);
  [[nodiscard]] Result<void> make_room(std::uint64_t now);

  const WriterOptions options_;
  const Clock& clock_;
  FileSystem& files_;
  std::unique_ptr<AppendFile> file_;  // null: the next append opens one
  std::string file_name_;
  FileHeader header_;
  std::uint64_t file_bytes_ = 0;  // whole frames and the header
  bool has_unsynced_ = false;  // frames appended since the last sync
  std::string frames_;  // of one append; kept for its memory
  std::string notice_;
};

}  // namespace meshflow::spool
