// Runs a Mesh and reads the trace of it back from the file that it wrote.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "meshflow/runtime/mesh.hpp"
#include "meshflow/runtime/mock_model.hpp"
#include "otlp/json.hpp"

namespace meshflow::testing {

struct ReadSpan : otlp::Span {
  [[nodiscard]] std::string id() const { return to_hex({reinterpret_cast<const char*>(span_id.data()), 8}); }
  [[nodiscard]] std::string parent() const {
    return otlp::is_set(parent_span_id) ? to_hex({reinterpret_cast<const char*>(parent_span_id.data()), 8})
                                        : std::string();
  }
  [[nodiscard]] std::string trace() const { return to_hex({reinterpret_cast<const char*>(trace_id.data()), 16}); }
  [[nodiscard]] const otlp::AnyValue* find(std::string_view key) const {
    for (const auto& attribute : attributes) {
      if (attribute.key == key) return &attribute.value;
    }
    return nullptr;
  }
  [[nodiscard]] std::string text(std::string_view key) const {
    const auto* value = find(key);
    const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(&value->value);
    return text == nullptr ? std::string() : *text;
  }
  [[nodiscard]] double number(std::string_view key) const {
    const auto* value = find(key);
    if (value == nullptr) return std::nan("");
    if (const auto* whole = std::get_if<std::int64_t>(&value->value)) return static_cast<double>(*whole);
    const auto* real = std::get_if<double>(&value->value);
    return real == nullptr ? std::nan("") : *real;
  }
};

struct Trace {
  std::vector<ReadSpan> spans;  // in the order of their end

  [[nodiscard]] std::vector<const ReadSpan*> named(std::string_view name) const {
    std::vector<const ReadSpan*> found;
    for (const auto& span : spans) {
      if (span.name == name || (name == "chat" && span.name.starts_with("chat "))) found.push_back(&span);
    }
    return found;
  }
  [[nodiscard]] const ReadSpan* by_id(std::string_view id) const {
    for (const auto& span : spans) {
      if (span.id() == id) return &span;
    }
    return nullptr;
  }
  // The first span of that name whose attribute has that text.
  [[nodiscard]] const ReadSpan* with(std::string_view name, std::string_view key, std::string_view value) const {
    for (const auto* span : named(name)) {
      if (span->text(key) == value) return span;
    }
    return nullptr;
  }
  [[nodiscard]] const ReadSpan& root() const {
    for (const auto& span : spans) {
      if (span.name == "meshflow.run") return span;
    }
    ADD_FAILURE() << "no meshflow.run span";
    static const ReadSpan none;
    return none;
  }
};

// A folder of its own, removed at the end.
class ScratchFolder {
 public:
  ScratchFolder()
      : path_((std::filesystem::temp_directory_path() / ("meshflow-test-" + std::to_string(random_u64()))).string()) {
    std::filesystem::create_directories(path_);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Trace read_trace_file(const std::string& path) {
  Trace trace;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const auto decoded = otlp::decode_traces_json(line);
    EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().text());
    if (!decoded) continue;
    for (const auto& resource : decoded->value.resource_spans) {
      for (const auto& scope : resource.scope_spans) {
        for (const auto& span : scope.spans) trace.spans.push_back(ReadSpan{span});
      }
    }
  }
  return trace;
}

// A Mesh with the mock model whose spans go to a file of its own.
class MeshUnderTest {
 public:
  explicit MeshUnderTest(Policy policy = {}, MeshOptions options = {}) {
    policy.telemetry_file = folder_.file("spans.jsonl");
    if (!options.model) options.model = mock_model();
    mesh_ = std::make_unique<Mesh>(std::move(policy), std::move(options));
  }
  Mesh* operator->() { return mesh_.get(); }
  Mesh& mesh() { return *mesh_; }
  // Everything recorded so far.
  Trace trace() {
    EXPECT_TRUE(mesh_->flush());
    return read_trace_file(folder_.file("spans.jsonl"));
  }
  // Closes the mesh first, so that what is still open is seen to end.
  Trace trace_after_close() {
    mesh_.reset();
    return read_trace_file(folder_.file("spans.jsonl"));
  }

