#include "meshflow/runtime/mesh.hpp"

#include <condition_variable>
#include <future>
#include <mutex>
#include <stop_token>

#include <fmt/format.h>

#include "base/environment.hpp"
#include "base/files.hpp"
#include "base/try.hpp"
#include "base/version.hpp"
#include "runtime/lifecycle.hpp"
#include "runtime/mcp/session.hpp"
#include "runtime/provider_choice.hpp"
#include "telemetry/configuration.hpp"

namespace meshflow {

using runtime::GraphCache;
using runtime::Services;

// Everything behind a Mesh. Starts when first used, so that construction cannot fail.
class MeshCore {
 public:
  MeshCore(Policy policy, MeshOptions options) : policy_(std::move(policy)), options_(std::move(options)) {}
  ~MeshCore();
  MeshCore(const MeshCore&) = delete;
  MeshCore& operator=(const MeshCore&) = delete;

  void add(Agent agent);
  void add(Tool tool);
  // What a run needs; the same Error each time where the policy or the environment cannot be used.
  [[nodiscard]] Result<std::shared_ptr<Services>> services();
  [[nodiscard]] std::shared_ptr<Services> started() const;
  [[nodiscard]] const std::shared_ptr<GraphCache>& graphs() const noexcept { return graphs_; }
  [[nodiscard]] std::vector<std::string> configuration_warnings() const;
  [[nodiscard]] std::chrono::milliseconds shutdown_timeout() const noexcept {
    return std::chrono::milliseconds(policy_.telemetry_shutdown_timeout_ms);
  }

  // Counts the runs under way, which destruction waits for.
  struct RunUnderWay {
    explicit RunUnderWay(MeshCore& mesh);
    ~RunUnderWay();
    RunUnderWay(const RunUnderWay&) = delete;
    RunUnderWay& operator=(const RunUnderWay&) = delete;
    MeshCore& core;
  };

