#include "net/unix_socket.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

namespace meshflow::net {
namespace {

constexpr std::size_t kPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

Result<UnixSocketPath> UnixSocketPath::open(const std::string& path) {
  if (path.size() <= kPathBytesMax) return UnixSocketPath(path, -1);
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return fail(ErrorCode::io, fmt::format("{} cannot be opened: {}", folder, std::strerror(errno)));
  }
  UnixSocketPath opened(fmt::format("/proc/self/fd/{}/{}", descriptor, path.substr(slash + 1)), descriptor);
  if (opened.text().size() > kPathBytesMax) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} is too long for a socket", path));
  }
  return opened;
}

UnixSocketPath::~UnixSocketPath() {
  if (folder_ >= 0) ::close(folder_);
}

UnixSocketPath::UnixSocketPath(UnixSocketPath&& other) noexcept
    : text_(std::move(other.text_)), folder_(std::exchange(other.folder_, -1)) {}

}  // namespace meshflow::net