 private:
  ScratchFolder folder_;
  std::unique_ptr<Mesh> mesh_;
};

inline RunOptions with(Workflow workflow) {
  RunOptions options;
  options.workflow = std::make_shared<const Workflow>(std::move(workflow));
  return options;
}

inline Agent agent_of(std::string id, AgentCoroutine body, AgentRole role = AgentRole::executor) {
  Agent agent;
  agent.id = std::move(id);
  agent.role = role;
  agent.body = std::move(body);
  return agent;
}

inline Agent function_agent(std::string id, AgentFunction body) {
  Agent agent;
  agent.id = std::move(id);
  agent.body = std::move(body);
  return agent;
}

inline Node node_of(std::string id, std::string agent = {}, std::string on_block = {}) {
  Node node;
  node.id = std::move(id);
  node.agent = std::move(agent);
  node.on_block = std::move(on_block);
  return node;
}

// What holds for the trace of every run that has ended: one trace, unique ids, every parent there, the root longest and
// last, children within their parents' time, run and trace id on each span.
inline void expect_whole(const Trace& trace, const RunResult& result) {
  std::set<std::string> ids;
  int roots = 0;
  const ReadSpan& root = trace.root();
  for (const ReadSpan& span : trace.spans) {
    EXPECT_EQ(span.trace(), result.trace_id) << span.name;
    EXPECT_TRUE(ids.insert(span.id()).second) << "twice: " << span.name;
    EXPECT_EQ(span.text("meshflow.run_id"), result.run_id) << span.name;
    EXPECT_EQ(span.text("meshflow.trace_id"), result.trace_id) << span.name;
    EXPECT_LE(span.end_time_unix_nano, root.end_time_unix_nano) << span.name;
    EXPECT_GE(span.start_time_unix_nano, root.start_time_unix_nano) << span.name;
    if (span.parent().empty()) ++roots;
  }
  for (const ReadSpan& span : trace.spans) {
    const bool is_root = span.parent().empty();
    EXPECT_TRUE(is_root || ids.contains(span.parent())) << "parent missing: " << span.name;
  }
  EXPECT_EQ(roots, 1);
  EXPECT_EQ(static_cast<std::int64_t>(trace.spans.size()), result.span_count());
  EXPECT_EQ(trace.spans.empty() ? std::string() : trace.spans.back().name, "meshflow.run");
}

inline std::int64_t nanos(double value) { return std::llround(value * 1e9); }

// Σ model calls = Σ agents = run, exactly, in the trace and in the result.
inline void expect_sums(const Trace& trace, const RunResult& result) {
  const auto sum = [&](std::string_view name, std::string_view key, bool money) {
    std::int64_t total = 0;
    for (const ReadSpan* span : trace.named(name)) {
      const double value = span->number(key);
      if (!std::isnan(value)) total += money ? nanos(value) : std::llround(value);
    }
    return total;
  };
  for (const std::string_view key : {"meshflow.cost_usd", "meshflow.carbon_g"}) {
    EXPECT_EQ(sum("meshflow.agent", key, true), nanos(trace.root().number(key))) << key;
    EXPECT_EQ(sum("chat", key, true), nanos(trace.root().number(key))) << key;
  }
  EXPECT_EQ(sum("meshflow.agent", "meshflow.tokens", false), std::llround(trace.root().number("meshflow.tokens")));
  EXPECT_EQ(nanos(trace.root().number("meshflow.cost_usd")), result.usage.cost_nano_usd);
  EXPECT_EQ(std::llround(trace.root().number("meshflow.tokens")), result.usage.tokens.total());
  Usage agents;
  for (const AgentFigures& figures : result.agents) agents += figures.usage;
  EXPECT_EQ(agents, result.usage);
}

}  // namespace meshflow::testing
