// The limits of a run that no policy moves, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>

namespace meshflow::runtime {

// What an agent, a tool or a model may give back. Far above any model's context, far below what would hurt a process
// with many runs.
inline constexpr std::size_t kOutputBytesMax = std::size_t{16} << 20;
// A task is kept for the whole run and shown to every entry node.
inline constexpr std::size_t kTaskBytesMax = std::size_t{4} << 20;
// Agents that call agents that call agents: each level holds a span and a frame.
inline constexpr int kCallDepthMax = 16;
// Rounds of model call and tool calls of an agent without a body: past it the model goes in circles.
inline constexpr int kToolRoundsMax = 16;
// Tool calls that a model may ask for in one answer.
inline constexpr std::size_t kToolCallsPerRoundMax = 64;
// Captured content in one span attribute; the rest is cut.
inline constexpr std::size_t kCapturedBytesMax = std::size_t{64} << 10;
// How often a live run looks for the decision that it waits for.
inline constexpr std::chrono::milliseconds kDecisionPoll{200};
inline constexpr std::chrono::milliseconds kWaitingFlushTime{2000};  // for the spool, before a wait for people
// Sentences that a Mesh keeps for its end; the first ones tell most.
inline constexpr std::size_t kWarningsMax = 100;
// Pauses between tries double up to this.
inline constexpr std::chrono::seconds kBackoffMax{30};

}  // namespace meshflow::runtime
