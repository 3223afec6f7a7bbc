// The meshflow command as a child process: what it prints and how it exits.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace meshflow::test {

struct Finished {
  int exit_code = -1;  // 128 + the signal where one ended it
  std::string out;
  std::string err;
};

// Runs in the background until it is waited for; the destructor kills it.
class Program {
 public:
  struct Options {
    std::vector<std::string> arguments = {};
    std::map<std::string, std::string> environment = {};  // all of it, beside PATH
    std::string folder = {};                              // working directory; empty: this one's
    bool terminal = false;  // output and error are one pseudo-terminal of 24 rows and 80 columns
    unsigned columns = 80;
    bool as_nobody = false;  // gives up root's rights
    // No file may grow beyond this, as on a disk that is full: writing more is an error. 0: no limit.
    std::size_t file_bytes_max = 0;
  };
  explicit Program(const Options& options);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void signal(int number) const;
  // Standard output so far, as read by wait_for.
  [[nodiscard]] const std::string& out() const noexcept { return finished_.out; }
  // Reads on until `text` came on output or error; false when the program ended without it, or after 20 s.
  [[nodiscard]] bool wait_for(const std::string& text);
  // Until it has ended, at most 60 s.
  [[nodiscard]] Finished finish();

 private:
  // Reads what is there, waiting up to `wait_ms` for it; false at the end of both streams.
  bool read_some(int wait_ms);
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  Finished finished_;
};

// What a terminal of `columns` shows after `bytes`, line by line, without those that are empty at the end. Understands
// what a progress display uses; anything else is shown as <?>.
[[nodiscard]] std::vector<std::string> screen_after(const std::string& bytes, std::size_t columns = 80);

}  // namespace meshflow::test
