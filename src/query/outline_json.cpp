// The outline as JSON: columns of equal length, as the web UI's API has it.
#include <fmt/format.h>

#include "query/outline.hpp"
#include "query/run_list.hpp"

namespace meshflow::query {
namespace {

void write_texts(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts) {
  out.key(name);
  out.begin_array();
  for (const std::string& each : texts) out.string(each);
  out.end_array();
}

std::string hex_of_number(std::uint64_t id) { return fmt::format("{:016x}", id); }

class ColumnWriter {
 public:
  ColumnWriter(JsonWriter& out, const Outline& outline, std::size_t from) : out_(out), outline_(outline), from_(from) {}

  // `value_of` gives an integer.
  template <typename ValueOf>
  void integers(std::string_view name, ValueOf value_of) {
    write(name, [&](std::string& text, const OutlineRow& row) {
      const fmt::format_int digits(value_of(row));
      text.append(digits.data(), digits.size());
    });
  }
  // `value_of` gives an integer or nothing.
  template <typename ValueOf>
  void amounts(std::string_view name, ValueOf value_of) {
    write(name, [&](std::string& text, const OutlineRow& row) {
      const std::optional<std::int64_t> value = value_of(row);
      if (value) {
        append_exact_integer(text, *value);
      } else {
        text += "null";
      }
    });
  }

 private:
  template <typename Append>
  void write(std::string_view name, Append append) {
    std::string text = "[";
    text.reserve((outline_.rows.size() - from_) * 8 + 2);
    for (std::size_t i = from_; i < outline_.rows.size(); ++i) {
      if (i > from_) text += ',';
      append(text, outline_.rows[i]);
    }
    text += ']';
    out_.key(name);
    out_.raw(text);
  }