 private:
  [[nodiscard]] Result<std::shared_ptr<Services>> start();
  [[nodiscard]] Result<void> open_telemetry(Services& services, const Environment& environment,
                                            const std::string& data_dir);
  [[nodiscard]] Result<void> open_records(Services& services, const std::string& data_dir);

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  Policy policy_;
  MeshOptions options_;
  std::map<std::string, std::shared_ptr<const Agent>, std::less<>> agents_;
  std::map<std::string, std::shared_ptr<const Tool>, std::less<>> tools_;
  std::shared_ptr<Services> services_;
  std::optional<Error> start_error_;
  std::shared_ptr<GraphCache> graphs_ = std::make_shared<GraphCache>();  // shared with the runs that use it
  std::vector<std::string> warnings_;
  int runs_ = 0;
};

namespace {

runtime::SpanStyle style_of(const Policy& policy, const MeshOptions& options) {
  runtime::SpanStyle style;
  style.short_attributes = policy.telemetry_short_attributes;
  style.openinference = policy.telemetry_openinference;
  style.langfuse = policy.telemetry_langfuse;
  style.governance = options.governance_spans;
  style.baggage_keys = policy.telemetry_baggage_keys;
  return style;
}

std::optional<telemetry::ConsoleMode> console_of(const Policy& policy) {
  switch (policy.telemetry_console.mode) {
    case ConsoleTelemetry::Mode::off: return std::nullopt;
    case ConsoleTelemetry::Mode::spans: return telemetry::ConsoleMode::spans;
    case ConsoleTelemetry::Mode::tree: return telemetry::ConsoleMode::tree;
  }
  return std::nullopt;
}

// The trace of whoever started this process (TRACEPARENT, TRACESTATE and BAGGAGE, as OpenTelemetry's "Environment
// Variables as Context Propagation Carriers" has it).
telemetry::Context outer_context(const Environment& environment,
                                 const std::vector<telemetry::Propagator>& propagators) {
  telemetry::Carrier carrier;
  for (const auto& [variable, header] : {std::pair{"TRACEPARENT", "traceparent"}, std::pair{"TRACESTATE", "tracestate"},
                                         std::pair{"BAGGAGE", "baggage"}}) {
    if (const auto value = environment.get(variable)) carrier[header] = std::string(*value);
  }
  return telemetry::extract(carrier, propagators);
}

}  // namespace

MeshCore::RunUnderWay::RunUnderWay(MeshCore& mesh) : core(mesh) {
  const std::lock_guard lock(core.mutex_);
  ++core.runs_;
}

MeshCore::RunUnderWay::~RunUnderWay() {
  // Notified under the lock: the core may be gone as soon as it is released.
  const std::lock_guard lock(core.mutex_);
  if (--core.runs_ == 0) core.idle_.notify_all();
}

MeshCore::~MeshCore() {
  std::shared_ptr<Services> services;
  {
    std::unique_lock lock(mutex_);
    services = services_;
    if (services) services->closing.request_stop();
    idle_.wait(lock, [this] { return runs_ == 0; });  // cancelled runs end: whatever they wait for is told
  }
  if (!services) return;
  services->provider->shutdown(shutdown_timeout());
  services->mcp_sessions->close();
  services->scheduler.stop();
}

void MeshCore::add(Agent agent) {
  const std::lock_guard lock(mutex_);
  std::string id = agent.id;
  agents_[std::move(id)] = std::make_shared<const Agent>(std::move(agent));
}

void MeshCore::add(Tool tool) {
  const std::lock_guard lock(mutex_);
  std::string name = tool.name;
  tools_[std::move(name)] = std::make_shared<const Tool>(std::move(tool));
}

Result<std::shared_ptr<Services>> MeshCore::services() {
  const std::lock_guard lock(mutex_);
  if (services_) return services_;
  if (start_error_) return tl::unexpected(*start_error_);
  auto started = start();
  if (started) {
    services_ = *started;
  } else {
    start_error_ = started.error();
  }
  return started;
}

std::shared_ptr<Services> MeshCore::started() const {
  const std::lock_guard lock(mutex_);
  return services_;
}

std::vector<std::string> MeshCore::configuration_warnings() const {
  const std::lock_guard lock(mutex_);
  return warnings_;
}

Result<std::shared_ptr<Services>> MeshCore::start() {
  const Environment environment = Environment::of_process();
  auto services = std::make_shared<Services>(options_.scheduler_threads);
  services->clock = &system_clock();
  MESHFLOW_TRY(services->governance, runtime::make_governance(policy_));
  const Policy& policy = services->governance->policy.fields;
  if (options_.model) {
    services->model = options_.model;
  } else {
    MESHFLOW_TRY(services->model, runtime::choose_provider(environment));
  }
  services->model_override = environment.get("MESHFLOW_MODEL").value_or("");
  services->agents = agents_;
  services->tools = tools_;
  services->approver = options_.approver;
  services->style = style_of(policy, options_);
  services->mcp_sessions = std::make_shared<runtime::mcp::SessionPool>();
  services->default_team = std::make_shared<const Workflow>(Workflow::default_team(policy.max_replans));
  services->breakers = std::make_unique<runtime::CircuitBreakers>(policy.circuit_breaker, *services->clock);
  const std::string data_dir =
      policy.data_dir.empty() ? std::string(environment.get("MESHFLOW_DATA").value_or("")) : policy.data_dir;
  if (!data_dir.empty()) MESHFLOW_CHECK(system_files().create_directories(data_dir));
  MESHFLOW_CHECK(open_records(*services, data_dir));
  MESHFLOW_CHECK(open_telemetry(*services, environment, data_dir));
  return services;
}

Result<void> MeshCore::open_telemetry(Services& services, const Environment& environment, const std::string& data_dir) {
  const Policy& policy = services.governance->policy.fields;
  telemetry::TelemetrySettings settings;
  settings.console = console_of(policy);
  settings.otlp_endpoint = policy.telemetry_otlp_endpoint;
  settings.otlp_protocol = policy.telemetry_otlp_protocol;
  settings.otlp_headers = policy.telemetry_otlp_headers;
  settings.file = policy.telemetry_file;
  if (!data_dir.empty()) settings.spool_directory = data_dir + "/spool";
  settings.shutdown_timeout = std::chrono::milliseconds(policy.telemetry_shutdown_timeout_ms);
  MESHFLOW_TRY(auto configuration, telemetry::configure(settings, environment));
  warnings_ = configuration.warnings;
  services.outer = outer_context(environment, configuration.propagators);
  services.propagators = configuration.propagators;
  services.has_console = settings.console.has_value();
  MESHFLOW_TRY(services.provider, telemetry::make_provider(std::move(configuration)));
  telemetry::Scope scope;
  scope.name = "meshflow";
  scope.version = version();
  services.tracer = services.provider->tracer(std::move(scope));
  return {};
}

Result<void> MeshCore::open_records(Services& services, const std::string& data_dir) {
  services.prices = runtime::PriceTable::shipped();
  if (const std::string& file = services.governance->policy.fields.prices_file; !file.empty()) {
    MESHFLOW_TRY(services.prices, runtime::PriceTable::from_file(file, services.prices));
  }
  services.carbon = runtime::CarbonModel::shipped(services.prices);
  MESHFLOW_TRY(services.database, runtime::Database::open(data_dir.empty() ? ":memory:" : data_dir + "/meshflow.db"));
  MESHFLOW_TRY(services.ledger, runtime::Ledger::open(services.database, *services.clock));
  MESHFLOW_TRY(services.store, runtime::RunStore::open(services.database));
  return {};
}

namespace {

// Continues on a thread that may block, once what has ended so far is on the console: so that a program's own output
// follows that of its run.
class ConsoleFlushed {
 public:
  // Not an aggregate: GCC 12 destroys the members of awaited aggregate temporaries twice (GCC bug 100611).
  explicit ConsoleFlushed(Services& services) noexcept : services_(services) {}
  [[nodiscard]] bool await_ready() const noexcept { return !services_.has_console; }
  void await_suspend(std::coroutine_handle<> coroutine) const {
    services_.scheduler.run_blocking([provider = services_.provider.get(), coroutine] {
      provider->flush_local(kConsoleFlushTime);
      coroutine.resume();
    });
  }
  void await_resume() const noexcept {}

