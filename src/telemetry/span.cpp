#include "meshflow/telemetry/span.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "telemetry/provider_core.hpp"
#include "telemetry/read_clock.hpp"
#include "telemetry/span_record.hpp"
#include "telemetry/trace_scope.hpp"

namespace meshflow::telemetry {

Span::Span(Span&& other) noexcept
    : context_(std::move(other.context_)),
      start_unix_nanos_(other.start_unix_nanos_),
      duration_nanos_(std::exchange(other.duration_nanos_, 0)),
      clock_(other.clock_),
      record_(std::exchange(other.record_, nullptr)) {}

Span& Span::operator=(Span&& other) noexcept {
  if (this == &other) return *this;
  end();
  context_ = std::move(other.context_);
  start_unix_nanos_ = other.start_unix_nanos_;
  duration_nanos_ = std::exchange(other.duration_nanos_, 0);
  clock_ = other.clock_;
  record_ = std::exchange(other.record_, nullptr);
  return *this;
}

Span::~Span() {
  if (record_ != nullptr) end();
}

std::int64_t Span::now_unix_nanos() const noexcept { return read_monotonic(clock_) + context_.clock_offset_nanos; }

Span& Span::set_attribute(std::string_view key, std::string_view value) noexcept {
  if (record_ != nullptr) record_->set_text(key, value);
  return *this;
}

Span& Span::set_attribute(std::string_view key, bool value) noexcept {
  if (record_ != nullptr) record_->set_bool(key, value);
  return *this;
}

Span& Span::set_attribute(std::string_view key, double value) noexcept {
  if (record_ != nullptr) record_->set_double(key, value);
  return *this;
}

Span& Span::set_int_attribute(std::string_view key, std::int64_t value) noexcept {
  if (record_ != nullptr) record_->set_int(key, value);
  return *this;
}

Span& Span::set_attribute(std::string_view key, const AttributeValue& value) noexcept {
  if (record_ != nullptr) record_->set_value(key, value);
  return *this;
}

Span& Span::add_event(std::string_view name, std::span<const Attribute> attributes, std::int64_t unix_nanos) noexcept {
  if (record_ != nullptr) record_->add_event(name, attributes, unix_nanos != 0 ? unix_nanos : now_unix_nanos());
  return *this;
}

Span& Span::add_link(const Link& link) noexcept {
  if (record_ != nullptr) record_->add_link(link);
  return *this;
}

Span& Span::record_exception(std::string_view type, std::string_view message, std::string_view stacktrace) noexcept {
  if (record_ == nullptr) return *this;
  std::array<Attribute, 3> attributes;
  std::size_t count = 0;
  if (!type.empty()) attributes[count++] = {"exception.type", type};
  if (!message.empty()) attributes[count++] = {"exception.message", message};
  if (!stacktrace.empty()) attributes[count++] = {"exception.stacktrace", stacktrace};
  return add_event("exception", std::span(attributes).first(count));
}

Span& Span::set_status(StatusCode code, std::string_view description) noexcept {
  if (record_ != nullptr) record_->set_status(code, description);
  return *this;
}

Span& Span::update_name(std::string_view name) noexcept {
  if (record_ != nullptr) record_->set_name(name);
  return *this;
}

void Span::keep_trace() noexcept {
  if (context_.scope == nullptr || context_.scope->retention == nullptr) return;
  ProviderCore::release(context_.scope->retention->keep());
}

void Span::end(std::int64_t unix_nanos) noexcept {
  if (duration_nanos_ != kRunning) return;
  const std::int64_t monotonic = read_monotonic(clock_);
  const std::int64_t wanted = unix_nanos != 0 ? unix_nanos : monotonic + context_.clock_offset_nanos;
  const std::int64_t end_unix_nanos = std::max(wanted, start_unix_nanos_);
  duration_nanos_ = end_unix_nanos - start_unix_nanos_;
  if (record_ != nullptr) ProviderCore::end(std::exchange(record_, nullptr), end_unix_nanos, monotonic);
}

void Span::discard() noexcept {
  if (duration_nanos_ != kRunning) return;
  duration_nanos_ = duration_nanos();
  if (record_ != nullptr) ProviderCore::discard(std::exchange(record_, nullptr));
}

std::int64_t Span::duration_nanos() const noexcept {
  if (duration_nanos_ != kRunning) return duration_nanos_;
  return std::max<std::int64_t>(0, now_unix_nanos() - start_unix_nanos_);
}

}  // namespace meshflow::telemetry
