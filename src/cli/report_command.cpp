// meshflow report: what runs cost, how long agents took, and what was blocked, over a period.
#include "cli/report_command.hpp"

#include <chrono>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/clock.hpp"
#include "base/try.hpp"
#include "cli/quantity.hpp"
#include "cli/report_text.hpp"
#include "cli/session.hpp"
#include "cli/trace_access.hpp"
#include "query/json_writer.hpp"
#include "query/number.hpp"

namespace meshflow::cli {
namespace {

// Where there is no terminal whose width could be asked for.
constexpr std::size_t kColumnsElsewhere = 120;

class ReportCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "report"; }
  [[nodiscard]] std::string_view summary() const noexcept override {
    return "Latency per role, cost per run, tokens, carbon, blocks";
  }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "Over the spans that started within AGE, beside those of the same time before. With --by one table: runs "
           "by\n"
           "workflow or variant, agents by role, calls by model. With --json: one object, money in nano-dollars.";
  }
  void add_flags(CLI::App& app) override {
    app.add_option("--since", since_, "How far back: 90s, 30m, 24h, 7d")->type_name("AGE")->capture_default_str();
    app.add_option("--by", by_, "workflow, variant, role or model")->type_name("GROUP");
    app.add_option("--over", over_, "List runs that cost more")->type_name("USD")->capture_default_str();
  }

  [[nodiscard]] int run(Session& session) override {
    const auto done = report(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<query::ReportRequest> request() const {
    query::ReportRequest wanted;
    auto age = parse_age(since_);
    if (!age) {
      age.error().message = fmt::format("--since: {}", age.error().message);
      return tl::unexpected(std::move(age).error());
    }
    if (age->count() == 0) return fail(ErrorCode::invalid_argument, "--since: no time at all", "24h, say");
    const auto limit = query::parse_number(over_);
    if (!limit || limit->nano_floor < 0) {
      return fail(ErrorCode::invalid_argument, fmt::format("--over: \"{}\" is no amount of dollars", over_),
                  "0.01, say");
    }
    wanted.limit_nano_usd = limit->nano_floor;
    if (!by_.empty()) {
      wanted.by = query::report_group_of(by_);
      if (!wanted.by) {
        return fail(ErrorCode::invalid_argument, fmt::format("--by: there is no group \"{}\"", by_),
                    "workflow, variant, role or model");
      }
    }
    wanted.to = static_cast<std::uint64_t>(system_clock().wall_nanos()) + 1;
    const auto length = static_cast<std::uint64_t>(age->count());
    wanted.from = length > wanted.to / 1'000'000'000 ? 0 : wanted.to - length * 1'000'000'000;
    return wanted;
  }

  Result<void> report(const Session& session) const {
    MESHFLOW_TRY(const query::ReportRequest wanted, request());
    query::Report made{.from_unix_nanos = static_cast<std::int64_t>(wanted.from),
                       .to_unix_nanos = static_cast<std::int64_t>(wanted.to),
                       .limit_nano_usd = wanted.limit_nano_usd,
                       .by = by_};
    auto access = TraceAccess::open(session);
    if (access) {
      MESHFLOW_TRY(made, access->source().report(wanted));
      MESHFLOW_CHECK(access->close());
    } else if (access.error().code != ErrorCode::not_found) {
      return tl::unexpected(std::move(access).error());
    }
    if (session.flags().json) {
      query::JsonWriter out;
      write_json(out, made);
      session.print_json(out.take());
      return {};
    }
    const std::size_t columns = session.output_columns();
    session.print(
        report_text(made, columns == 0 ? kColumnsElsewhere : columns,
                    [&session](Style style, std::string_view text) { return session.styled_output(style, text); }));
    return {};
  }

  std::string since_ = "24h";
  std::string by_;
  std::string over_ = "0.01";
};

}  // namespace

std::unique_ptr<Command> make_report_command() { return std::make_unique<ReportCommand>(); }

}  // namespace meshflow::cli