 private:
  static constexpr std::chrono::milliseconds kConsoleFlushTime{2000};
  Services& services_;
};

Result<RunResult> result_of(runtime::RunOutcome outcome) {
  if (!outcome) return tl::unexpected(std::move(outcome.error()));
  return std::move(**outcome);
}

Task<Result<RunResult>> run_whole(MeshCore& core, std::string task, RunOptions options) {
  auto services = core.services();
  if (!services) co_return tl::unexpected(services.error());
  const MeshCore::RunUnderWay under_way(core);
  auto outcome = co_await runtime::begin_run(*services, core.graphs(), std::move(task), std::move(options));
  co_await ConsoleFlushed(**services);
  co_return result_of(std::move(outcome));
}

Task<Result<RunResult>> resume_whole(MeshCore& core, std::string run_id, RunOptions options) {
  auto services = core.services();
  if (!services) co_return tl::unexpected(services.error());
  const MeshCore::RunUnderWay under_way(core);
  auto outcome = co_await runtime::continue_run(*services, core.graphs(), std::move(run_id), std::move(options));
  co_await ConsoleFlushed(**services);
  co_return result_of(std::move(outcome));
}

Task<void> tell_when_done(Task<Result<RunResult>> run, std::function<void(Result<RunResult>)> done) {
  std::optional<Result<RunResult>> result;
  try {
    result.emplace(co_await std::move(run));
  } catch (...) {
    result.emplace(tl::unexpected(runtime::error_of_exception("the run")));
  }
  done(std::move(*result));
}

Result<RunResult> block_on(Task<Result<RunResult>> run) {
  auto answer = std::make_shared<std::promise<Result<RunResult>>>();  // a std::function must be copyable
  auto waiting = answer->get_future();
  runtime::spawn(
      tell_when_done(std::move(run), [answer](Result<RunResult> result) { answer->set_value(std::move(result)); }));
  return waiting.get();
}

}  // namespace

Mesh::Mesh(Policy policy, MeshOptions options)
    : core_(std::make_unique<MeshCore>(std::move(policy), std::move(options))) {}
Mesh::~Mesh() = default;

Mesh& Mesh::add(Agent agent) {
  core_->add(std::move(agent));
  return *this;
}

Mesh& Mesh::add(Tool tool) {
  core_->add(std::move(tool));
  return *this;
}

Task<Result<RunResult>> Mesh::run(std::string task, RunOptions options) {
  return run_whole(*core_, std::move(task), std::move(options));
}

Result<RunResult> Mesh::run_blocking(std::string task, RunOptions options) {
  return block_on(run_whole(*core_, std::move(task), std::move(options)));
}

void Mesh::run_async(std::string task, RunOptions options, std::function<void(Result<RunResult>)> done) {
  runtime::spawn(tell_when_done(run_whole(*core_, std::move(task), std::move(options)), std::move(done)));
}

Result<void> Mesh::decide(std::string_view run_id, Decision decision) {
  MESHFLOW_TRY(auto services, core_->services());
  runtime::RunStore::DecisionRecord record{run_id, {}, std::move(decision), services->clock->wall_nanos()};
  MESHFLOW_CHECK(services->store->decide(*services->ledger, record));
  return {};
}

Result<RunResult> Mesh::resume_blocking(std::string_view run_id, RunOptions options) {
  return block_on(resume_whole(*core_, std::string(run_id), std::move(options)));
}

void Mesh::resume_async(std::string run_id, RunOptions options, std::function<void(Result<RunResult>)> done) {
  runtime::spawn(tell_when_done(resume_whole(*core_, std::move(run_id), std::move(options)), std::move(done)));
}

Result<std::vector<PendingRequest>> Mesh::pending() const {
  MESHFLOW_TRY(auto services, core_->services());
  return services->store->pending();
}

bool Mesh::flush(std::chrono::milliseconds timeout) {
  const auto services = core_->started();
  return !services || services->provider->flush(timeout);
}

void Mesh::shutdown() {
  const auto services = core_->started();
  if (services) services->provider->shutdown(core_->shutdown_timeout());
}

telemetry::TelemetryStats Mesh::telemetry_stats() const {
  const auto services = core_->started();
  return services ? services->provider->stats() : telemetry::TelemetryStats{};
}

std::vector<std::string> Mesh::warnings() const {
  std::vector<std::string> warnings = core_->configuration_warnings();
  if (const auto services = core_->started()) {
    const std::vector<std::string> told = services->warnings();
    warnings.insert(warnings.end(), told.begin(), told.end());
  }
  const std::vector<std::string> drops = telemetry::drop_warnings(telemetry_stats());
  warnings.insert(warnings.end(), drops.begin(), drops.end());
  return warnings;
}

}  // namespace meshflow
