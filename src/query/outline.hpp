// A trace as a list of short rows: what a waterfall, a graph or a comparison draws before anybody asks for one span.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meshflow/base/error.hpp"
#include "query/json_writer.hpp"
#include "query/trace_row.hpp"
#include "store/snapshot.hpp"

namespace meshflow::query {

// What a span is, by MeshFlow's names of spans and by gen_ai.operation.name.
enum class OutlineKind : std::uint8_t { other, run, node, agent, model_call, tool, gate, policy_check, ledger_write };
// By the span's name and its gen_ai.operation.name, which may be empty. Pure.
[[nodiscard]] OutlineKind outline_kind_of(std::string_view name, std::string_view operation);
// Of meshflow.verdict, or of a gate that waits.
enum class OutlineVerdict : std::uint8_t { none, allowed, blocked, pending, other };

enum OutlineFlag : std::uint8_t {
  kHasEvents = 1,
  kHasLinks = 2,
  kHasDropped = 4,  // the sender left out attributes, events or links
  kIsOpen = 8,      // started and not ended
  kHasContent = 16,  // messages or arguments were captured
  kInRing = 32,      // its parents lead back to it: shown as a root
  kIsFolded = 64,    // stands for several (OutlineFold)
};

inline constexpr std::int32_t kNoParent = -1;
inline constexpr std::int32_t kParentMissing = -2;  // it names one that has not arrived

struct OutlineRow {
  std::uint64_t span_id = 0;
  std::uint64_t parent_id = 0;
  std::uint64_t start = 0;  // nanoseconds since 1970
  std::int64_t duration = 0;
  std::int32_t parent = kNoParent;  // a row
  // Places in the outline's lists; -1: none.
  std::int32_t name = -1;
  std::int32_t role = -1;
  std::int32_t service = -1;
  std::int32_t node = -1;
  std::int32_t agent = -1;
  OutlineKind kind = OutlineKind::other;
  std::uint8_t otel_kind = 0;
  std::uint8_t status = 0;  // otlp::StatusCode
  OutlineVerdict verdict = OutlineVerdict::none;
  std::uint8_t flags = 0;  // OutlineFlag
  std::optional<std::int64_t> cost_nano_usd = {};
  std::optional<std::int64_t> tokens = {};
};

struct OutlineLink {
  std::size_t from = 0;  // a row
  otlp::TraceId trace_id{};
  otlp::SpanId span_id{};
  std::int32_t to = -1;  // a row of this trace
  std::string type = {};  // the link's attribute meshflow.link
};

// A parent that spans name and that is not there.
struct OutlineMissing {
  std::uint64_t span_id = 0;
  std::vector<std::size_t> children;
};

// Like-named siblings, one after the other, that one row stands for.
struct OutlineFold {
  std::size_t row = 0;
  std::uint64_t count = 0;   // of the siblings
  std::uint64_t hidden = 0;  // spans without a row: siblings and what is below them
  std::int64_t duration_sum = 0;  // of the siblings
  std::optional<std::int64_t> cost_nano_usd = {};
  std::uint64_t errors = 0;  // of the siblings and what is below
  std::uint64_t blocked = 0;
};

// Past it like-named siblings are folded.
inline constexpr std::size_t kOutlineRowsMax = 200'000;
inline constexpr std::size_t kOutlineEventsMax = 5'000;  // more events: none is given
inline constexpr std::size_t kOutlineLinksMax = 10'000;  // those after are left out

struct Outline {
  TraceRow run;
  bool is_complete = false;  // the root is here, and no parent is missing
  std::vector<OutlineRow> rows;
  std::vector<std::string> names, roles, services, nodes, agents;
  std::vector<OutlineLink> links;
  // Of a row, and nanoseconds since 1970; nothing where there are too many.
  std::optional<std::vector<std::pair<std::size_t, std::uint64_t>>> events;
  std::vector<OutlineMissing> missing;
  std::vector<OutlineFold> folded;
  // Spans without a row, by id, and the row that stands for them.
  std::vector<std::pair<std::uint64_t, std::size_t>> hidden;
  // Rows that the asker has already, in this order at the front.
  std::size_t known = 0;

  // Tells sets of rows, and their order, apart.
  [[nodiscard]] std::string revision() const;
};

struct OutlineOptions {
  // Ids of rows, in the order in which the asker has them: they come first, and rows that are new behind them. Does not
  // count where one of them is gone, or where rows are folded.
  std::span<const std::uint64_t> known = {};
  std::size_t rows_max = kOutlineRowsMax;
  // rows_max: spans that are read at all; past it limit_exceeded.
  store::QueryLimits limits = {};
};

// Rows are ordered by start, then span id. Errors: not_found, and the snapshot's.
[[nodiscard]] Result<Outline> read_outline(store::Snapshot& snapshot, const otlp::TraceId& trace_id,
                                           const OutlineOptions& options = {});

// Folds runs of like-named siblings without children, then with, until at most `rows_max` rows are left or none can be
// folded. (outline_fold.cpp)
void fold(Outline& outline, std::size_t rows_max);

// As the web UI's API has it: columns of equal length. `since`: the revision that the known rows are of; they are then
// left out, but for those whose parent is among the new ones. `more` may write further members.
void write_json(JsonWriter& out, const Outline& outline, std::string_view since = {},
                const std::function<void(JsonWriter&)>& more = {});

}  // namespace meshflow::query
