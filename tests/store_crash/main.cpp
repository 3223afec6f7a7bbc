// Kills a process that stores spans at random moments, and looks for every span that was acknowledged: none lost, none
// twice.
//
// usage: store_crash ROUNDS [--faults] [--power-cut LIBRARY] [--folder DIR]
//
// Each round begins with what the rounds before have left. --faults: file operations of the log fail now and then.
// --power-cut: what was written and not synced is thrown away at each kill (LIBRARY: synced_only.cpp as built).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.hpp"
#include "flaky_files.hpp"
#include "otlp/encode.hpp"
#include "otlp/model.hpp"
#include "spool/writer.hpp"
#include "store/trace_store.hpp"

namespace {

using namespace meshflow;

constexpr std::uint64_t kSpansPerRequest = 40;
constexpr std::uint64_t kTracesPerRequest = 4;
constexpr int kSenders = 3;

// Request `number`: its spans' ids follow from it.
std::string request_of(std::uint64_t number) {
  otlp::TracesData traces;
  auto& resource = traces.resource_spans.emplace_back();
  resource.resource.attributes = {{"service.name", {std::string("crash")}}};
  auto& scope = resource.scope_spans.emplace_back();
  for (std::uint64_t i = 0; i < kSpansPerRequest; ++i) {
    otlp::Span span;
    const std::uint64_t trace = number * kTracesPerRequest + i % kTracesPerRequest;
    std::memcpy(span.trace_id.data(), &trace, sizeof trace);
    span.trace_id[15] = 1;
    const std::uint64_t id = number * kSpansPerRequest + i + 1;
    std::memcpy(span.span_id.data(), &id, sizeof id);
    span.name = "work";
    span.start_time_unix_nano = 1'764'000'000'000'000'000 + number * 1'000'000 + i;
    span.end_time_unix_nano = span.start_time_unix_nano + 1'000;
    span.attributes = {{"meshflow.run_id", {fmt::format("run_{}", trace)}},
                       {"number", {static_cast<std::int64_t>(id)}}};
    scope.spans.push_back(std::move(span));
  }
  return otlp::encode(traces);
}

store::StoreOptions options_of(const std::string& folder) {
  store::StoreOptions options;
  options.directory = folder + "/store";
  options.spool_directory = folder + "/spool";
  options.memory_bytes_max = std::uint64_t{256} << 20;
  return options;
}

// Stores until it is killed; tells each acknowledged request's number on standard output, 8 bytes each.
int child(const std::string& folder, std::uint64_t first, unsigned one_in) {
  auto options = options_of(folder);
  // Opening reads files; what fails later is what the round is about.
  test::FlakyFiles files(one_in);
  options.files = &files;
  Result<std::unique_ptr<store::TraceStore>> opened = fail(ErrorCode::internal, "not yet opened");
  for (int tries = 0; tries < 50 && !opened; ++tries) opened = store::TraceStore::open(options);
  if (!opened) return report(opened.error());
  auto& store = **opened;
  const auto tell = [](std::uint64_t number) {
    if (::write(STDOUT_FILENO, &number, sizeof number) != sizeof number) std::_Exit(1);
  };
  tell(UINT64_MAX);  // open
  std::atomic<std::uint64_t> next{first};
  std::vector<std::thread> senders;
  for (int i = 0; i < kSenders; ++i) {
    senders.emplace_back([&] {
      for (;;) {
        const std::uint64_t number = next++;
        std::atomic<int> done{0};
        store.ingest(request_of(number), [&, number](auto result) {
          if (result) tell(number);
          done = 1;
          done.notify_one();
        });
        done.wait(0);
      }
    });
  }
  // A local run that spools: its spans count as acknowledged once they were synced.
  senders.emplace_back([&] {
    spool::Writer writer({.directory = folder + "/spool", .file_bytes_max = 1 << 18});
    for (;;) {
      const std::uint64_t number = next++;
      const std::string request = request_of(number);
      const std::array<std::string_view, 1> payloads{request};
      if (!writer.append(spool::FrameType::traces, payloads) || !writer.sync()) continue;
      tell(number);
      (void)writer.roll_over_when_full();
    }
  });
  // Into the tables in small pieces, so that a round meets many transactions.
  for (;;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random_u64() % 100));
    (void)store.flush();
  }
}

struct Kept {
  std::uint64_t spans = 0;
  std::uint64_t twice = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> by_request;
};

Result<Kept> read_back(const std::string& folder) {
  auto opened = store::TraceStore::open(options_of(folder));
  if (!opened) return tl::unexpected(opened.error());
  (*opened)->wait_until_visible(std::chrono::minutes(5));
  auto snapshot = (*opened)->snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  Kept kept;
  std::unordered_set<std::int64_t> seen;
  for (const auto& piece : snapshot->pieces()) {
    store::QueryLimits limits;
    limits.rows_max = SIZE_MAX;
    limits.bytes_max = SIZE_MAX;
    const auto rows = snapshot->query("SELECT rest_int(rest, 'number') FROM " + piece.source, {}, limits);
    if (!rows) return tl::unexpected(rows.error());
    for (const auto& row : rows->rows) {
      const auto id = std::get<std::int64_t>(row[0]);
      ++kept.spans;
      if (!seen.insert(id).second) ++kept.twice;
      ++kept.by_request[static_cast<std::uint64_t>(id - 1) / kSpansPerRequest];
    }
  }
  return kept;
}