  JsonWriter& out_;
  const Outline& outline_;
  const std::size_t from_;
};

void write_columns(JsonWriter& out, const Outline& outline, std::size_t from) {
  const std::uint64_t start = outline.run.start_unix_nanos;
  out.begin_object();
  ColumnWriter columns(out, outline, from);
  columns.integers("parent", [](const OutlineRow& row) { return row.parent; });
  columns.integers("name", [](const OutlineRow& row) { return row.name; });
  columns.integers("role", [](const OutlineRow& row) { return row.role; });
  columns.integers("service", [](const OutlineRow& row) { return row.service; });
  columns.integers("node", [](const OutlineRow& row) { return row.node; });
  columns.integers("agent", [](const OutlineRow& row) { return row.agent; });
  columns.integers("kind", [](const OutlineRow& row) { return static_cast<int>(row.kind); });
  columns.integers("otel_kind", [](const OutlineRow& row) { return int{row.otel_kind}; });
  columns.integers("start", [start](const OutlineRow& row) { return static_cast<std::int64_t>(row.start - start); });
  columns.integers("duration", [](const OutlineRow& row) { return row.duration; });
  columns.integers("status", [](const OutlineRow& row) { return int{row.status}; });
  columns.integers("verdict", [](const OutlineRow& row) { return static_cast<int>(row.verdict); });
  columns.amounts("cost_nano_usd", [](const OutlineRow& row) { return row.cost_nano_usd; });
  columns.amounts("tokens", [](const OutlineRow& row) { return row.tokens; });
  columns.integers("flags", [](const OutlineRow& row) { return int{row.flags}; });
  out.end_object();
}

void write_number(JsonWriter& out, std::string_view name, std::int64_t number) {
  out.key(name);
  out.exact_integer(number);
}

void write_links(JsonWriter& out, const Outline& outline, std::size_t from) {
  out.key("links");
  out.begin_array();
  for (const OutlineLink& link : outline.links) {
    if (link.from < from) continue;
    out.begin_object();
    write_number(out, "from", static_cast<std::int64_t>(link.from));
    out.field("trace_id", hex_of(link.trace_id));
    out.field("span_id", hex_of(link.span_id));
    write_number(out, "to", link.to);
    out.field("type", link.type);
    out.end_object();
  }
  out.end_array();
}

void write_events(JsonWriter& out, const Outline& outline, std::size_t from) {
  if (!outline.events) return;
  std::string text = "[";
  for (const auto& [row, time] : *outline.events) {
    if (row < from) continue;
    text += fmt::format("{}[{},{}]", text.size() > 1 ? "," : "", row,
                        static_cast<std::int64_t>(time - outline.run.start_unix_nanos));
  }
  out.key("events");
  out.raw(text + "]");
}

void write_missing(JsonWriter& out, const Outline& outline) {
  out.key("missing");
  out.begin_array();
  for (const OutlineMissing& each : outline.missing) {
    out.begin_object();
    out.field("span_id", hex_of_number(each.span_id));
    out.key("children");
    out.begin_array();
    for (const std::size_t child : each.children) out.integer(std::uint64_t{child});
    out.end_array();
    out.end_object();
  }
  out.end_array();
}

void write_folded(JsonWriter& out, const Outline& outline) {
  out.key("folded");
  out.begin_array();
  for (const OutlineFold& each : outline.folded) {
    out.begin_object();
    write_number(out, "index", static_cast<std::int64_t>(each.row));
    write_number(out, "count", static_cast<std::int64_t>(each.count));
    write_number(out, "hidden", static_cast<std::int64_t>(each.hidden));
    write_number(out, "duration_sum", each.duration_sum);
    out.key("cost_nano_usd");
    each.cost_nano_usd ? out.exact_integer(*each.cost_nano_usd) : out.null();
    write_number(out, "errors", static_cast<std::int64_t>(each.errors));
    write_number(out, "blocked", static_cast<std::int64_t>(each.blocked));
    out.end_object();
  }
  out.end_array();
}

// Rows that the asker has, and whose parent came only now.
void write_reparented(JsonWriter& out, const Outline& outline) {
  out.key("reparented");
  out.begin_array();
  for (std::size_t i = 0; i < outline.known; ++i) {
    const std::int32_t parent = outline.rows[i].parent;
    if (parent < 0 || static_cast<std::size_t>(parent) < outline.known) continue;
    out.begin_array();
    out.integer(std::uint64_t{i});
    out.integer(std::int64_t{parent});
    out.end_array();
  }
  out.end_array();
}

}  // namespace

void write_json(JsonWriter& out, const Outline& outline, std::string_view since,
                const std::function<void(JsonWriter&)>& more) {
  const std::size_t from = since.empty() ? 0 : outline.known;
  out.begin_object();
  out.field("trace_id", hex_of(outline.run.trace_id));
  out.field("revision", outline.revision());
  if (!since.empty()) out.field("since", since);
  out.key("complete");
  out.boolean(outline.is_complete);
  out.key("run");
  write_run_json(out, outline.run);
  out.field("start_ns", fmt::format("{}", outline.run.start_unix_nanos));
  write_number(out, "spans", static_cast<std::int64_t>(outline.rows.size()));
  write_texts(out, "names", outline.names);
  write_texts(out, "roles", outline.roles);
  write_texts(out, "services", outline.services);
  write_texts(out, "nodes", outline.nodes);
  write_texts(out, "agents", outline.agents);
  std::string ids;
  ids.reserve((outline.rows.size() - from) * 16);
  for (std::size_t i = from; i < outline.rows.size(); ++i) ids += hex_of_number(outline.rows[i].span_id);
  out.field("span_ids", ids);
  out.key("columns");
  write_columns(out, outline, from);
  write_links(out, outline, from);
  write_events(out, outline, from);
  write_missing(out, outline);
  if (!since.empty()) write_reparented(out, outline);
  write_folded(out, outline);
  if (more) more(out);
  out.end_object();
}

}  // namespace meshflow::query
