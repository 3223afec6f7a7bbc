#include "base/environment.hpp"

#include <strings.h>
#include <unistd.h>

extern char** environ;

namespace meshflow {

Environment Environment::of_process() {
  std::map<std::string, std::string, std::less<>> values;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) values.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return Environment(std::move(values));
}

std::optional<std::string_view> Environment::get(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

bool Environment::is_true(std::string_view name) const {
  const auto value = get(name);
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the size was compared first
  return value && value->size() == 4 && strncasecmp(value->data(), "true", 4) == 0;
}

}  // namespace meshflow
