#include "support/faulty_files.hpp"

#include <algorithm>

#include "base/try.hpp"

namespace meshflow::test {

struct FaultyFiles::Node {
  std::string bytes;
  std::size_t synced_bytes = 0;
  const Append* locked_by = nullptr;
};

class FaultyFiles::Append final : public AppendFile {
 public:
  Append(FaultyFiles& files, std::shared_ptr<Node> node, std::string path)
      : files_(files), node_(std::move(node)), path_(std::move(path)) {}
  ~Append() override {
    if (node_->locked_by == this) node_->locked_by = nullptr;
  }

  Result<void> append(std::string_view bytes) override {
    auto counted = files_.count(FileOperation::append, path_);
    node_->bytes += counted ? bytes : bytes.substr(0, files_.short_write_bytes_);
    return counted;
  }
  Result<void> sync() override {
    MESHFLOW_CHECK(files_.count(FileOperation::sync, path_));
    node_->synced_bytes = node_->bytes.size();
    return {};
  }
  Result<std::uint64_t> size() override { return node_->bytes.size(); }
  Result<void> truncate(std::uint64_t size) override {
    MESHFLOW_CHECK(files_.count(FileOperation::truncate, path_));
    node_->bytes.resize(size);
    return {};
  }
  Result<bool> try_lock() override {
    if (node_->locked_by != nullptr && node_->locked_by != this) return false;
    node_->locked_by = this;
    return true;
  }

 private:
  FaultyFiles& files_;
  const std::shared_ptr<Node> node_;
  const std::string path_;
};

class FaultyFiles::Read final : public ReadFile {
 public:
  explicit Read(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    return offset < node_->bytes.size() ? node_->bytes.substr(offset, size) : std::string();
  }
  Result<std::uint64_t> size() override { return node_->bytes.size(); }

 private:
  const std::shared_ptr<Node> node_;
};

FaultyFiles::FaultyFiles() = default;
FaultyFiles::~FaultyFiles() = default;

void FaultyFiles::fail_after(FileOperation operation, unsigned nth, ErrorCode code) {
  faults_[operation] = {nth, code};
}

void FaultyFiles::fail_always(FileOperation operation, bool fails) {
  if (fails) {
    always_.insert(operation);
  } else {
    always_.erase(operation);
  }
}

Result<void> FaultyFiles::count(FileOperation operation, const std::string& path) {
  if (always_.count(operation) > 0) return fail(ErrorCode::unavailable, "made to fail: " + path);
  Fault& fault = faults_[operation];
  if (fault.left == 0 || --fault.left > 0) return {};
  return fail(fault.code, "made to fail: " + path);
}

void FaultyFiles::drop_unsynced() {
  for (auto& [path, node] : nodes_) {
    auto kept = std::make_shared<Node>();
    kept->bytes = node->bytes.substr(0, node->synced_bytes);
    kept->synced_bytes = kept->bytes.size();
    node = std::move(kept);
  }
}

void FaultyFiles::release_locks() {
  for (auto& [path, node] : nodes_) node->locked_by = nullptr;
}

std::string FaultyFiles::content(const std::string& path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? std::string() : found->second->bytes;
}

void FaultyFiles::set_content(const std::string& path, std::string bytes) {
  auto& node = nodes_[path];
  if (node == nullptr) node = std::make_shared<Node>();
  node->bytes = std::move(bytes);
}

std::vector<std::string> FaultyFiles::paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, node] : nodes_) paths.push_back(path);
  return paths;
}

Result<std::unique_ptr<AppendFile>> FaultyFiles::open_append(const std::string& path) {
  MESHFLOW_CHECK(count(FileOperation::open, path));
  auto& node = nodes_[path];
  if (node == nullptr) node = std::make_shared<Node>();
  return std::make_unique<Append>(*this, node, path);
}

Result<std::unique_ptr<ReadFile>> FaultyFiles::open_read(const std::string& path) {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return fail(ErrorCode::not_found, "no file " + path);
  return std::make_unique<Read>(found->second);
}

Result<std::string> FaultyFiles::read_all(const std::string& path, std::uint64_t bytes_max) {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return fail(ErrorCode::not_found, "no file " + path);
  if (found->second->bytes.size() > bytes_max) return fail(ErrorCode::limit_exceeded, path + " is too large");
  return found->second->bytes;
}

Result<void> FaultyFiles::write_atomically(const std::string& path, std::string_view bytes) {
  MESHFLOW_CHECK(count(FileOperation::write_atomically, path));
  auto node = std::make_shared<Node>();
  node->bytes = bytes;
  node->synced_bytes = bytes.size();
  nodes_[path] = std::move(node);
  return {};
}

Result<void> FaultyFiles::rename(const std::string& from, const std::string& to) {
  MESHFLOW_CHECK(count(FileOperation::rename, from));
  auto node = nodes_.extract(from);
  if (node.empty()) return fail(ErrorCode::not_found, "no file " + from);
  nodes_[to] = std::move(node.mapped());
  return {};
}

Result<void> FaultyFiles::remove(const std::string& path) {
  MESHFLOW_CHECK(count(FileOperation::remove, path));
  if (nodes_.erase(path) == 0) return fail(ErrorCode::not_found, "no file " + path);
  return {};
}

Result<void> FaultyFiles::create_directories(const std::string& path) {
  MESHFLOW_CHECK(count(FileOperation::create_directories, path));
  directories_.insert(path);
  return {};
}

Result<std::vector<std::string>> FaultyFiles::list(const std::string& path) {
  std::vector<std::string> names;
  bool is_known = directories_.count(path) > 0;
  for (const auto& [file, node] : nodes_) {
    if (!file.starts_with(path + "/")) continue;
    is_known = true;
    const std::string name = file.substr(path.size() + 1);
    if (name.find('/') == std::string::npos) names.push_back(name);
  }
  if (!is_known) return fail(ErrorCode::not_found, "no directory " + path);
  return names;
}

bool FaultyFiles::exists(const std::string& path) { return nodes_.count(path) > 0 || directories_.count(path) > 0; }

Result<void> FaultyFiles::sync_directory(const std::string&) { return {}; }

}  // namespace meshflow::test
