// Random bits for ids and jitter: unpredictable seeds, never the same sequence twice, across threads and fork.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace meshflow {

// A random 64-bit number, from a generator of the calling thread (xoshiro256++, Blackman and Vigna 2019),
// seeded by getrandom(2). After fork(2) the child seeds anew. Thread-safe; about 2 ns. Not for keys or codes
// that must withstand an attacker: those come from secure_random_bytes.
[[nodiscard]] std::uint64_t random_u64() noexcept;

// Fills from getrandom(2).
void secure_random_bytes(void* out, std::size_t size) noexcept;

// How often this process has been forked since start: a cheap way to notice a fork. Thread-safe.
[[nodiscard]] std::uint32_t fork_generation() noexcept;

}  // namespace meshflow
