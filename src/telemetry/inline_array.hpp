// A growing array of plain data that begins in place and moves to the heap when it outgrows that.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace meshflow::telemetry {

// A resource; one thread at a time. Memory that can't be had is reported by null, not thrown.
template <typename T, std::uint32_t kInline, std::uint32_t kMax>
class InlineArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // Leaves the elements in place uninitialized: they are written before they are read.
  InlineArray() noexcept {}  // NOLINT(modernize-use-equals-default): `= default` would zero the storage on value-init
  ~InlineArray() { release(); }
  InlineArray(const InlineArray&) = delete;
  InlineArray& operator=(const InlineArray&) = delete;

  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

  // The end, with room for `more` elements behind it; null past kMax or without memory. What is written there counts
  // once set_end is called. Pointers into the array are invalid afterwards.
  [[nodiscard]] T* reserve(std::size_t more) noexcept {
    if (capacity_ - size_ < more && !grow(more)) [[unlikely]]
      return nullptr;
    return data_ + size_;
  }
  void set_end(const T* end) noexcept { size_ = static_cast<std::uint32_t>(end - data_); }
  void clear() noexcept { size_ = 0; }

  // Gives back heap storage of more than `capacity_max` elements. Only when empty.
  void trim(std::uint32_t capacity_max) noexcept {
    if (capacity_ > std::max(capacity_max, kInline)) release();
  }

 private:
  bool grow(std::size_t more) noexcept {
    const std::size_t needed = size_ + more;
    if (more > kMax || needed > kMax) return false;
    const std::size_t capacity = std::min<std::size_t>(std::max<std::size_t>(needed, std::size_t{capacity_} * 2), kMax);
    T* const bigger = static_cast<T*>(std::malloc(capacity * sizeof(T)));
    if (bigger == nullptr) return false;
    if (size_ > 0) std::memcpy(bigger, data_, size_ * sizeof(T));
    const std::uint32_t size = size_;
    release();
    data_ = bigger;
    size_ = size;
    capacity_ = static_cast<std::uint32_t>(capacity);
    return true;
  }

  void release() noexcept {
    if (data_ != inline_) std::free(data_);
    data_ = inline_;
    size_ = 0;
    capacity_ = kInline;
  }

  T* data_ = inline_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = kInline;
  T inline_[kInline];
};

}  // namespace meshflow::telemetry
