// What tests of the command share: a data directory and workflows of their own, and what runs leave in the spool.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <stdlib.h>

#include "base/files.hpp"
#include "cli/program.hpp"
#include "otlp/decode.hpp"
#include "spool/reader.hpp"

namespace meshflow::test {

class Command : public ::testing::Test {
 protected:
  Command() {
    std::string name = (std::filesystem::temp_directory_path() / "meshflow-cli-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    write("two.yaml",
          "name: two\nnodes:\n  first: {role: planner}\n  second: {role: executor}\nedges: [first -> second]\n");
    write("asks.yaml",
          "name: asks\npolicy:\n  human_in_loop: {enabled: true}\nnodes:\n  draft: {role: executor}\n"
          "  approval: {kind: human, prompt: 'May it be sent?'}\n  send: {role: executor}\n"
          "edges: [draft -> approval -> send]\n");
  }
  ~Command() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }

  [[nodiscard]] Program::Options with(std::vector<std::string> arguments) const {
    Program::Options options;
    options.arguments = std::move(arguments);
    options.folder = folder_;
    options.environment = {{"MESHFLOW_MOCK", "1"}, {"MESHFLOW_DATA", data()}, {"TERM", "xterm"}, {"HOME", folder_}};
    return options;
  }
  [[nodiscard]] Finished meshflow(std::vector<std::string> arguments) const {
    return Program(with(std::move(arguments))).finish();
  }

  // The value of a line "key  : value" of a run's end.
  [[nodiscard]] static std::string value_of(const std::string& key, const std::string& text) {
    for (std::size_t at = 0; at != std::string::npos && at < text.size();) {
      const auto end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      const auto colon = line.find(": ");
      if (line.starts_with(key) && colon != std::string::npos) return line.substr(colon + 2);
      at = end == std::string::npos ? end : end + 1;
    }
    return {};
  }

  [[nodiscard]] std::string data() const { return folder_ + "/data"; }
  [[nodiscard]] std::string database() const { return data() + "/meshflow.db"; }

  [[nodiscard]] std::vector<otlp::Span> spooled_spans() const {
    std::vector<otlp::Span> spans;
    for (const auto& entry : std::filesystem::directory_iterator(data() + "/spool")) {
      if (!spool::is_file_name(entry.path().filename().string())) continue;
      const auto file = system_files().open_read(entry.path().string());
      spool::FileReader reader(**file, 0);
      spool::Damage damage;
      while (true) {
        const auto frame = reader.next(false, damage);
        if (!frame || !*frame) break;
        if ((*frame)->type != static_cast<std::uint32_t>(spool::FrameType::traces)) continue;
        const auto traces = otlp::decode_traces((*frame)->payload);
        for (const auto& resource : traces->value.resource_spans) {
          for (const auto& scope : resource.scope_spans)
            spans.insert(spans.end(), scope.spans.begin(), scope.spans.end());
        }
      }
    }
    return spans;
  }

  [[nodiscard]] static std::string attribute(const otlp::Span& span, const std::string& key) {
    for (const auto& one : span.attributes) {
      if (one.key != key) continue;
      if (const auto* text = std::get_if<std::string>(&one.value.value)) return *text;
    }
    return {};
  }

  std::string folder_;
};

}  // namespace meshflow::test
