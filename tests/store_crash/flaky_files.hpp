// The operating system's files, of which one operation in so many fails, as a disk that is full now and then does: a
// write may leave a part of its bytes behind.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/random.hpp"

namespace meshflow::test {

// Thread-safe.
class FlakyFiles final : public FileSystem {
 public:
  // One operation in `one_in` fails; 0: none.
  explicit FlakyFiles(unsigned one_in) : one_in_(one_in) {}

  [[nodiscard]] std::uint64_t failures() const { return failures_; }

  Result<std::unique_ptr<AppendFile>> open_append(const std::string& path) override {
    if (auto failed = may_fail("open", path); !failed) return tl::unexpected(failed.error());
    auto file = system_files().open_append(path);
    if (!file) return file;
    return std::make_unique<Append>(*this, std::move(*file), path);
  }
  Result<std::unique_ptr<ReadFile>> open_read(const std::string& path) override {
    return system_files().open_read(path);
  }
  Result<std::string> read_all(const std::string& path, std::uint64_t bytes_max) override {
    return system_files().read_all(path, bytes_max);
  }
  Result<void> write_atomically(const std::string& path, std::string_view bytes) override {
    if (auto failed = may_fail("write", path); !failed) return failed;
    return system_files().write_atomically(path, bytes);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (auto failed = may_fail("rename", from); !failed) return failed;
    return system_files().rename(from, to);
  }
  Result<void> remove(const std::string& path) override {
    if (auto failed = may_fail("remove", path); !failed) return failed;
    return system_files().remove(path);
  }
  Result<void> create_directories(const std::string& path) override { return system_files().create_directories(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return system_files().list(path); }
  bool exists(const std::string& path) override { return system_files().exists(path); }
  Result<void> sync_directory(const std::string& path) override {
    if (auto failed = may_fail("sync", path); !failed) return failed;
    return system_files().sync_directory(path);
  }

 private:
  class Append final : public AppendFile {
   public:
    Append(FlakyFiles& files, std::unique_ptr<AppendFile> file, std::string path)
        : files_(files), file_(std::move(file)), path_(std::move(path)) {}
    Result<void> append(std::string_view bytes) override {
      if (auto failed = files_.may_fail("write", path_); !failed) {
        (void)file_->append(bytes.substr(0, random_u64() % (bytes.size() + 1)));
        return failed;
      }
      return file_->append(bytes);
    }
    Result<void> sync() override {
      if (auto failed = files_.may_fail("sync", path_); !failed) return failed;
      return file_->sync();
    }
    Result<std::uint64_t> size() override { return file_->size(); }
    Result<void> truncate(std::uint64_t size) override {
      if (auto failed = files_.may_fail("truncate", path_); !failed) return failed;
      return file_->truncate(size);
    }
    Result<bool> try_lock() override { return file_->try_lock(); }

   private:
    FlakyFiles& files_;
    std::unique_ptr<AppendFile> file_;
    std::string path_;
  };

  Result<void> may_fail(const char* operation, const std::string& path) {
    if (one_in_ == 0 || random_u64() % one_in_ != 0) return {};
    ++failures_;
    return fail(ErrorCode::unavailable, fmt::format("cannot {} {}: made to fail", operation, path));
  }

  const unsigned one_in_;
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace meshflow::test
