// Paths of unix-domain sockets. The kernel takes 107 bytes; a data directory may lie deeper.
#pragma once

#include <string>

#include "meshflow/base/error.hpp"

namespace meshflow::net {

// A path that names the same file and is short enough, for as long as this object lives: the path itself, or one
// through a descriptor of its folder. A resource.
class UnixSocketPath {
 public:
  // Errors: a folder that cannot be opened, a name that is too long even so.
  [[nodiscard]] static Result<UnixSocketPath> open(const std::string& path);
  ~UnixSocketPath();
  UnixSocketPath(UnixSocketPath&& other) noexcept;
  UnixSocketPath& operator=(UnixSocketPath&&) = delete;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  UnixSocketPath(std::string text, int folder) : text_(std::move(text)), folder_(folder) {}
  std::string text_;
  int folder_ = -1;
};

}  // namespace meshflow::net
