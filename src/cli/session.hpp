// What every command works with: the global flags, standard output and error, the data directory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "meshflow/base/error.hpp"

namespace meshflow::cli {

struct GlobalFlags {
  bool json = false;
  bool quiet = false;
  std::string color = "auto";
  std::string data_dir = {};
};

enum class Style { none, good, bad, attention, faint };

// Results go to standard output, all else to standard error. Thread-safe once the flags are parsed; each call writes
// its text with one write(2) as far as the system allows.
class Session {
 public:
  [[nodiscard]] GlobalFlags& flags() noexcept { return flags_; }
  [[nodiscard]] const GlobalFlags& flags() const noexcept { return flags_; }

  // Text that is safe already, as it is.
  void print(std::string_view text) const;
  void print_error(std::string_view text) const;
  // One line of text that is made safe.
  void print_line(std::string_view line) const;
  // JSON on a line of its own.
  void print_json(std::string_view json) const;
  // JSON text, a part of it or with newlines, made safe; false where it could not be written whole.
  [[nodiscard]] bool try_print_json(std::string_view json) const;
  // Progress and confirmations: a line on standard error, none with -q.
  void note(std::string_view line) const;
  void warn(std::string_view line) const;
  // The error on standard error; the exit code that fits it.
  [[nodiscard]] int fail(const Error& error) const;

  // Standard output and error are terminals that understand control sequences.
  [[nodiscard]] bool is_output_terminal() const;
  [[nodiscard]] bool is_error_terminal() const;
  // Columns of standard output's terminal; 0 where it is none.
  [[nodiscard]] std::size_t output_columns() const;
  // `text` in colour where the stream is to have it.
  [[nodiscard]] std::string styled_output(Style style, std::string_view text) const;
  [[nodiscard]] std::string styled_error(Style style, std::string_view text) const;

  // --data, else MESHFLOW_DATA, else $XDG_DATA_HOME/meshflow, else ~/.local/share/meshflow; absolute.
  [[nodiscard]] Result<std::string> data_dir() const;
  // A command that works when pasted: "meshflow approve run_1", with --data where this one had it.
  [[nodiscard]] std::string command_line(std::string_view command) const;

 private:
  GlobalFlags flags_;
};

// A word as a POSIX shell takes it.
[[nodiscard]] std::string shell_word(std::string_view word);

}  // namespace meshflow::cli
