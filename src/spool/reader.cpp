#include "spool/reader.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/try.hpp"

namespace meshflow::spool {
namespace {

constexpr std::size_t kScanBytes = 1u << 20;
// Files open at a time; the next are opened when these are done.
constexpr std::size_t kOpenFilesMax = 512;

}  // namespace

Result<bool> FileReader::read_header(bool is_closed, std::uint64_t size, Damage& damage) {
  if (marker_) return true;
  if (size < kFileHeaderBytes && !is_closed) return false;
  MESHFLOW_TRY(const std::string bytes, file_.read(0, kFileHeaderBytes));
  const auto header = parse_file_header(bytes);
  if (!header) {
    if (size > 0) ++damage.unreadable_files;  // an empty one was removed before its writer began
    offset_ = size;
    is_done_ = true;
    return false;
  }
  marker_ = header->marker;
  offset_ = std::max<std::uint64_t>(offset_, kFileHeaderBytes);
  return true;
}

Result<FileReader::Look> FileReader::look_at(std::uint64_t offset, std::uint64_t size) {
  if (offset + kFrameHeaderBytes > size) return Look{.at = At::incomplete, .frame = {}, .end = 0};
  MESHFLOW_TRY(const std::string head, file_.read(offset, kFrameHeaderBytes));
  const auto header = parse_frame_header(*marker_, head);
  if (!header) return Look{};
  const std::uint64_t begin = offset + kFrameHeaderBytes;
  if (begin + header->payload_bytes > size) return Look{.at = At::incomplete, .frame = {}, .end = 0};
  MESHFLOW_TRY(std::string payload, file_.read(begin, header->payload_bytes));
  if (!checksum_holds(*header, payload)) return Look{};
  return Look{At::frame, {header->type, std::move(payload)}, begin + header->payload_bytes};
}

Result<std::optional<std::uint64_t>> FileReader::find_marker(std::uint64_t from, std::uint64_t size) {
  const std::string_view marker(marker_->data(), marker_->size());
  while (from + marker.size() <= size) {
    MESHFLOW_TRY(const std::string piece, file_.read(from, kScanBytes));
    const auto found = piece.find(marker);
    if (found != std::string::npos) return from + found;
    if (piece.size() < marker.size()) break;
    from += piece.size() - marker.size() + 1;  // a marker may lie across the end of the piece
  }
  return std::nullopt;
}

Result<std::optional<FileReader::Frame>> FileReader::next(bool is_closed, Damage& damage) {
  if (is_done_) return std::nullopt;
  MESHFLOW_TRY(const std::uint64_t size, file_.size());
  MESHFLOW_TRY(const bool has_header, read_header(is_closed, size, damage));
  if (!has_header) return std::nullopt;

  if (offset_ > size) {  // on record as passed whole, whatever its length
    is_done_ = true;
    return std::nullopt;
  }
  std::uint64_t at = offset_;
  for (;;) {
    MESHFLOW_TRY(Look look, look_at(at, size));
    if (look.at == At::frame) {
      damage.corrupt_bytes += at - offset_;
      offset_ = look.end;
      if (look.frame.type == static_cast<std::uint32_t>(FrameType::end)) {
        is_done_ = true;
        return std::nullopt;
      }
      return std::move(look.frame);
    }
    // An incomplete frame of a living writer may be one that is being written.
    if (look.at == At::incomplete && !is_closed) return std::nullopt;
    MESHFLOW_TRY(const auto marker, find_marker(at + 1, size));
    if (!marker) break;
    at = *marker;
  }
  if (!is_closed) return std::nullopt;
  if (size > offset_) ++damage.torn_files;
  damage.torn_bytes += size - offset_;
  offset_ = size;
  is_done_ = true;
  return std::nullopt;
}

Reader::Reader(std::string directory, std::string name, FileSystem& files, std::unique_ptr<AppendFile> lock)
    : directory_(std::move(directory)), name_(std::move(name)), files_(&files), lock_(std::move(lock)) {}

Result<Reader> Reader::open(std::string directory, std::string name, FileSystem& files) {
  if (!is_reader_name(name)) {
    return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" cannot be a spool reader's name", name),
                "1 to 64 characters of a-z, 0-9, '-', '_' and '.'");
  }
  MESHFLOW_CHECK(files.create_directories(directory + "/readers"));
  MESHFLOW_TRY(auto lock, files.open_append(reader_path(directory, name) + ".lock"));
  MESHFLOW_TRY(const bool is_locked, lock->try_lock());
  if (!is_locked) {
    return fail(ErrorCode::conflict, fmt::format("another process reads {} as \"{}\"", directory, name));
  }
  Reader reader(std::move(directory), std::move(name), files, std::move(lock));
  MESHFLOW_TRY(reader.positions_, load_positions(files, reader.directory_, reader.name_));
  MESHFLOW_CHECK(save_positions(files, reader.directory_, reader.name_, reader.positions_));
  return reader;
}

