#include "server/outline_cache.hpp"

namespace meshflow::server {

std::unordered_map<std::uint64_t, std::size_t> OutlineCache::Known::places() const {
  std::unordered_map<std::uint64_t, std::size_t> places;
  places.reserve(span_ids.size() + hidden.size());
  for (std::size_t i = 0; i < span_ids.size(); ++i) places.emplace(span_ids[i], i);
  for (const auto& [span_id, row] : hidden) places.emplace(span_id, row);
  return places;
}

void OutlineCache::keep(const query::Outline& outline) {
  auto known = std::make_shared<Known>();
  known->span_ids.reserve(outline.rows.size());
  for (const query::OutlineRow& row : outline.rows) known->span_ids.push_back(row.span_id);
  known->hidden = outline.hidden;
  const std::size_t bytes = sizeof(Entry) + known->span_ids.size() * sizeof(std::uint64_t) +
                            known->hidden.size() * sizeof(known->hidden.front());
  if (bytes > kBytesMax) return;
  std::string revision = outline.revision();
  const std::lock_guard lock(mutex_);
  if (by_revision_.contains(revision)) return;
  entries_.push_front({revision, std::move(known), bytes});
  by_revision_.emplace(std::move(revision), entries_.begin());
  bytes_ += bytes;
  while (bytes_ > kBytesMax) {
    bytes_ -= entries_.back().bytes;
    by_revision_.erase(entries_.back().revision);
    entries_.pop_back();
  }
}

std::shared_ptr<const OutlineCache::Known> OutlineCache::find(std::string_view revision) {
  const std::lock_guard lock(mutex_);
  const auto found = by_revision_.find(std::string(revision));
  if (found == by_revision_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->known;
}

}  // namespace meshflow::server
