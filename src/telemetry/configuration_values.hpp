// Values of environment variables by the rules of the OpenTelemetry specification ("Environment Variable
// Specification"): empty is unset; what cannot be parsed costs one warning and counts as unset.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/environment.hpp"

namespace meshflow::telemetry {

using TextPairs = std::vector<std::pair<std::string, std::string>>;

// %XX undone; nothing where a percent sign is not followed by two hex digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

// "k=v,k=v": whitespace around keys and values goes, both are percent-decoded, empty entries are skipped. Nothing where
// an entry has no '=' or no key, or does not decode.
[[nodiscard]] std::optional<TextPairs> parse_pairs(std::string_view text);

// Splits at commas, trims, leaves out empty parts.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view text);

[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

// Reads from `environment` and adds to `warnings`, both of which it borrows. One thread at a time.
class EnvironmentReader {
 public:
  EnvironmentReader(const Environment& environment, std::vector<std::string>& warnings)
      : environment_(environment), warnings_(warnings) {}

  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const { return environment_.get(name); }
  // The first of the names that is set, and its text.
  struct Named {
    std::string name;
    std::string text;
  };
  [[nodiscard]] std::optional<Named> first_of(const std::vector<std::string>& names) const;

  [[nodiscard]] bool flag(std::string_view name) const { return environment_.is_true(name); }
  // A whole number from `least` to `most`.
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name, std::int64_t least = 0,
                                                    std::int64_t most = std::numeric_limits<std::int32_t>::max());
  [[nodiscard]] std::optional<double> number(std::string_view name, double least, double most);
  // One of `choices`, in any case; as it is spelt there.
  [[nodiscard]] std::optional<std::string> choice(std::string_view name, const std::vector<std::string>& choices);

  // "NAME=TEXT is ignored: REASON".
  void warn(std::string_view name, std::string_view reason);

 private:
  const Environment& environment_;
  std::vector<std::string>& warnings_;
};

}  // namespace meshflow::telemetry
