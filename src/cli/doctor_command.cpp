// meshflow doctor: what could keep runs from being recorded, sent or shown, and what to do about it.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/clock.hpp"
#include "base/environment.hpp"
#include "base/files.hpp"
#include "cli/quantity.hpp"
#include "cli/session.hpp"
#include "cli/text.hpp"
#include "cli/trace_access.hpp"
#include "net/http_client.hpp"
#include "query/json_writer.hpp"
#include "runtime/provider_choice.hpp"
#include "server/control_api.hpp"
#include "telemetry/configuration.hpp"

namespace meshflow::cli {
namespace {

// Less room than this fills up soon.
constexpr std::uint64_t kFreeBytesMin = std::uint64_t{1} << 30;
constexpr std::chrono::seconds kEndpointLimit{3};
// What network and rounding explain of a difference to another machine's clock.
constexpr std::int64_t kClockSecondsMax = 5;
// Before this was written.
constexpr std::int64_t kYearSeconds2025 = 1'735'689'600;

struct Port {
  std::uint16_t number;
  std::string_view flag;
};
constexpr std::array<Port, 5> kPorts{
    {{4318, "--otlp-http"}, {4317, "--otlp-grpc"}, {16686, "--jaeger"}, {3200, "--tempo"}, {9464, "--metrics"}}};

struct Finding {
  enum class Kind { good, note, problem };
  Kind kind = Kind::good;
  std::string subject;  // "data directory"
  std::string what;
  std::string to_do = {};  // empty where there is nothing to do
};

using Findings = std::vector<Finding>;

// ---- the data directory -----------------------------------------------------------------------------------------

void check_data_directory(const std::string& data_dir, Findings& findings) {
  const std::string subject = "data directory";
  struct stat facts{};
  if (::stat(data_dir.c_str(), &facts) != 0) {
    if (errno == ENOENT) {
      findings.push_back(
          {Finding::Kind::good, subject, fmt::format("{} is made by the first run or server", data_dir)});
    } else {
      findings.push_back({Finding::Kind::problem, subject, fmt::format("{}: {}", data_dir, std::strerror(errno)),
                          "name another with --data or MESHFLOW_DATA"});
    }
    return;
  }
  if (!S_ISDIR(facts.st_mode)) {
    findings.push_back({Finding::Kind::problem, subject, fmt::format("{} is no directory", data_dir),
                        "name another with --data or MESHFLOW_DATA"});
    return;
  }
  if (::access(data_dir.c_str(), R_OK | W_OK | X_OK) != 0) {
    findings.push_back({Finding::Kind::problem, subject,
                        fmt::format("{} cannot be written by this user: {}", data_dir, std::strerror(errno)),
                        fmt::format("chown it, or name another with --data or MESHFLOW_DATA")});
    return;
  }
  if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    findings.push_back({Finding::Kind::problem, subject, fmt::format("others can look into {}", data_dir),
                        fmt::format("chmod 700 {}", shell_word(data_dir))});
  }
  std::error_code error;
  const auto space = std::filesystem::space(data_dir, error);
  if (!error && space.available < kFreeBytesMin) {
    findings.push_back({Finding::Kind::problem, subject,
                        fmt::format("{} are free where {} lies", size_text(space.available), data_dir),
                        "make room, or bound the store: meshflow serve --max-disk, --retention"});
    return;
  }
  findings.push_back({Finding::Kind::good, subject, fmt::format("{}, {} free", data_dir, size_text(space.available))});
}

// ---- the server and its ports -----------------------------------------------------------------------------------

bool is_free(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return true;
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const bool is_taken = !bound && errno == EADDRINUSE;
  ::close(socket);
  return !is_taken;
}

void check_server(const std::string& data_dir, Findings& findings) {
  const std::string socket = control_socket_of(data_dir);
  std::vector<net::ListenAddress> ours;
  if (system_files().exists(socket)) {
    server::ControlClient client(socket);
    if (const auto status = client.status()) {
      std::string where;
      for (const auto& listener : status->listeners) {
        where += fmt::format("{}{} {}", where.empty() ? "" : ", ", listener.name, listener.address.text());
        ours.push_back(listener.address);
      }
      findings.push_back({Finding::Kind::good, "server", fmt::format("process {}: {}", status->pid, where)});
    } else {
      findings.push_back({Finding::Kind::problem, "server",
                          fmt::format("{} is there, and nobody answers: {}", socket, status.error().message),
                          "meshflow serve replaces what a dead server left"});
    }
  } else {
    findings.push_back({Finding::Kind::note, "server", "none runs on this data directory",
                        "meshflow serve starts one; runs are kept until then"});
  }
  for (const Port& port : kPorts) {
    const auto is_it = [&](const net::ListenAddress& each) { return each.port == port.number; };
    if (std::any_of(ours.begin(), ours.end(), is_it) || is_free(port.number)) continue;
    findings.push_back({Finding::Kind::problem, "ports",
                        fmt::format("another program listens on 127.0.0.1:{}", port.number),
                        fmt::format("end it, or meshflow serve {} 127.0.0.1:0 takes a free port", port.flag)});
  }
}

// ---- the environment --------------------------------------------------------------------------------------------

void check_model(const Environment& environment, Findings& findings) {
  const auto provider = runtime::choose_provider(environment);
  if (provider) {
    findings.push_back(
        {Finding::Kind::good, "model", runtime::wants_mock(environment) ? "the mock model" : "configured"});
  } else {
    findings.push_back({Finding::Kind::problem, "model", provider.error().message, provider.error().hint});
  }
}

// The time that the Date header of an answer tells; nothing where there is none.
std::optional<std::int64_t> date_of(const net::HttpResponse& response) {
  std::tm time{};
  const std::string text(response.header("date"));
  const char* const end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time);
  if (end == nullptr) return std::nullopt;
  return static_cast<std::int64_t>(::timegm(&time));
}

