#include "query/run_list.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"
#include "query/run_keys.hpp"
#include "query/trace_index.hpp"
#include "query/trace_rows.hpp"
#include "query/traceql/matches.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query {
namespace {

constexpr std::array<std::string_view, 17> kNames{
    "start_ns",    "trace_id", "run_id", "root",    "service", "workflow",      "version", "variant", "status",
    "duration_ns", "spans",    "errors", "blocked", "pending", "cost_nano_usd", "tokens",  "carbon_g"};
static_assert(kNames.size() == static_cast<std::size_t>(RunColumn::carbon) + 1);

struct Entry {
  RunKey key;
  std::uint64_t first = 0;
  store::U128 trace_id;
};

class Before {
 public:
  explicit Before(bool is_descending) : is_descending_(is_descending) {}

  bool operator()(const Entry& a, const Entry& b) const {
    const bool has_a = a.key.index() != 0;
    const bool has_b = b.key.index() != 0;
    if (has_a != has_b) return has_a;
    if (a.key != b.key) return is_descending_ ? b.key < a.key : a.key < b.key;
    if (a.first != b.first) return a.first > b.first;
    return a.trace_id < b.trace_id;
  }

 private:
  bool is_descending_;
};

// ---- cursors: "ORDER~FIRST~TRACE~KEY", KEY "-", "i12" or "s" and the text in hex ------------------------------------

std::string cursor_of(RunOrder order, const Entry& last) {
  std::string key = "-";
  if (const auto* const number = std::get_if<std::int64_t>(&last.key)) key = fmt::format("i{}", *number);
  if (const auto* const text = std::get_if<std::string>(&last.key)) key = "s" + to_hex(*text);
  return fmt::format("{}~{}~{}~{}", text_of(order), last.first, hex_of(store::trace_id_of(last.trace_id)), key);
}

template <typename Integer>
bool read_integer(std::string_view text, Integer& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Result<Entry> entry_of(RunOrder order, std::string_view cursor) {
  const auto refused = [] {
    return fail(ErrorCode::invalid_argument, "cursor: it is none of a list in this order",
                "give next_cursor of the page before, with the same sort");
  };
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto end = i + 1 == parts.size() ? std::string_view::npos : cursor.find('~');
    if (i + 1 < parts.size() && end == std::string_view::npos) return refused();
    parts[i] = cursor.substr(0, end);
    cursor.remove_prefix(std::min(end, cursor.size() - 1) + 1);
  }
  Entry entry;
  const auto id = from_hex(parts[2]);
  if (parts[0] != text_of(order) || !read_integer(parts[1], entry.first) || !id || id->size() != 16) return refused();
  otlp::TraceId trace_id{};
  std::copy(id->begin(), id->end(), trace_id.begin());
  entry.trace_id = store::number_of(trace_id);
  if (parts[3] == "-") return entry;
  if (parts[3].starts_with('s')) {
    const auto text = from_hex(parts[3].substr(1));
    if (!text) return refused();
    entry.key = *text;
    return entry;
  }
  std::int64_t number = 0;
  if (!parts[3].starts_with('i') || !read_integer(parts[3].substr(1), number)) return refused();
  entry.key = number;
  return entry;
}

// ---- the list -------------------------------------------------------------------------------------------------------

Result<traceql::Matches> matches_of(store::Snapshot& snapshot, const RunQuestion& question) {
  if (question.filter) return traceql::all_matches(snapshot, *question.filter, question.range, question.limits);
  traceql::Matches all;
  MESHFLOW_TRY(all.traces, all_traces(snapshot, question.range, question.limits));
  return all;
}

Result<std::vector<Entry>> entries_of(store::Snapshot& snapshot, const RunQuestion& question,
                                      const std::vector<IndexedTrace>& traces) {
  std::vector<Entry> entries;
  entries.reserve(traces.size());
  if (question.order.by == RunColumn::start) {
    for (const IndexedTrace& each : traces) {
      entries.push_back({static_cast<std::int64_t>(each.first), each.first, each.trace_id});
    }
    return entries;
  }
  MESHFLOW_TRY(RunKeys keys, keys_of(snapshot, traces, question.order.by, question.limits));
  for (const IndexedTrace& each : traces) {
    entries.push_back({std::move(keys[each.trace_id]), each.first, each.trace_id});
  }
  return entries;
}

void write_text(JsonWriter& out, std::string_view name, const std::string& text) {
  out.key(name);
  text.empty() ? out.null() : out.string(text);
}

void write_count(JsonWriter& out, std::string_view name, std::uint64_t count) {
  out.key(name);
  out.integer(count);
}

// Exact: as text where a double would not hold it.
void write_number(JsonWriter& out, std::string_view name, const std::optional<std::int64_t>& number) {
  out.key(name);
  number ? out.exact_integer(*number) : out.null();
}

void write_tokens(JsonWriter& out, const TraceRow& row) {
  out.key("tokens");
  if (!row.tokens && !row.input_tokens && !row.output_tokens) return out.null();
  out.begin_object();
  write_number(out, "total", row.tokens);
  write_number(out, "input", row.input_tokens);
  write_number(out, "output", row.output_tokens);
  write_number(out, "cached", row.cached_tokens);
  out.end_object();
}

}  // namespace

