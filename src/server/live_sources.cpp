#include "server/live_sources.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/try.hpp"
#include "query/run_list.hpp"
#include "query/trace_rows.hpp"

namespace meshflow::server {
namespace {

// All streams share a thread: a question that takes longer is given up, and asked again with what has come since.
constexpr std::chrono::seconds kTimeMax{5};

}  // namespace

LiveStreamSources make_live_sources(const std::unique_ptr<QueryService>& queries, const std::unique_ptr<UiApi>& ui,
                                    RunDesk* desk) {
  LiveStreamSources sources;
  sources.outline = [&queries, &ui](const otlp::TraceId& trace_id,
                                    std::string_view since) -> Result<LiveStreamSources::Outline> {
    MESHFLOW_TRY(store::Snapshot snapshot, queries->store().snapshot());
    MESHFLOW_TRY(UiApi::OutlineText text, ui->outline(snapshot, trace_id, since));
    return LiveStreamSources::Outline{std::move(text.json), std::move(text.revision), text.new_rows > 0};
  };
  sources.runs = [&queries](std::span<const otlp::TraceId> ids) -> Result<std::vector<std::string>> {
    MESHFLOW_TRY(store::Snapshot snapshot, queries->store().snapshot());
    store::QueryLimits limits = queries->limits();
    limits.time_max = kTimeMax;
    MESHFLOW_TRY(const auto rows, query::read_trace_rows(snapshot, ids, limits));
    std::vector<std::string> texts;
    texts.reserve(rows.size());
    for (const query::TraceRow& row : rows) {
      query::JsonWriter out;
      query::write_run_json(out, row);
      texts.push_back(out.take());
    }
    return texts;
  };
  sources.desk = desk;
  return sources;
}

}  // namespace meshflow::server
