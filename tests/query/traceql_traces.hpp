// Reads tests/query/traceql/traces.txt, whose head tells its form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meshflow/base/error.hpp"
#include "otlp/model.hpp"

namespace meshflow::query::traceql::test {

// START of the file counts from here: 2026-01-01T00:00:00Z.
inline constexpr std::uint64_t kZero = 1'767'225'600'000'000'000;

struct NamedTrace {
  std::string name;
  otlp::TraceId id{};
};

struct Dataset {
  std::vector<NamedTrace> traces;
  otlp::TracesData data;
  [[nodiscard]] const NamedTrace* find(std::string_view name) const;
};

// A span's id from its name: the name's bytes, zeros before them.
[[nodiscard]] otlp::SpanId span_id_of(std::string_view name);

// "1500ms", "70s", "10ms"; nothing else.
[[nodiscard]] Result<std::int64_t> offset_of(std::string_view text);

// Errors name the line.
[[nodiscard]] Result<Dataset> read_traces(std::string_view text);

}  // namespace meshflow::query::traceql::test
