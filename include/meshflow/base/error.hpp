// Errors as values. Every expected failure in MeshFlow is returned as Result<T>.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <tl/expected.hpp>  // stands in for C++23's std::expected; see docs/decisions/0001-expected.md

namespace meshflow {

// A closed list: what a program may want to decide upon. The sentence for people is in Error::message.
enum class ErrorCode {
  invalid_argument,    // a value given in code, on the command line or in the environment is not usable
  invalid_input,       // a file or message does not have the form it should have
  not_found,           // the named thing does not exist
  already_exists,      // the named thing exists and must not
  limit_exceeded,      // a named limit would be passed
  budget_exceeded,     // a run's budget of money, tokens, carbon, steps or time is used up
  blocked,             // a gate or the guardian refused
  permission_denied,   // the operating system or a policy forbids it
  unavailable,         // a peer or resource cannot be reached now; a later try may succeed
  timeout,             // a time limit passed
  cancelled,           // the caller cancelled
  conflict,            // another process holds what is needed, or the state does not allow it
  unsupported,         // this build or version cannot do it
  io,                  // a file operation failed
  callback_failed,     // an agent, tool or provider of the user's failed or threw
  internal,            // a bug of ours
};

// The name of a code, as written above ("invalid_argument"). Lives forever.
[[nodiscard]] const char* error_code_name(ErrorCode code) noexcept;

// Where in a text an error was found. Lines and columns count from 1; 0 means unknown.
struct SourcePosition {
  std::string file;
  int line = 0;
  int column = 0;

  friend bool operator==(const SourcePosition&, const SourcePosition&) = default;
};

// What went wrong (`message`: one sentence that names the thing), where, and what would be right (`hint`).
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::optional<SourcePosition> position = std::nullopt;
  std::string hint = {};

  // "file:3:7: message (hint)", leaving out what is not known.
  [[nodiscard]] std::string text() const;
};

// A value, or the Error that kept it from being made.
template <typename T>
using Result = tl::expected<T, Error>;

// The failed alternative: `return fail(ErrorCode::not_found, "no run run_12")`.
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::nullopt, std::move(hint)});
}

// Prints `error.text()` to standard error and returns the process exit code that fits it:
// 2 for wrong input, 3 for a block, 1 for all else.
int report(const Error& error);

}  // namespace meshflow
