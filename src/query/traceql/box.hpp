// A value on the heap, so that a tree's node may hold a node of its own kind.
#pragma once

#include <memory>
#include <utility>

namespace meshflow::query::traceql {

// Always holds a T, except after it was moved from. Copies and compares what it holds.
template <typename T>
class Box {
 public:
  Box(T value) : held_(std::make_unique<T>(std::move(value))) {}  // NOLINT(google-explicit-constructor): as a T
  Box(const Box& other) : held_(std::make_unique<T>(*other)) {}
  Box(Box&& other) noexcept = default;
  Box& operator=(const Box& other) {
    if (this != &other) held_ = std::make_unique<T>(*other);
    return *this;
  }
  Box& operator=(Box&& other) noexcept = default;
  ~Box() = default;

  [[nodiscard]] const T& operator*() const { return *held_; }
  [[nodiscard]] T& operator*() { return *held_; }
  [[nodiscard]] const T* operator->() const { return held_.get(); }
  [[nodiscard]] T* operator->() { return held_.get(); }

  friend bool operator==(const Box& a, const Box& b) { return *a == *b; }

 private:
  std::unique_ptr<T> held_;
};

}  // namespace meshflow::query::traceql
