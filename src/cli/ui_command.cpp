// meshflow ui: the server's pages in a browser, signed in.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <sys/wait.h>
#include <CLI/CLI.hpp>

#include "base/environment.hpp"
#include "base/try.hpp"
#include "cli/browser.hpp"
#include "cli/interrupt.hpp"
#include "cli/own_process.hpp"
#include "cli/session.hpp"
#include "cli/trace_access.hpp"
#include "query/json_writer.hpp"
#include "server/control_api.hpp"

namespace meshflow::cli {
namespace {

constexpr std::chrono::milliseconds kLookPause{50};
constexpr std::string_view kPages = "jaeger";  // the listener that has them

// Where this machine reaches a listener on any address.
std::string host_of(const net::ListenAddress& address) {
  net::ListenAddress reached = address;
  if (reached.ip == "0.0.0.0") reached.ip = "127.0.0.1";
  if (reached.ip == "::") reached.ip = "::1";
  return reached.text();
}

class UiCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "ui"; }
  [[nodiscard]] std::string_view summary() const noexcept override {
    return "Open the server's pages in a browser, signed in";
  }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "Where no server runs on the data directory it starts one, with the defaults of meshflow serve, until\n"
           "Ctrl-C. Where there is no browser the address is printed: it signs in once, within five minutes.";
  }
  void add_flags(CLI::App& app) override {
    app.add_option("--by", by_, "Who signs in; your login name where it is not given")->type_name("NAME");
    app.add_flag("--no-browser", no_browser_, "Print the address only");
    app.add_option("--config", config_, "Of a server that it starts, as meshflow serve has it")->type_name("FILE");
  }

  [[nodiscard]] int run(Session& session) override {
    const auto data_dir = session.data_dir();
    if (!data_dir) return session.fail(data_dir.error());
    if (server::ControlClient(control_socket_of(*data_dir)).check_ready()) {
      const auto opened = open(session, *data_dir);
      return opened ? kExitDone : session.fail(opened.error());
    }
    return serve_and_open(session, *data_dir);
  }

 private:
  Result<void> open(const Session& session, const std::string& data_dir) const {
    server::ControlClient client(control_socket_of(data_dir));
    MESHFLOW_TRY(const server::ServerStatus status, client.status());
    std::string pages;
    for (const server::ServerListener& listener : status.listeners) {
      if (listener.name == kPages) pages = host_of(listener.address);
    }
    if (pages.empty()) {
      return fail(ErrorCode::unavailable, fmt::format("process {} serves no pages", status.pid),
                  "start it without --jaeger off");
    }
    MESHFLOW_TRY(const std::string code, client.sign_in_code(by_.empty() ? login_name() : by_));
    const std::string page = fmt::format("{}://{}/", status.is_tls ? "https" : "http", pages);
    const std::string url = fmt::format("{}#code={}", page, code);
    const Environment environment = Environment::of_process();
    bool is_opened = false;
    if (!no_browser_ && has_browser(environment)) {
      const auto opened = open_in_browser(environment, data_dir, url);
      is_opened = opened.has_value();
      if (!is_opened) session.warn(opened.error().text());
    }
    report(session, is_opened, is_opened ? page : url);
    return {};
  }

  static void report(const Session& session, bool is_opened, const std::string& address) {
    if (session.flags().json) {
      query::JsonWriter out;
      out.begin_object();
      out.field("address", address);
      out.key("opened");
      out.boolean(is_opened);
      out.end_object();
      session.print_json(out.take());
    } else {
      session.print_line(is_opened ? fmt::format("opened {}", address) : address);
    }
  }

  // The server is a process of its own, which ends with this one.
  int serve_and_open(const Session& session, const std::string& data_dir) const {
    std::atomic<pid_t> child{-1};
    const InterruptWatch interrupt([&child] {
      while (child < 0) std::this_thread::yield();
      if (child > 0) ::kill(child, SIGTERM);
    });
    std::vector<std::string> serve{"--data", data_dir, "serve"};
    if (!config_.empty()) serve.insert(serve.end(), {"--config", config_});
    const auto started = start_own_process(std::move(serve), ChildLife::with_us);
    child = started ? *started : 0;
    if (!started) return session.fail(started.error());
    const pid_t server = *started;
    server::ControlClient client(control_socket_of(data_dir));
    while (!client.check_ready()) {
      int status = 0;
      if (::waitpid(server, &status, WNOHANG) == server) return exit_code_of(status);
      std::this_thread::sleep_for(kLookPause);
    }
    if (const auto opened = open(session, data_dir); !opened) {
      ::kill(server, SIGTERM);
      ::waitpid(server, nullptr, 0);
      return session.fail(opened.error());
    }
    int status = 0;
    while (::waitpid(server, &status, 0) < 0 && errno == EINTR) {
    }
    return exit_code_of(status);
  }

  static int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : kExitFailed; }

  std::string by_;
  bool no_browser_ = false;
  std::string config_;
};

}  // namespace

std::unique_ptr<Command> make_ui_command() { return std::make_unique<UiCommand>(); }

}  // namespace meshflow::cli