Result<void> Reader::open_new_files() {
  MESHFLOW_TRY(const auto names, files_->list(directory_));
  for (const auto& name : names) {
    if (open_.size() >= kOpenFilesMax) break;
    const bool is_known = done_.count(name) > 0 ||
                          std::any_of(open_.begin(), open_.end(), [&](const OpenFile& f) { return f.name == name; });
    if (is_known || !is_file_name(name)) continue;
    auto file = files_->open_read(directory_ + "/" + name);
    if (!file && file.error().code == ErrorCode::not_found) continue;  // gone by a limit meanwhile
    if (!file) return tl::unexpected(file.error());
    const auto position = positions_.find(name);
    const std::uint64_t offset = position == positions_.end() ? 0 : position->second;
    auto reader = std::make_unique<FileReader>(**file, offset);
    open_.push_back({name, std::move(*file), std::move(reader)});
  }
  return {};
}

Result<std::optional<Reader::Request>> Reader::next_in(OpenFile& open) {
  // Asked before the file's size is read: once closed, nothing more is written.
  MESHFLOW_TRY(const bool is_closed, is_closed(*files_, directory_ + "/" + open.name));
  for (;;) {
    const std::uint64_t before = open.reader->offset();
    MESHFLOW_TRY(auto frame, open.reader->next(is_closed, damage_));
    if (open.reader->offset() != before) positions_[open.name] = open.reader->offset();
    if (!frame) return std::nullopt;
    const auto type = static_cast<FrameType>(frame->type);
    if (type == FrameType::traces || (type == FrameType::starts && takes_starts_)) {
      return Request{type, std::move(frame->payload), open.name, open.reader->offset()};
    }
  }
}

Result<std::optional<Reader::Request>> Reader::next() {
  for (;;) {
    for (auto open = open_.begin(); open != open_.end();) {
      MESHFLOW_TRY(auto request, next_in(*open));
      if (request) return request;
      if (open->reader->is_done()) {
        done_.insert(open->name);
        open = open_.erase(open);
      } else {
        ++open;
      }
    }
    const std::size_t before = open_.size();
    MESHFLOW_CHECK(open_new_files());
    if (open_.size() == before) return std::nullopt;
  }
}

Result<void> Reader::commit() {
  const Positions passed = positions_;
  return commit(passed);
}

Result<void> Reader::commit(const Positions& passed) {
  MESHFLOW_TRY(const auto names, files_->list(directory_));
  const auto is_gone = [&](const std::string& name) { return !std::binary_search(names.begin(), names.end(), name); };
  std::erase_if(positions_, [&](const auto& position) { return is_gone(position.first); });
  std::erase_if(done_, is_gone);
  std::erase_if(open_, [&](const OpenFile& open) { return is_gone(open.name); });
  Positions recorded = passed;
  std::erase_if(recorded, [&](const auto& position) { return is_gone(position.first); });
  MESHFLOW_CHECK(save_positions(*files_, directory_, name_, recorded));
  MESHFLOW_CHECK(clean(*files_, directory_, {}));
  return {};
}

}  // namespace meshflow::spool
