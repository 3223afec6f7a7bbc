// Reading a spool directory: every frame of every file, each reader at its own pace (docs/spool-format.md).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.hpp"
#include "meshflow/base/error.hpp"
#include "spool/format.hpp"
#include "spool/keeping.hpp"

namespace meshflow::spool {

// What is not a whole frame, so far.
struct Damage {
  std::uint64_t corrupt_bytes = 0;     // stepped over, with a whole frame after them
  std::uint64_t torn_files = 0;        // files that end in the middle of a frame, their writer gone
  std::uint64_t torn_bytes = 0;        // after the last whole frame of those
  std::uint64_t unreadable_files = 0;  // no valid header, or another version

  friend bool operator==(const Damage&, const Damage&) = default;
};

// One file, from an offset on. One thread at a time.
class FileReader {
 public:
  // `file` must outlive this object. `offset` 0 is the beginning, else a value that offset() had.
  FileReader(ReadFile& file, std::uint64_t offset) : file_(file), offset_(offset) {}

  struct Frame {
    std::uint32_t type = 0;
    std::string payload;
  };
  // The next whole frame; nothing where none is there (yet). With `is_closed` what remains then is damage: it is
  // counted, and offset() goes to the end.
  [[nodiscard]] Result<std::optional<Frame>> next(bool is_closed, Damage& damage);

  // The first byte that is not passed.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  // Nothing will follow: an end frame, or the end of a closed file, was reached.
  [[nodiscard]] bool is_done() const noexcept { return is_done_; }

 private:
  enum class At { frame, no_frame, incomplete };
  struct Look {
    At at = At::no_frame;
    Frame frame;
    std::uint64_t end = 0;  // offset after the frame
  };
  [[nodiscard]] Result<bool> read_header(bool is_closed, std::uint64_t size, Damage& damage);
  [[nodiscard]] Result<Look> look_at(std::uint64_t offset, std::uint64_t size);
  [[nodiscard]] Result<std::optional<std::uint64_t>> find_marker(std::uint64_t from, std::uint64_t size);

  ReadFile& file_;
  std::uint64_t offset_;
  std::optional<Marker> marker_;
  bool is_done_ = false;
};

// All files of a directory, oldest first, under a name whose progress is kept in it. One thread at a time, and one
// process for each name.
class Reader {
 public:
  // Puts the reader on record, so that files wait for it from now on. Errors: a name that cannot be a file's, another
  // process reading under it (conflict), files. `files` must outlive the reader.
  [[nodiscard]] static Result<Reader> open(std::string directory, std::string name, FileSystem& files = system_files());

  struct Request {
    FrameType type = FrameType::traces;
    std::string payload;  // an ExportTraceServiceRequest; an ExportLogsServiceRequest for FrameType::starts
    std::string file;  // where it came from: name and offset of the frame's end
    std::uint64_t end = 0;
  };
  // The next request; nothing where all that is there has been returned. Frames of other types are passed over, and
  // those of FrameType::starts too unless take_starts() was called.
  [[nodiscard]] Result<std::optional<Request>> next();
  void take_starts() noexcept { takes_starts_ = true; }

  // Makes it permanent that everything returned so far has been passed, and removes files that every reader on record
  // has. Until then a new reader under this name gets it once more: at least once, never lost.
  [[nodiscard]] Result<void> commit();
  // The same for what has been passed up to these positions, where more was returned than is safe elsewhere.
  [[nodiscard]] Result<void> commit(const Positions& passed);
  // Begins there, instead of at its record: for who keeps positions together with what was read. Before the first
  // next().
  void start_at(Positions positions) { positions_ = std::move(positions); }

  [[nodiscard]] const Damage& damage() const noexcept { return damage_; }

 private:
  Reader(std::string directory, std::string name, FileSystem& files, std::unique_ptr<AppendFile> lock);
  struct OpenFile {
    std::string name;
    std::unique_ptr<ReadFile> file;
    std::unique_ptr<FileReader> reader;
  };
  [[nodiscard]] Result<std::optional<Request>> next_in(OpenFile& open);
  [[nodiscard]] Result<void> open_new_files();

  std::string directory_;
  std::string name_;
  FileSystem* files_;  // never null
  std::unique_ptr<AppendFile> lock_;  // held for life
  Positions positions_;
  std::vector<OpenFile> open_;  // oldest first
  std::set<std::string, std::less<>> done_;  // names of files that were read to their end
  Damage damage_;
  bool takes_starts_ = false;
};

}  // namespace meshflow::spool
