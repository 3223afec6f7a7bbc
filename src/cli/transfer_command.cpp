// meshflow traces import and export: traces as files.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/files.hpp"
#include "base/try.hpp"
#include "cli/session.hpp"
#include "cli/trace_access.hpp"
#include "otlp/encode.hpp"
#include "otlp/json.hpp"
#include "query/jaeger_import.hpp"
#include "query/jaeger_trace.hpp"
#include "query/json_writer.hpp"

namespace meshflow::cli {
namespace {

// A Jaeger document is read whole, and takes some ten times its size meanwhile.
constexpr std::uint64_t kDocumentBytesMax = std::uint64_t{256} << 20;
// Lines are sent together up to this: fewer syncs. A receiver takes 64 MiB.
constexpr std::size_t kRequestBytesWanted = std::size_t{4} << 20;
constexpr std::size_t kRequestBytesMax = std::size_t{60} << 20;
// Of a file that is copied.
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

struct Imported {
  std::uint64_t files = 0;
  std::uint64_t spans = 0;
  std::uint64_t rejected_spans = 0;
  std::string rejection;  // why the first of them was
};

// `error` said of a place in the file; line 0: of the file.
tl::unexpected<Error> at(const std::string& file, int line, Error error) {
  // What the text itself says of its place counts from the line that it was given as.
  const int column = error.position ? error.position->column : 0;
  const int more = error.position ? std::max(0, error.position->line - 1) : 0;
  error.position = SourcePosition{file, line == 0 ? 0 : line + more, column};
  return tl::unexpected(std::move(error));
}

class TracesImportCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "traces import"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Take traces in from files"; }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "FILE holds OTLP JSON, one request a line, or Jaeger's JSON. A span that is there already stays as it is.";
  }
  void add_flags(CLI::App& app) override { app.add_option("FILE", files_, "Which files")->required(); }