void check_http_endpoint(const telemetry::OtlpHttpOptions& options, Findings& findings) {
  net::HttpClient client(options.tls);
  net::HttpRequest request;
  request.url = options.url;
  request.headers = options.headers;
  request.headers.emplace_back("content-type", "application/x-protobuf");
  request.connect_timeout = kEndpointLimit;
  request.total_timeout = kEndpointLimit;
  const net::HttpResult answer = client.send(request);  // an empty request is a valid one
  if (!answer) {
    findings.push_back({Finding::Kind::problem, "endpoint", answer.error().message,
                        "start it (meshflow serve is one), or correct OTEL_EXPORTER_OTLP_ENDPOINT"});
    return;
  }
  if (answer->status != 200) {
    const bool is_token = answer->status == 401 || answer->status == 403;
    findings.push_back({Finding::Kind::problem, "endpoint", fmt::format("{} answers {}", options.url, answer->status),
                        is_token ? "OTEL_EXPORTER_OTLP_HEADERS carries what it asks for (authorization=Bearer%20…)"
                                 : "does it receive OTLP over HTTP at this path?"});
    return;
  }
  findings.push_back({Finding::Kind::good, "endpoint", fmt::format("{} takes OTLP", options.url)});
  const auto theirs = date_of(*answer);
  const std::int64_t ahead = theirs ? system_clock().wall_nanos() / 1'000'000'000 - *theirs : 0;
  if (std::abs(ahead) > kClockSecondsMax) {
    findings.push_back(
        {Finding::Kind::problem, "clock",
         fmt::format("this machine is {} s {} the endpoint's", std::abs(ahead), ahead > 0 ? "ahead of" : "behind"),
         "synchronize both: timedatectl set-ntp true"});
  }
}

