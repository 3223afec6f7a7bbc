#include "base/random.hpp"

#include <atomic>
#include <cstdlib>

#include <pthread.h>
#include <sys/random.h>

namespace meshflow {
namespace {

// Constant-initialized, so that it is readable from any static constructor.
std::atomic<std::uint32_t> g_fork_generation{0};

void count_fork() { g_fork_generation.fetch_add(1, std::memory_order_relaxed); }

const int kForkHandler = pthread_atfork(nullptr, nullptr, count_fork);

constexpr std::uint64_t rotate_left(std::uint64_t value, int by) { return (value << by) | (value >> (64 - by)); }

struct Generator {
  std::array<std::uint64_t, 4> state{};
  std::uint32_t generation = 0;
  bool seeded = false;

  void seed() noexcept {
    do {
      secure_random_bytes(state.data(), sizeof(state));
    } while ((state[0] | state[1] | state[2] | state[3]) == 0);  // the one state that never leaves itself
    generation = g_fork_generation.load(std::memory_order_relaxed);
    seeded = true;
  }

  std::uint64_t next() noexcept {
    const std::uint64_t result = rotate_left(state[0] + state[3], 23) + state[0];
    const std::uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
  }
};

constinit thread_local Generator t_generator{};

}  // namespace

std::uint64_t random_u64() noexcept {
  Generator& generator = t_generator;
  if (!generator.seeded || generator.generation != g_fork_generation.load(std::memory_order_relaxed)) generator.seed();
  return generator.next();
}

void secure_random_bytes(void* out, std::size_t size) noexcept {
  auto* bytes = static_cast<unsigned char*>(out);
  while (size > 0) {
    const ssize_t got = getrandom(bytes, size, 0);
    if (got < 0) continue;  // EINTR is the only failure left for a valid buffer without flags
    bytes += got;
    size -= static_cast<std::size_t>(got);
  }
}

std::uint32_t fork_generation() noexcept {
  (void)kForkHandler;
  return g_fork_generation.load(std::memory_order_relaxed);
}

}  // namespace meshflow