struct Arguments {
  int rounds = 5;
  bool faults = false;
  std::string library;
  std::string folder;
};

class Rounds {
 public:
  Rounds(Arguments arguments, std::string program) : arguments_(std::move(arguments)), program_(std::move(program)) {}

  int run() {
    std::filesystem::remove_all(arguments_.folder);
    std::filesystem::create_directories(arguments_.folder);
    int lost = 0;
    for (int round = 1; round <= arguments_.rounds; ++round) {
      if (!kill_once()) return 1;
      if (!arguments_.library.empty()) cut_power();
      const auto kept = read_back(arguments_.folder);
      if (!kept) return report(kept.error());
      std::uint64_t missing = 0;
      for (const std::uint64_t number : acknowledged_) {
        const auto found = kept->by_request.find(number);
        if (found == kept->by_request.end() || found->second != kSpansPerRequest) ++missing;
      }
      if (missing > 0 || kept->twice > 0) {
        fmt::print("round {}: {} acknowledged requests not whole, {} spans twice\n", round, missing, kept->twice);
        ++lost;
      }
      spans_ = kept->spans;
    }
    fmt::print(
        "{} kills{}{}: {} requests acknowledged ({} spans), {} spans stored, {} rounds with a loss or a double\n",
        arguments_.rounds, arguments_.faults ? ", with failing files" : "",
        arguments_.library.empty() ? "" : ", without what was not synced", acknowledged_.size(),
        acknowledged_.size() * kSpansPerRequest, spans_, lost);
    std::filesystem::remove_all(arguments_.folder);
    std::filesystem::remove_all(shadow());
    return lost == 0 ? 0 : 1;
  }

 private:
  [[nodiscard]] std::string shadow() const { return arguments_.folder + ".synced"; }

  // Starts the child, waits for a random moment after it is open, kills it. False where it did not start.
  bool kill_once() {
    int pipe[2];
    if (::pipe(pipe) != 0) return false;
    const std::uint64_t first = next_;
    const ::pid_t pid = ::fork();
    if (pid == 0) {
      ::dup2(pipe[1], STDOUT_FILENO);
      ::close(pipe[0]);
      ::close(pipe[1]);
      if (!arguments_.library.empty()) {
        std::filesystem::remove_all(shadow());
        std::filesystem::copy(arguments_.folder, shadow(), std::filesystem::copy_options::recursive);
        ::setenv("LD_PRELOAD", arguments_.library.c_str(), 1);
        ::setenv("MESHFLOW_CRASH_ROOT", arguments_.folder.c_str(), 1);
        ::setenv("MESHFLOW_CRASH_SHADOW", shadow().c_str(), 1);
      }
      const std::string number = std::to_string(first);
      const std::string one_in = arguments_.faults ? "60" : "0";
      ::execl(program_.c_str(), program_.c_str(), "--child", arguments_.folder.c_str(), number.c_str(), one_in.c_str(),
              nullptr);
      std::_Exit(127);
    }
    ::close(pipe[1]);
    bool is_open = false;
    auto deadline = std::chrono::steady_clock::time_point::max();
    std::uint64_t number = 0;
    while (::read(pipe[0], &number, sizeof number) == sizeof number) {
      if (number == UINT64_MAX) {
        is_open = true;
        deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50 + random_u64() % 700);
        continue;
      }
      acknowledged_.push_back(number);
      next_ = std::max(next_, number + 1);
      if (std::chrono::steady_clock::now() >= deadline) {
        ::kill(pid, SIGKILL);
        deadline = std::chrono::steady_clock::time_point::max();
      }
    }
    ::close(pipe[0]);
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    next_ += 1000;  // numbers that were begun and not acknowledged are not used again
    if (!is_open) fmt::print("the child did not open the store\n");
    return is_open;
  }

  // The folder becomes what was synced.
  void cut_power() const {
    std::filesystem::remove_all(arguments_.folder);
    std::filesystem::rename(shadow(), arguments_.folder);
  }

  const Arguments arguments_;
  const std::string program_;
  std::vector<std::uint64_t> acknowledged_;
  std::uint64_t next_ = 0;
  std::uint64_t spans_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count == 5 && std::string_view(arguments[1]) == "--child") {
    return child(arguments[2], std::strtoull(arguments[3], nullptr, 10),
                 static_cast<unsigned>(std::strtoul(arguments[4], nullptr, 10)));
  }
  Arguments given;
  given.folder = (std::filesystem::temp_directory_path() / fmt::format("meshflow-crash-{}", ::getpid())).string();
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--faults") {
      given.faults = true;
    } else if (argument == "--power-cut" && i + 1 < count) {
      given.library = arguments[++i];
    } else if (argument == "--folder" && i + 1 < count) {
      given.folder = arguments[++i];
    } else {
      given.rounds = std::max(1, std::atoi(arguments[i]));
    }
  }
  return Rounds(given, std::filesystem::read_symlink("/proc/self/exe").string()).run();
}