void check_telemetry(const Environment& environment, Findings& findings) {
  const auto configuration = telemetry::configure({}, environment);
  if (!configuration) {
    findings.push_back(
        {Finding::Kind::problem, "environment", configuration.error().message, configuration.error().hint});
    return;
  }
  for (const std::string& warning : configuration->warnings) {
    findings.push_back({Finding::Kind::problem, "environment", warning, "correct or unset it"});
  }
  if (configuration->warnings.empty()) findings.push_back({Finding::Kind::good, "environment", "nothing is ignored"});
  bool is_any = false;
  for (const telemetry::ExporterSpec& exporter : configuration->exporters) {
    if (const auto* const http = std::get_if<telemetry::OtlpHttpOptions>(&exporter)) {
      check_http_endpoint(*http, findings);
      is_any = true;
    }
    if (const auto* const grpc = std::get_if<telemetry::OtlpGrpcOptions>(&exporter)) {
      findings.push_back({Finding::Kind::note, "endpoint", fmt::format("{} by gRPC, not tried", grpc->target.address)});
      is_any = true;
    }
  }
  if (!is_any) {
    findings.push_back({Finding::Kind::note, "endpoint", "spans are sent nowhere; they are kept in the data directory",
                        "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 sends them"});
  }
}

// ---- the clock --------------------------------------------------------------------------------------------------

void check_clock(Findings& findings) {
  const std::int64_t now = system_clock().wall_nanos() / 1'000'000'000;
  if (now < kYearSeconds2025) {
    findings.push_back({Finding::Kind::problem, "clock",
                        fmt::format("it is {} by this machine", local_time_text(now * 1'000'000'000)),
                        "set it: spans carry these times"});
    return;
  }
  timex state{};
  const bool is_synchronized = ::adjtimex(&state) >= 0 && (state.status & STA_UNSYNC) == 0;
  findings.push_back(is_synchronized ? Finding{Finding::Kind::good, "clock", "synchronized"}
                                     : Finding{Finding::Kind::note, "clock", "nothing says that it is synchronized",
                                               "timedatectl set-ntp true, where several machines write traces"});
}

class DoctorCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "doctor"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Check ports, data, environment, clock"; }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "Exits with 1 where there is a problem. With --json: one object per line.";
  }
  void add_flags(CLI::App&) override {}

  [[nodiscard]] int run(Session& session) override {
    const auto data_dir = session.data_dir();
    if (!data_dir) return session.fail(data_dir.error());
    const Environment environment = Environment::of_process();
    Findings findings;
    check_data_directory(*data_dir, findings);
    check_server(*data_dir, findings);
    check_model(environment, findings);
    check_telemetry(environment, findings);
    check_clock(findings);
    bool is_well = true;
    for (const Finding& finding : findings) {
      print(session, finding);
      is_well = is_well && finding.kind != Finding::Kind::problem;
    }
    return is_well ? kExitDone : kExitFailed;
  }

 private:
  static void print(const Session& session, const Finding& finding) {
    const bool is_problem = finding.kind == Finding::Kind::problem;
    const std::string_view kind = is_problem ? "problem" : finding.kind == Finding::Kind::note ? "note" : "ok";
    if (session.flags().json) {
      query::JsonWriter out;
      out.begin_object();
      out.field("kind", kind);
      out.field("subject", finding.subject);
      out.field("what", finding.what);
      out.field("to_do", finding.to_do);
      out.end_object();
      session.print_json(out.take());
      return;
    }
    const Style style = is_problem ? Style::bad : finding.kind == Finding::Kind::note ? Style::attention : Style::good;
    session.print(fmt::format("{}  {}  {}\n", session.styled_output(style, pad_to(kind, 7)),
                              pad_to(finding.subject, 14), one_line(finding.what)));
    if (!finding.to_do.empty()) session.print(fmt::format("{}→ {}\n", std::string(25, ' '), one_line(finding.to_do)));
  }
};

}  // namespace

std::unique_ptr<Command> make_doctor_command() { return std::make_unique<DoctorCommand>(); }

}  // namespace meshflow::cli
