#include "cli/ledger_heads.hpp"

#include <cstdint>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/try.hpp"
#include "otlp/decode.hpp"
#include "otlp/json.hpp"
#include "runtime/attributes.hpp"
#include "spool/reader.hpp"

namespace meshflow::cli {
namespace {

namespace names = runtime::names;

std::string text_of(const otlp::KeyValueList& attributes, std::string_view key) {
  for (const otlp::KeyValue& attribute : attributes) {
    if (attribute.key != key) continue;
    const auto* text = std::get_if<std::string>(&attribute.value.value);
    return text == nullptr ? std::string() : *text;
  }
  return {};
}

void add_heads(const otlp::TracesData& traces, LedgerHeads& heads) {
  for (const auto& resource : traces.resource_spans) {
    for (const auto& scope : resource.scope_spans) {
      for (const auto& span : scope.spans) {
        if (span.name != names::kSpanRun) continue;
        std::string head = text_of(span.attributes, names::kLedgerHead);
        if (!head.empty()) heads[text_of(span.attributes, names::kRunId)] = std::move(head);
      }
    }
  }
}

Result<void> add_heads_of_file(const std::string& path, LedgerHeads& heads) {
  auto file = system_files().open_read(path);
  if (!file && file.error().code == ErrorCode::not_found) return {};  // a reader was the last to need it
  if (!file) return tl::unexpected(std::move(file).error());
  spool::FileReader reader(**file, 0);
  spool::Damage damage;
  while (true) {
    MESHFLOW_TRY(const auto frame, reader.next(/*is_closed=*/false, damage));
    if (!frame) return {};
    if (frame->type != static_cast<std::uint32_t>(spool::FrameType::traces)) continue;
    if (const auto traces = otlp::decode_traces(frame->payload)) add_heads(traces->value, heads);
  }
}

}  // namespace

Result<LedgerHeads> heads_from_spool(const std::string& directory) {
  LedgerHeads heads;
  const auto names = system_files().list(directory);
  if (!names && names.error().code == ErrorCode::not_found) return heads;
  if (!names) return tl::unexpected(names.error());
  for (const std::string& name : *names) {
    if (spool::is_file_name(name)) MESHFLOW_CHECK(add_heads_of_file(directory + "/" + name, heads));
  }
  return heads;
}

Result<LedgerHeads> heads_from_trace_file(const std::string& path) {
  MESHFLOW_TRY(const std::string text, system_files().read_all(path, kTraceFileBytesMax));
  LedgerHeads heads;
  int line_number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto traces = otlp::decode_traces_json(line);
    if (!traces) {
      Error error = std::move(traces).error();
      const int column = error.position ? error.position->column : 0;
      error.position = SourcePosition{path, line_number, column};
      return tl::unexpected(std::move(error));
    }
    add_heads(traces->value, heads);
  }
  return heads;
}

}  // namespace meshflow::cli
