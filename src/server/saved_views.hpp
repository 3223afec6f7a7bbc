// Views that people saved: names for addresses of the web UI. Kept in one file, replaced whole at each change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/files.hpp"
#include "meshflow/base/error.hpp"
#include "query/json_writer.hpp"

namespace meshflow::server {

struct SavedView {
  std::string id;  // 16 hex digits
  std::string name;
  std::string url;  // "/search?…"
  std::int64_t created_unix_nanos = 0;
  friend bool operator==(const SavedView&, const SavedView&) = default;
};

// {id, name, url, created_ns}, and {views []}: in the file as in answers.
void write_json(query::JsonWriter& out, const SavedView& view);
void write_json(query::JsonWriter& out, const std::vector<SavedView>& views);

// Thread-safe.
class SavedViews {
 public:
  static constexpr std::size_t kViewsMax = 200;
  static constexpr std::size_t kNameBytesMax = 200;
  static constexpr std::size_t kUrlBytesMax = 4'096;

  // `file`: read when it is first needed; where it is empty views live as long as this object. `files` and `clock` must
  // outlive it.
  SavedViews(std::string file, FileSystem& files, const Clock& clock);

  // Oldest first. Errors: the file cannot be read, or is not one of these (invalid_input).
  [[nodiscard]] Result<std::vector<SavedView>> all();
  // Durable when it returns. invalid_argument: no name, control characters, an address that is not a path of this
  // server; limit_exceeded.
  [[nodiscard]] Result<SavedView> add(std::string_view name, std::string_view url);
  // not_found where there is no view of that id.
  [[nodiscard]] Result<void> remove(std::string_view id);

 private:
  [[nodiscard]] Result<void> load();
  [[nodiscard]] Result<void> save(const std::vector<SavedView>& views);

  const std::string file_;
  FileSystem& files_;
  const Clock& clock_;
  std::mutex mutex_;
  bool is_loaded_ = false;
  std::vector<SavedView> views_;
};

}  // namespace meshflow::server
