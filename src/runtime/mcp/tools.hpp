// The forms of tools and their results in the Model Context Protocol. Private to the mcp folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "runtime/mcp/session.hpp"

namespace meshflow::runtime::mcp {

// A tool of a `tools/list` result; nothing where its definition breaks the specification's rules.
[[nodiscard]] std::optional<ToolEntry> read_tool(const boost::json::value& definition);
// The headers that the tool wants its arguments in, too.
[[nodiscard]] Headers headers_of(const ToolEntry& tool, const boost::json::object& arguments);
// A header's value: as it is, or in the base64 form for what a header cannot hold.
[[nodiscard]] std::string header_text(std::string_view value);
// The text of a `tools/call` result: its text content; else its structured content, else the whole content, as JSON.
[[nodiscard]] std::string text_of_result(const boost::json::object& result);

}  // namespace meshflow::runtime::mcp
