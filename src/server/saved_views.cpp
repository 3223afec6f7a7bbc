#include "server/saved_views.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/try.hpp"
#include "query/json_writer.hpp"

namespace meshflow::server {
namespace {

namespace json = boost::json;

// Past what kViewsMax views of the longest names and addresses take, escaped.
constexpr std::uint64_t kFileBytesMax = std::uint64_t{8} << 20;

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

tl::unexpected<Error> bad(std::string message, std::string hint = {}) {
  return fail(ErrorCode::invalid_argument, std::move(message), std::move(hint));
}

Result<void> check(std::string_view name, std::string_view url) {
  const auto is_text = [](std::string_view text) { return is_valid_utf8(text) && !has_control_character(text); };
  if (name.empty() || !is_text(name)) return bad("name: a view needs a name, without control characters");
  if (name.size() > SavedViews::kNameBytesMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("name: it is longer than {} bytes (limit name_bytes_max)", SavedViews::kNameBytesMax));
  }
  // "//host" and "/\host" are addresses of other servers.
  const bool is_path = url.starts_with('/') && !(url.size() > 1 && (url[1] == '/' || url[1] == '\\'));
  if (!is_path || !is_text(url)) return bad("url: it must be a path of this server", "/search?service=meshflow");
  if (url.size() > SavedViews::kUrlBytesMax) {
    return fail(ErrorCode::limit_exceeded,
                fmt::format("url: it is longer than {} bytes (limit url_bytes_max)", SavedViews::kUrlBytesMax));
  }
  return {};
}

std::string member(const json::object& object, std::string_view key) {
  const json::value* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Result<std::vector<SavedView>> read_views(const std::string& file, std::string_view text) {
  boost::system::error_code broken;
  const json::value parsed = json::parse({text.data(), text.size()}, broken);
  const json::object* const object = broken ? nullptr : parsed.if_object();
  const json::value* const list = object == nullptr ? nullptr : object->if_contains("views");
  if (list == nullptr || !list->is_array()) {
    return fail(ErrorCode::invalid_input, fmt::format("{} holds no saved views", file), "move it away to begin anew");
  }
  std::vector<SavedView> views;
  for (const json::value& each : list->get_array()) {
    if (!each.is_object()) continue;
    SavedView view;
    view.id = member(each.get_object(), "id");
    view.name = member(each.get_object(), "name");
    view.url = member(each.get_object(), "url");
    view.created_unix_nanos = std::strtoll(member(each.get_object(), "created_ns").c_str(), nullptr, 10);
    if (!view.id.empty() && check(view.name, view.url)) views.push_back(std::move(view));
  }
  return views;
}

}  // namespace

SavedViews::SavedViews(std::string file, FileSystem& files, const Clock& clock)
    : file_(std::move(file)), files_(files), clock_(clock) {}

Result<void> SavedViews::load() {
  if (is_loaded_) return {};
  if (!file_.empty() && files_.exists(file_)) {
    MESHFLOW_TRY(const std::string text, files_.read_all(file_, kFileBytesMax));
    MESHFLOW_TRY(views_, read_views(file_, text));
  }
  is_loaded_ = true;
  return {};
}

Result<void> SavedViews::save(const std::vector<SavedView>& views) {
  if (file_.empty()) return {};
  query::JsonWriter out;
  write_json(out, views);
  return files_.write_atomically(file_, out.take());
}

Result<std::vector<SavedView>> SavedViews::all() {
  const std::lock_guard lock(mutex_);
  MESHFLOW_CHECK(load());
  return views_;
}

Result<SavedView> SavedViews::add(std::string_view name, std::string_view url) {
  MESHFLOW_CHECK(check(name, url));
  const std::lock_guard lock(mutex_);
  MESHFLOW_CHECK(load());
  if (views_.size() >= kViewsMax) {
    return fail(ErrorCode::limit_exceeded, fmt::format("there are {} views already (limit views_max)", kViewsMax),
                "remove one first");
  }
  std::vector<SavedView> views = views_;
  views.push_back({fmt::format("{:016x}", random_u64()), std::string(name), std::string(url), clock_.wall_nanos()});
  MESHFLOW_CHECK(save(views));
  views_ = std::move(views);
  return views_.back();
}

Result<void> SavedViews::remove(std::string_view id) {
  const std::lock_guard lock(mutex_);
  MESHFLOW_CHECK(load());
  std::vector<SavedView> views = views_;
  if (std::erase_if(views, [id](const SavedView& each) { return each.id == id; }) == 0) {
    return fail(ErrorCode::not_found, "there is no such view");
  }
  MESHFLOW_CHECK(save(views));
  views_ = std::move(views);
  return {};
}

void write_json(query::JsonWriter& out, const SavedView& view) {
  out.begin_object();
  out.field("id", view.id);
  out.field("name", view.name);
  out.field("url", view.url);
  out.field("created_ns", fmt::format("{}", view.created_unix_nanos));
  out.end_object();
}

void write_json(query::JsonWriter& out, const std::vector<SavedView>& views) {
  out.begin_object();
  out.key("views");
  out.begin_array();
  for (const SavedView& each : views) write_json(out, each);
  out.end_array();
  out.end_object();
}

}  // namespace meshflow::server
