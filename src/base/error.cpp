#include "meshflow/base/error.hpp"

#include <cstdio>

#include <fmt/format.h>

namespace meshflow {

const char* error_code_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::invalid_input: return "invalid_input";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::limit_exceeded: return "limit_exceeded";
    case ErrorCode::budget_exceeded: return "budget_exceeded";
    case ErrorCode::blocked: return "blocked";
    case ErrorCode::permission_denied: return "permission_denied";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::io: return "io";
    case ErrorCode::callback_failed: return "callback_failed";
    case ErrorCode::internal: return "internal";
  }
  return "internal";
}

std::string Error::text() const {
  std::string out;
  if (position) {
    out += position->file;
    if (position->line > 0) out += fmt::format("{}{}", out.empty() ? "" : ":", position->line);
    if (position->line > 0 && position->column > 0) out += fmt::format(":{}", position->column);
    if (!out.empty()) out += ": ";
  }
  out += message;
  if (!hint.empty()) out += fmt::format(" ({})", hint);
  return out;
}

int report(const Error& error) {
  std::fputs((error.text() + "\n").c_str(), stderr);
  switch (error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::invalid_input: return 2;
    case ErrorCode::blocked: return 3;
    default: return 1;
  }
}

}  // namespace meshflow
