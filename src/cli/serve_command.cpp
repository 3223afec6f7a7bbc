// meshflow serve: the embedded trace backend.
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/files.hpp"
#include "base/try.hpp"
#include "cli/interrupt.hpp"
#include "cli/serve_settings.hpp"
#include "cli/served_runs.hpp"
#include "cli/session.hpp"
#include "cli/text.hpp"
#include "cli/trace_access.hpp"
#include "server/forwarder.hpp"

namespace meshflow::cli {
namespace {

// For requests that have begun, once the server is to end. A supervisor kills after some 10 s more.
constexpr std::chrono::seconds kStopLimit{10};
// For what has not been handed on yet; the rest goes after the next start.
constexpr std::chrono::seconds kForwardLimit{5};

// Held for life: one server a data directory. Its text is the pid.
Result<std::unique_ptr<AppendFile>> lock_server(const std::string& data_dir) {
  FileSystem& files = system_files();
  const std::string path = data_dir + "/serve.lock";
  MESHFLOW_TRY(auto lock, files.open_append(path));
  MESHFLOW_TRY(const bool is_locked, lock->try_lock());
  if (!is_locked) {
    const auto text = files.read_all(path, 64);
    const std::string pid = text ? text->substr(0, text->find('\n')) : "";
    return fail(ErrorCode::conflict,
                fmt::format("a server runs on {} already: {}", data_dir,
                            pid.empty() ? "a process that names no pid" : "process " + pid),
                "stop it, or name another data directory with --data");
  }
  MESHFLOW_CHECK(lock->truncate(0));
  MESHFLOW_CHECK(lock->append(fmt::format("{}\n", ::getpid())));
  return lock;
}

class ServeCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "serve"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Receive, keep and show traces"; }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "ADDR is HOST:PORT; port 0 takes a free one, and `off` leaves the listener out. Each is printed as\n"
           "`listening NAME ADDR:PORT`, then `ready`. SIGTERM or Ctrl-C finishes what was accepted and ends it.\n"
           "What runs leave in the data directory is taken in as they write it.";
  }
  void add_flags(CLI::App& app) override {
    for (const ServeSetting& setting : serve_settings()) {
      const std::string flag = fmt::format("--{}", setting.name);
      const std::string key(setting.name);
      if (setting.kind == SettingKind::boolean) {
        app.add_flag_callback(flag, [this, key] { flags_[key].texts = {"true"}; }, std::string(setting.help));
        continue;
      }
      auto* const option = app.add_option_function<std::vector<std::string>>(
          flag, [this, key](const std::vector<std::string>& texts) { flags_[key].texts = texts; },
          std::string(setting.help));
      option->type_name(std::string(setting.value_name))->type_size(1)->allow_extra_args(false);
      option->multi_option_policy(setting.kind == SettingKind::list ? CLI::MultiOptionPolicy::TakeAll
                                                                    : CLI::MultiOptionPolicy::TakeLast);
    }
    app.add_option("--config", config_, "A YAML file with these names as keys; flags beat it")->type_name("FILE");
  }

  [[nodiscard]] int run(Session& session) override {
    const auto done = serve(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<void> serve(const Session& session) const {
    GivenSettings file;
    if (!config_.empty()) {
      MESHFLOW_TRY(file, read_serve_config(config_));
    }
    MESHFLOW_TRY(ServeSettings settings, make_serve_settings(flags_, file));
    MESHFLOW_TRY(const std::string data_dir, session.data_dir());
    MESHFLOW_CHECK(system_files().create_directories(data_dir));
    MESHFLOW_TRY(const auto lock, lock_server(data_dir));

    InterruptWatch interrupt([] {});
    settings.server.control_socket = control_socket_of(data_dir);
    settings.server.alerts.state_file = data_dir + "/alerts.json";
    settings.server.views_file = data_dir + "/views.json";
    ServedRuns runs(data_dir);
    settings.server.desk = &runs;
    std::unique_ptr<store::TraceStore> store;  // outlives the server
    MESHFLOW_TRY(const auto server, server::TraceServer::start(std::move(settings.server)));
    for (const auto& listener : server->listeners()) {
      session.print(fmt::format("listening {} {}\n", listener.name, listener.address.text()));
    }
    store::StoreOptions options = store_options(settings, data_dir);
    server->connect(options);
    std::unique_ptr<server::Forwarder> forwarder;
    MESHFLOW_TRY(forwarder, start_forwarder(settings, options));
    if (forwarder) {
      server->add_metrics([&forwarder](server::MetricsText& text) { write_metrics(text, forwarder->stats()); });
    }
    MESHFLOW_TRY(store, open_store(options));
    server->attach(*store);
    session.print("ready\n");

    wait_for_stop(interrupt.token());
    session.note("stopping");
    server->stop(kStopLimit);
    const auto closed = store->close();
    if (forwarder) forwarder->stop(kForwardLimit);
    return closed;
  }

  // Before the store: its log is read from the first request on. Null where nothing is to be handed on.
  static Result<std::unique_ptr<server::Forwarder>> start_forwarder(const ServeSettings& settings,
                                                                    const store::StoreOptions& store) {
    const std::vector<std::string> directories{store.directory + "/log", store.spool_directory};
    if (!settings.forward) {
      MESHFLOW_CHECK(server::Forwarder::forget(directories));
      return nullptr;
    }
    return server::Forwarder::start({.endpoint = *settings.forward, .directories = directories});
  }

  static store::StoreOptions store_options(const ServeSettings& settings, const std::string& data_dir) {
    store::StoreOptions options = default_store_options(data_dir);
    options.durability = settings.durability;
    options.memory_bytes_max = settings.memory_bytes_max;
    options.retention = settings.retention;
    options.disk_bytes_max = settings.disk_bytes_max;
    return options;
  }

  static void wait_for_stop(const std::stop_token& token) {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    changed.wait(lock, token, [] { return false; });
  }

  GivenSettings flags_;
  std::string config_;
};

}  // namespace

std::unique_ptr<Command> make_serve_command() { return std::make_unique<ServeCommand>(); }

}  // namespace meshflow::cli
