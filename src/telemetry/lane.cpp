#include "telemetry/lane.hpp"

#include <bit>
#include <utility>

#include "telemetry/pipeline.hpp"

namespace meshflow::telemetry {

Lane::Lane(Pipeline& pipeline, std::shared_ptr<ProviderCore> keep_alive, std::uint32_t fork_generation)
    : pipeline_(pipeline),
      provider_(std::move(keep_alive)),
      fork_generation_(fork_generation),
      pooled_records_max_(static_cast<std::int64_t>(4 * pipeline.queue_size_max())),
      slot_mask_(std::bit_ceil(pipeline.queue_size_max()) - 1),
      slots_(std::make_unique<Ended[]>(slot_mask_ + 1)) {}

Lane::~Lane() {
  free_list(free_);
  free_list(returned_.load(std::memory_order_relaxed));
}

void Lane::free_list(SpanRecord* record) noexcept {
  while (record != nullptr) delete std::exchange(record, record->next);
}

SpanRecord* Lane::take() noexcept {
  if (free_ == nullptr) free_ = returned_.exchange(nullptr, std::memory_order_acquire);
  SpanRecord* record = free_;
  if (record != nullptr) {
    free_ = record->next;
  } else {
    record = new (std::nothrow) SpanRecord(*this);
    if (record == nullptr) return nullptr;
    record_count_.fetch_add(1, std::memory_order_relaxed);
  }
  ++taken_;
  return record;
}

void Lane::put_back(SpanRecord* record) noexcept {
  record->recycle();
  record->next = free_;
  free_ = record;
  --taken_;
}

bool Lane::push(SpanRecord* record) noexcept {
  bool is_batch_waiting = false;
  if (credits_ == 0) {
    const Pipeline::Credits more = pipeline_.take_credits();
    if (more.count == 0) return false;
    credits_ = more.count;
    is_batch_waiting = more.is_batch_waiting;
  }
  --credits_;
  record->holds_credit = true;
  // A credit stands for a free slot: there are as many slots as credits in all, and a credit comes back only after
  // its slot was read.
  const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
  slots_[tail & slot_mask_] = {record, record->end_stamp};
  tail_.store(tail + 1, std::memory_order_release);
  if (is_batch_waiting) pipeline_.wake();
  return true;
}

void Lane::collect(std::vector<Ended>& out) {
  const std::uint64_t tail = tail_.load(std::memory_order_acquire);
  std::uint64_t head = head_.load(std::memory_order_relaxed);
  for (; head != tail; ++head) out.push_back(slots_[head & slot_mask_]);
  head_.store(head, std::memory_order_release);
}

void Lane::close() noexcept {
  pipeline_.return_credits(std::exchange(credits_, 0));
  if ((gone_.fetch_or(kOwnerGone, std::memory_order_acq_rel) & kPipelineGone) != 0) discard_ended();
  release(kOwnerShare - taken_);
}

void Lane::forget() noexcept {
  if ((gone_.fetch_or(kPipelineGone, std::memory_order_acq_rel) & kOwnerGone) != 0) discard_ended();
  release(1);
}

void Lane::discard_ended() noexcept {
  std::vector<Ended> left;
  collect(left);
  for (const Ended& one : left) return_records({&one.record, 1});
}

SpanCounts Lane::counts() const noexcept {
  return {started.get(), not_recorded.get(), ended.get(), discarded.get(), dropped_queue_full.get()};
}

void Lane::give_back(std::span<SpanRecord* const> records) noexcept {
  SpanRecord* first = nullptr;
  SpanRecord* last = nullptr;
  for (SpanRecord* const record : records) {
    if (record_count_.load(std::memory_order_relaxed) > pooled_records_max_) {
      record_count_.fetch_sub(1, std::memory_order_relaxed);
      delete record;
      continue;
    }
    record->recycle();
    record->next = first;
    first = record;
    if (last == nullptr) last = record;
  }
  if (first != nullptr) {
    last->next = returned_.load(std::memory_order_relaxed);
    while (!returned_.compare_exchange_weak(last->next, first, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }
  release(static_cast<std::int64_t>(records.size()));
}

void return_records(std::span<SpanRecord* const> records) noexcept {
  while (!records.empty()) {
    std::size_t count = 1;
    while (count < records.size() && &records[count]->home == &records[0]->home) ++count;
    records[0]->home.give_back(records.first(count));
    records = records.subspan(count);
  }
}

void Lane::release(std::int64_t shares) noexcept {
  if (shares_.fetch_sub(shares, std::memory_order_acq_rel) == shares) delete this;
}

}  // namespace meshflow::telemetry
