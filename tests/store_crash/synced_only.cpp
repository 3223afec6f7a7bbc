// A library to preload: remembers of each file below MESHFLOW_CRASH_ROOT what was synced, in a shadow of the folder
// (MESHFLOW_CRASH_SHADOW). The shadow is what a power cut may leave at any moment: bytes that were written and not
// synced are not in it. Names are taken for durable as soon as they are there (a journalling file system gives that
// with the first sync of the file).
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

std::mutex mutex;

// The library's own function of that name.
template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

// Where the shadow has a file; empty for one that is not below the root.
std::string shadow_of(const std::string& path) {
  static const char* const root = std::getenv("MESHFLOW_CRASH_ROOT");
  static const char* const shadow = std::getenv("MESHFLOW_CRASH_SHADOW");
  if (root == nullptr || shadow == nullptr || !path.starts_with(root)) return {};
  return shadow + path.substr(std::strlen(root));
}

std::string path_of(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  char path[PATH_MAX];
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  return length <= 0 ? std::string() : std::string(path, static_cast<std::size_t>(length));
}

void make_parents(const std::string& path) {
  for (auto at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    (void)::mkdir(path.substr(0, at).c_str(), 0700);
  }
}

// Copies the blocks that differ.
void copy_file(int from, const std::string& to_path) {
  static char ours[1 << 16];
  static char theirs[1 << 16];
  make_parents(to_path);
  const int to = ::open(to_path.c_str(), O_RDWR | O_CREAT, 0600);
  if (to < 0) return;
  struct stat status{};
  struct stat old{};
  (void)::fstat(from, &status);
  (void)::fstat(to, &old);
  // A log only grows: its beginning is there already.
  const bool is_log = to_path.ends_with(".spool");
  for (off_t at = is_log ? old.st_size & ~off_t{0xFFFF} : 0; at < status.st_size; at += sizeof ours) {
    const ssize_t size = ::pread(from, ours, sizeof ours, at);
    if (size <= 0) break;
    if (::pread(to, theirs, sizeof theirs, at) == size &&
        std::memcmp(ours, theirs, static_cast<std::size_t>(size)) == 0) {
      continue;
    }
    if (::pwrite(to, ours, static_cast<std::size_t>(size), at) != size) std::abort();
  }
  if (::ftruncate(to, status.st_size) != 0) std::abort();
  ::close(to);
}

void remember(int fd) {
  const std::lock_guard lock(mutex);
  const std::string path = path_of(fd);
  const std::string to = shadow_of(path);
  if (to.empty()) return;
  const int from = ::open(path.c_str(), O_RDONLY);  // fd may be open for writing alone
  if (from < 0) return;
  struct stat status{};
  if (::fstat(from, &status) == 0 && S_ISREG(status.st_mode)) copy_file(from, to);
  ::close(from);
}

}  // namespace

extern "C" {

int fsync(int fd) {
  static const auto own = next<int (*)(int)>("fsync");
  const int result = own(fd);
  if (result == 0) remember(fd);
  return result;
}

int fdatasync(int fd) {
  static const auto own = next<int (*)(int)>("fdatasync");
  const int result = own(fd);
  if (result == 0) remember(fd);
  return result;
}

int unlink(const char* path) noexcept {
  static const auto own = next<int (*)(const char*)>("unlink");
  const int result = own(path);
  if (const std::string to = shadow_of(path); result == 0 && !to.empty()) (void)own(to.c_str());
  return result;
}

int remove(const char* path) noexcept {
  static const auto own = next<int (*)(const char*)>("remove");
  const int result = own(path);
  if (const std::string to = shadow_of(path); result == 0 && !to.empty()) (void)own(to.c_str());
  return result;
}

int rename(const char* from, const char* to) noexcept {
  static const auto own = next<int (*)(const char*, const char*)>("rename");
  const int result = own(from, to);
  const std::string shadow_from = shadow_of(from);
  const std::string shadow_to = shadow_of(to);
  if (result == 0 && !shadow_from.empty() && !shadow_to.empty()) (void)own(shadow_from.c_str(), shadow_to.c_str());
  return result;
}
}