std::uint64_t duration_of(const TraceRow& row) {
  return row.end_unix_nanos - std::min(row.start_unix_nanos, row.end_unix_nanos);
}

std::string_view name_of(RunColumn column) noexcept { return kNames.at(static_cast<std::size_t>(column)); }

Result<RunOrder> run_order_of(std::string_view text) {
  RunOrder order{.by = RunColumn::start, .is_descending = text.starts_with('-')};
  if (order.is_descending || text.starts_with('+')) text.remove_prefix(1);
  const auto* const found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) {
    return fail(ErrorCode::invalid_argument, fmt::format("sort: there is no column \"{}\"", text),
                fmt::format("one of {}; with - before it, the greatest first", fmt::join(kNames, ", ")));
  }
  order.by = static_cast<RunColumn>(found - kNames.begin());
  return order;
}

std::string text_of(RunOrder order) { return fmt::format("{}{}", order.is_descending ? "-" : "", name_of(order.by)); }

Result<RunPage> list_runs(store::Snapshot& snapshot, const RunQuestion& question) {
  std::optional<Entry> after;
  if (!question.cursor.empty()) {
    MESHFLOW_TRY(after, entry_of(question.order, question.cursor));
  }
  MESHFLOW_TRY(traceql::Matches matches, matches_of(snapshot, question));
  RunPage page;
  page.cut_by = std::move(matches.cut_by);
  if (!page.cut_by) page.total = matches.traces.size();
  MESHFLOW_TRY(std::vector<Entry> entries, entries_of(snapshot, question, matches.traces));
  const Before before(question.order.is_descending);
  if (after) std::erase_if(entries, [&](const Entry& each) { return !before(*after, each); });
  const std::size_t count = std::min(entries.size(), std::min(question.limit, kRunsMax));
  std::partial_sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count), entries.end(), before);
  if (count > 0 && count < entries.size()) page.next_cursor = cursor_of(question.order, entries[count - 1]);
  std::vector<otlp::TraceId> ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(store::trace_id_of(entries[i].trace_id));
  MESHFLOW_TRY(page.rows, read_trace_rows(snapshot, ids, question.limits));
  return page;
}

void write_run_json(JsonWriter& out, const TraceRow& row) {
  out.begin_object();
  write_text(out, "run_id", row.run_id);
  out.field("trace_id", hex_of(row.trace_id));
  write_text(out, "root", row.root_name);
  write_text(out, "service", row.service);
  write_text(out, "workflow", row.workflow);
  write_text(out, "version", row.version);
  write_text(out, "variant", row.variant);
  write_text(out, "status", row.status);
  out.field("start_ns", fmt::format("{}", row.start_unix_nanos));
  write_number(out, "duration_ns", static_cast<std::int64_t>(std::min<std::uint64_t>(duration_of(row), INT64_MAX)));
  write_count(out, "spans", row.spans);
  write_count(out, "errors", row.error_spans);
  write_count(out, "blocked", row.blocked);
  write_text(out, "blocked_rule", row.blocked_rule);
  write_count(out, "pending", row.pending);
  out.key("cost_nano_usd");
  row.cost_nano_usd ? out.string(fmt::format("{}", *row.cost_nano_usd)) : out.null();
  write_tokens(out, row);
  out.key("carbon_g");
  row.carbon_nanograms ? out.number(static_cast<double>(*row.carbon_nanograms) / 1e9) : out.null();
  out.key("carbon_ng");
  row.carbon_nanograms ? out.string(fmt::format("{}", *row.carbon_nanograms)) : out.null();
  out.end_object();
}

}  // namespace meshflow::query