  [[nodiscard]] int run(Session& session) override {
    const auto done = import(session);
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<void> import(const Session& session) {
    for (const std::string& file : files_) {  // a name that is wrong costs nothing yet
      if (!system_files().exists(file)) return fail(ErrorCode::not_found, fmt::format("there is no file {}", file));
    }
    MESHFLOW_TRY(TraceAccess access, TraceAccess::open_to_write(session));
    Imported sum;
    for (const std::string& file : files_) {
      MESHFLOW_CHECK(import_file(access.source(), file, sum));
      ++sum.files;
    }
    MESHFLOW_CHECK(access.close());
    report(session, sum);
    return {};
  }

  static void report(const Session& session, const Imported& sum) {
    if (session.flags().json) {
      query::JsonWriter out;
      out.begin_object();
      out.key("files");
      out.integer(sum.files);
      out.key("spans");
      out.integer(sum.spans);
      out.key("rejected_spans");
      out.integer(sum.rejected_spans);
      out.end_object();
      session.print_json(out.take());
    } else {
      session.print_line(fmt::format("{} span{} from {} file{}", sum.spans, sum.spans == 1 ? "" : "s", sum.files,
                                     sum.files == 1 ? "" : "s"));
    }
    if (sum.rejected_spans > 0) {
      session.warn(fmt::format("{} spans were left out: {}", sum.rejected_spans, sum.rejection));
    }
  }

  static Result<void> import_file(server::TraceSource& source, const std::string& path, Imported& sum) {
    std::ifstream file(path);
    std::string line;
    if (!file || !std::getline(file, line)) {
      return file.eof() ? Result<void>() : fail(ErrorCode::io, fmt::format("{} cannot be read", path));
    }
    // OTLP files have a request a line; all else is one document.
    const bool is_lines = line.find("resourceSpans") != std::string::npos && otlp::decode_traces_json(line);
    return is_lines ? import_lines(source, file, path, std::move(line), sum) : import_document(source, path, sum);
  }

  static Result<void> import_lines(server::TraceSource& source, std::ifstream& file, const std::string& path,
                                   std::string line, Imported& sum) {
    std::string request;  // messages of one type, one after the other, are their sum
    int number = 0;
    do {
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      auto decoded = otlp::decode_traces_json(line);
      if (!decoded) return at(path, number, std::move(decoded).error());
      count(decoded->stats, sum);
      std::string bytes = otlp::encode(decoded->value);
      if (!request.empty() && request.size() + bytes.size() > kRequestBytesMax) {
        MESHFLOW_CHECK(send(source, std::exchange(request, {}), sum));
      }
      request += bytes;
      if (request.size() >= kRequestBytesWanted) MESHFLOW_CHECK(send(source, std::exchange(request, {}), sum));
    } while (std::getline(file, line));
    return send(source, std::move(request), sum);
  }

  static Result<void> import_document(server::TraceSource& source, const std::string& path, Imported& sum) {
    MESHFLOW_TRY(const std::string text, system_files().read_all(path, kDocumentBytesMax));
    const bool is_otlp = text.find("\"resourceSpans\"") != std::string::npos;
    auto decoded = is_otlp ? otlp::decode_traces_json(text) : query::from_jaeger_json(text);
    if (!decoded) return at(path, is_otlp ? 1 : 0, std::move(decoded).error());
    count(decoded->stats, sum);
    // A resource at a time: a document may be larger than a request.
    std::string request;
    for (otlp::ResourceSpans& each : decoded->value.resource_spans) {
      otlp::TracesData part;
      part.resource_spans.push_back(std::move(each));
      request += otlp::encode(part);
      if (request.size() >= kRequestBytesWanted) MESHFLOW_CHECK(send(source, std::exchange(request, {}), sum));
    }
    return send(source, std::move(request), sum);
  }

  static void count(const otlp::DecodeStats& stats, Imported& sum) {
    if (sum.rejected_spans == 0) sum.rejection = stats.rejection;
    sum.rejected_spans += stats.rejected_spans;
  }

  static Result<void> send(server::TraceSource& source, std::string request, Imported& sum) {
    if (request.empty()) return {};
    MESHFLOW_TRY(const auto received, source.import(std::move(request)));
    sum.spans += received.spans;
    if (sum.rejected_spans == 0) sum.rejection = received.rejection;
    sum.rejected_spans += received.rejected_spans;
    return {};
  }

  std::vector<std::string> files_;
};

class TracesExportCommand final : public Command {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "traces export"; }
  [[nodiscard]] std::string_view summary() const noexcept override { return "Write traces to standard output"; }
  [[nodiscard]] std::string_view details() const noexcept override {
    return "otlp-json: a line for each trace. jaeger: one document, as Jaeger's API gives it. All traces, in the "
           "order\n"
           "of their ids, or the one that --trace names (as traces show takes it). parquet: a row for each span, with\n"
           "the columns of the view spans (traces sql).";
  }
  void add_flags(CLI::App& app) override {
    app.add_option("--trace", trace_, "This one only")->type_name("TRACE");
    app.add_option("--format", format_, "otlp-json, jaeger or parquet")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"otlp-json", "jaeger", "parquet"}).description(""))
        ->capture_default_str();
    app.add_option("--out", out_, "Write to this file, replacing it, instead of standard output")->type_name("FILE");
  }

  [[nodiscard]] int run(Session& session) override {
    auto done = export_all(session);
    if (!done && file_ != nullptr) (void)system_files().remove(partial_file());
    return done ? kExitDone : session.fail(done.error());
  }

 private:
  Result<void> export_all(const Session& session) {
    const bool is_parquet = format_ == "parquet";
    if (is_parquet && out_.empty() && session.is_output_terminal()) {
      return fail(ErrorCode::invalid_argument, "Parquet is not for terminals", "name a file: --out spans.parquet");
    }
    MESHFLOW_TRY(TraceAccess access, TraceAccess::open(session));
    if (!out_.empty()) {
      if (system_files().exists(partial_file())) MESHFLOW_CHECK(system_files().remove(partial_file()));
      MESHFLOW_TRY(file_, system_files().open_append(partial_file()));
    }
    MESHFLOW_CHECK(is_parquet ? write_parquet(access.source()) : write_all(session, access.source()));
    MESHFLOW_CHECK(access.close());
    if (file_ == nullptr) return {};
    MESHFLOW_CHECK(file_->sync());
    return system_files().rename(partial_file(), out_);
  }

  // Whole or not at all: it gets its name when it is.
  [[nodiscard]] std::string partial_file() const { return out_ + ".partial"; }

  Result<void> write_parquet(server::TraceSource& source) {
    MESHFLOW_TRY(const std::string path, source.export_parquet(trace_));
    const auto copied = copy(path);
    (void)system_files().remove(path);
    return copied;
  }

  Result<void> copy(const std::string& path) {
    MESHFLOW_TRY(const auto made, system_files().open_read(path));
    for (std::uint64_t at = 0;;) {
      MESHFLOW_TRY(const std::string piece, made->read(at, kPieceBytes));
      if (piece.empty()) return {};
      MESHFLOW_CHECK(file_ != nullptr ? file_->append(piece) : write_bytes(piece));
      at += piece.size();
    }
  }

  static Result<void> write_bytes(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0) {
      return fail(ErrorCode::io, "standard output cannot be written");
    }
    return {};
  }

  Result<void> write_all(const Session& session, server::TraceSource& source) {
    MESHFLOW_CHECK(write(session, format_ == "jaeger" ? "{\"data\":[" : ""));
    if (!trace_.empty()) {
      MESHFLOW_TRY(const store::StoredTrace trace, source.trace(trace_));
      MESHFLOW_CHECK(write_trace(session, trace));
    } else {
      MESHFLOW_CHECK(write_each(session, source));
    }
    if (format_ == "jaeger") {
      MESHFLOW_CHECK(write(session, "],\"total\":0,\"limit\":0,\"offset\":0,\"errors\":null}\n"));
    }
    return {};
  }

  Result<void> write_each(const Session& session, server::TraceSource& source) {
    std::optional<otlp::TraceId> after;
    for (;;) {
      MESHFLOW_TRY(const auto traces, source.traces_after(after));
      if (traces.empty()) return {};
      for (const store::StoredTrace& trace : traces) MESHFLOW_CHECK(write_trace(session, trace));
      after = traces.back().trace_id;
    }
  }

  Result<void> write_trace(const Session& session, const store::StoredTrace& trace) {
    if (format_ != "jaeger") return write(session, otlp::encode_json(trace.data) + "\n");
    query::JsonWriter out;
    query::write_json(out, query::to_jaeger(trace));
    const std::string text = out.take();
    return write(session, std::exchange(is_first_, false) ? text : ",\n" + text);
  }

  // What is not written whole is no export.
  Result<void> write(const Session& session, std::string_view text) {
    if (file_ != nullptr) return file_->append(text);
    if (!session.try_print_json(text)) return fail(ErrorCode::io, "standard output cannot be written");
    return {};
  }

  std::string trace_;
  std::string format_ = "otlp-json";
  std::string out_;
  std::unique_ptr<AppendFile> file_;  // null: standard output
  bool is_first_ = true;
};

}  // namespace

std::unique_ptr<Command> make_traces_import_command() { return std::make_unique<TracesImportCommand>(); }
std::unique_ptr<Command> make_traces_export_command() { return std::make_unique<TracesExportCommand>(); }

}  // namespace meshflow::cli
