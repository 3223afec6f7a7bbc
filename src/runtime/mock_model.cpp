#include "meshflow/runtime/mock_model.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "base/try.hpp"

namespace meshflow {
namespace {

// FNV-1a, 64 bits (Fowler, Noll, Vo): small, stable across versions and machines.
std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0xcbf29ce484222325) noexcept {
  for (const char byte : text) {
    seed ^= static_cast<unsigned char>(byte);
    seed *= 0x100000001b3;
  }
  return seed;
}

// Spreads a hash, so that neighbouring inputs do not give neighbouring results (Steele et al., SplitMix64).
std::uint64_t spread(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// Roughly what tokenizers of English count: four characters a token.
std::int64_t count_tokens(std::string_view text) noexcept {
  return text.empty() ? 0 : static_cast<std::int64_t>((text.size() + 3) / 4);
}

std::string first_line_of(std::string_view text, std::size_t bytes_max) {
  text = text.substr(0, text.find('\n'));
  return std::string(utf8_prefix(text, bytes_max));
}

std::string last_user_message(const ModelRequest& request) {
  for (auto it = request.messages.rbegin(); it != request.messages.rend(); ++it) {
    if (it->author == Message::Author::user) return it->content;
  }
  return {};
}

const Message* last_tool_result(const ModelRequest& request) {
  if (request.messages.empty() || request.messages.back().author != Message::Author::tool) return nullptr;
  return &request.messages.back();
}

// A few plausible sentences, chosen by the request's hash.
std::string compose(std::string_view subject, std::uint64_t hash) {
  static constexpr std::array kOpenings = {
      "Looking at {}, three points decide the matter.", "On {}: the evidence points one way, with one caveat.",
      "For {}, the short answer is yes, under conditions.", "Weighing {}, cost and operations matter most."};
  static constexpr std::array kPoints = {"Throughput is sufficient in every option; the tail latency is what differs.",
                                         "Operating cost grows with retention, not with the number of users.",
                                         "The simplest option is also the one with the fewest moving parts.",
                                         "Measured on comparable hardware, the spread is within a factor of two.",
                                         "Migration can be done in stages, and each stage can be taken back.",
                                         "The largest risk is in the data that nobody has looked at for a year."};
  std::string text = fmt::format(fmt::runtime(kOpenings[hash % kOpenings.size()]), subject);
  const std::size_t count = 2 + (hash >> 8) % 3;
  for (std::size_t i = 0; i < count; ++i) {
    text += fmt::format("\n{}. {}", i + 1, kPoints[((hash >> 16) + i) % kPoints.size()]);
  }
  return text;
}

class MockModel final : public ModelProvider {
 public:
  explicit MockModel(MockModelOptions options) : options_(options) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "mock"; }
  [[nodiscard]] std::string default_model() const override { return "mock-large"; }

  [[nodiscard]] Task<Result<ModelReply>> complete(AgentContext& context, ModelRequest request) override {
    std::uint64_t hash = hash_text(request.model);
    std::int64_t input_tokens = 0;
    for (const Message& message : request.messages) {
      hash = hash_text(message.content, hash_text("|", hash));
      input_tokens += count_tokens(message.content);
    }
    hash = spread(hash);
    const std::uint64_t task_hash = spread(hash_text(first_line_of(last_user_message(request), 1000)));
    if (const auto latency = latency_of(task_hash, hash); latency.count() > 0) {
      if (auto slept = co_await context.sleep(latency); !slept) co_return tl::unexpected(slept.error());
    }
    ModelReply reply = answer(request, hash);
    Tokens tokens;
    tokens.input = std::max<std::int64_t>(1, input_tokens);
    tokens.output = std::max<std::int64_t>(1, count_tokens(reply.text));
    for (const ToolCall& call : reply.tool_calls) tokens.output += count_tokens(call.name + call.arguments);
    if (request.max_tokens && tokens.output > *request.max_tokens) {
      reply.text = std::string(utf8_prefix(reply.text, static_cast<std::size_t>(*request.max_tokens) * 4));
      reply.finish_reason = "length";
      tokens.output = *request.max_tokens;
    }
    // What a provider's prompt cache would hold: the system prompt, in blocks of 64 tokens.
    if (!request.messages.empty() && request.messages.front().author == Message::Author::system) {
      tokens.cached = count_tokens(request.messages.front().content) / 64 * 64;
    }
    reply.tokens = tokens;
    co_return reply;
  }

 private:
  // The task (the first line of what is asked) sets the pace, the request as a whole moves it by a quarter: calls of
  // one run that start together overlap for most of their time.
  [[nodiscard]] std::chrono::nanoseconds latency_of(std::uint64_t task_hash, std::uint64_t hash) const noexcept {
    const auto width = options_.latency_max - options_.latency_min;
    if (options_.latency_max.count() <= 0 || width.count() < 0) return std::chrono::nanoseconds{0};
    const double pace = static_cast<double>(task_hash % 1000) / 1000;
    const double share = 0.75 + static_cast<double>((hash >> 20) % 1000) / 4000;
    return options_.latency_min + std::chrono::microseconds(static_cast<std::int64_t>(
                                      static_cast<double>(width.count()) * 1000 * pace * share));
  }

  static ModelReply answer(const ModelRequest& request, std::uint64_t hash) {
    ModelReply reply;
    reply.model = request.model;
    reply.id = fmt::format("mock-{:016x}", hash);
    reply.uncertainty = static_cast<double>(500 + hash % 2900) / 10000.0;  // 0.05 to 0.34
    const Message* tool_result = last_tool_result(request);
    if (!request.tools.empty() && tool_result == nullptr) {
      reply.finish_reason = "tool_calls";
      const std::string subject = first_line_of(last_user_message(request), 80);
      reply.tool_calls.push_back({fmt::format("call_{:08x}", static_cast<std::uint32_t>(hash)),
                                  request.tools.front().name, fmt::format(R"({{"query":"{}"}})", escape(subject))});
      return reply;
    }
    reply.text = compose(first_line_of(last_user_message(request), 80), hash);
    if (tool_result != nullptr) reply.text += "\nThe tool reported: " + first_line_of(tool_result->content, 200);
    return reply;
  }

  static std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out;
  }

  MockModelOptions options_;
};

}  // namespace

std::shared_ptr<ModelProvider> mock_model(MockModelOptions options) { return std::make_shared<MockModel>(options); }

}  // namespace meshflow
