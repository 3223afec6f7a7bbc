#include "base/files.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/try.hpp"

namespace meshflow {
namespace {

tl::unexpected<Error> system_failure(std::string_view operation, const std::string& path, int error) {
  ErrorCode code = ErrorCode::io;
  if (error == ENOENT || error == ENOTDIR) code = ErrorCode::not_found;
  if (error == EACCES || error == EPERM || error == EROFS) code = ErrorCode::permission_denied;
  if (error == ENOSPC || error == EDQUOT) code = ErrorCode::unavailable;
  if (error == EEXIST) code = ErrorCode::already_exists;
  return fail(code, fmt::format("cannot {} {}: {}", operation, path, std::generic_category().message(error)));
}

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

Result<std::uint64_t> size_of(int fd, const std::string& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return system_failure("inspect", path, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

class PosixAppendFile final : public AppendFile {
 public:
  PosixAppendFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Result<void> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        return system_failure("write", path_, errno);
      }
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }
  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return system_failure("sync", path_, errno);
    return {};
  }
  Result<std::uint64_t> size() override { return size_of(fd_.get(), path_); }
  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return system_failure("truncate", path_, errno);
    return {};
  }
  Result<bool> try_lock() override {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    return system_failure("lock", path_, errno);
  }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixReadFile final : public ReadFile {
 public:
  PosixReadFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    std::string out(size, '\0');
    std::size_t filled = 0;
    while (filled < size) {
      const ssize_t got = ::pread(fd_.get(), out.data() + filled, size - filled, static_cast<off_t>(offset + filled));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_failure("read", path_, errno);
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    out.resize(filled);
    return out;
  }
  Result<std::uint64_t> size() override { return size_of(fd_.get(), path_); }

 private:
  Descriptor fd_;
  std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<AppendFile>> open_append(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return system_failure("open", path, errno);
    return std::make_unique<PosixAppendFile>(fd, path);
  }
  Result<std::unique_ptr<ReadFile>> open_read(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return system_failure("open", path, errno);
    return std::make_unique<PosixReadFile>(fd, path);
  }
  Result<std::string> read_all(const std::string& path, std::uint64_t bytes_max) override {
    MESHFLOW_TRY(auto file, open_read(path));
    // One byte past the limit is enough to know; also right for pipes and /proc, whose size says 0.
    std::string out;
    while (out.size() <= bytes_max) {
      const auto piece_bytes = std::min<std::uint64_t>(bytes_max + 1 - out.size(), 1u << 20);
      MESHFLOW_TRY(auto piece, file->read(out.size(), static_cast<std::size_t>(piece_bytes)));
      if (piece.empty()) return out;
      out += piece;
    }
    return fail(ErrorCode::limit_exceeded, fmt::format("{} is larger than {} bytes", path, bytes_max));
  }
  Result<void> write_atomically(const std::string& path, std::string_view bytes) override {
    static std::atomic<unsigned> counter{0};
    const std::string temporary = fmt::format("{}.{}.{}.tmp", path, ::getpid(), counter.fetch_add(1));
    auto written = write_and_sync(temporary, bytes);
    if (written) written = rename(temporary, path);
    if (!written) {
      ::unlink(temporary.c_str());
      return written;
    }
    const auto parent = std::filesystem::path(path).parent_path();
    return sync_directory(parent.empty() ? "." : parent.string());
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_failure("rename to " + to + " the file", from, errno);
    return {};
  }
  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return system_failure("remove", path, errno);
    return {};
  }
  Result<void> create_directories(const std::string& path) override {
    const std::filesystem::path whole(path);
    std::filesystem::path partial;
    for (const auto& piece : whole) {
      partial /= piece;
      if (partial.empty()) continue;
      if (::mkdir(partial.c_str(), 0700) == 0) continue;
      const int failure = errno;
      std::error_code ignored;
      if (failure != EEXIST && !std::filesystem::is_directory(partial, ignored)) {
        return system_failure("create directory", partial.string(), failure);
      }
    }
    std::error_code error;
    if (!std::filesystem::is_directory(whole, error)) {
      return system_failure("create directory", path, ENOTDIR);
    }
    return {};
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    if (error) return system_failure("list", path, error.value());
    std::sort(names.begin(), names.end());
    return names;
  }
  bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }
  Result<void> sync_directory(const std::string& path) override {
    const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0) return system_failure("open", path, errno);
    if (::fsync(directory.get()) != 0) return system_failure("sync", path, errno);
    return {};
  }

 private:
  static Result<void> write_and_sync(const std::string& path, std::string_view bytes) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return system_failure("create", path, errno);
    PosixAppendFile file(fd, path);
    MESHFLOW_CHECK(file.append(bytes));
    return file.sync();
  }
};

}  // namespace

FileSystem& system_files() noexcept {
  static PosixFileSystem files;
  return files;
}

}  // namespace meshflow
