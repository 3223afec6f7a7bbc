#include "query/traceql/sum.hpp"

#include <cmath>

#include "query/names.hpp"

namespace meshflow::query::traceql {
namespace {

constexpr double kBillion = 1e9;
constexpr double kBillionthsMax = 9e18;  // past it a double has no billionths

}  // namespace

bool is_in_billionths(const Expression& expression) {
  const auto* const field = std::get_if<Field>(&expression.of);
  const auto* const attribute = field == nullptr ? nullptr : std::get_if<Attribute>(&field->of);
  return attribute != nullptr && is_counted_in_billionths(attribute->name);
}

void Sum::add(const Cell& cell) {
  if (const auto* const several = std::get_if<Several>(&cell.value)) {
    if (!several->of.empty()) add(several->of.front());
  } else if (const auto* const integer = std::get_if<std::int64_t>(&cell.value)) {
    all_durations_ = false;
    whole_ += *integer;
    ++count_;
  } else if (const auto* const duration = std::get_if<Duration>(&cell.value)) {
    all_integers_ = false;
    whole_ += duration->nanos;
    ++count_;
  } else if (const double* const number = std::get_if<double>(&cell.value)) {
    all_integers_ = all_durations_ = false;
    ++count_;
    const double billionths = std::round(*number * kBillion);
    if (in_billionths_ && std::abs(billionths) < kBillionthsMax) {
      billionths_ += static_cast<std::int64_t>(billionths);
    } else {
      add(*number);
    }
  }
}

void Sum::add(double number) {
  const double sum = real_ + number;
  if (std::isfinite(sum)) {
    compensation_ += std::abs(real_) >= std::abs(number) ? (real_ - sum) + number : (number - sum) + real_;
  }
  real_ = sum;
}

double Sum::value() const {
  double sum = real_ + compensation_;
  if (whole_ != 0) sum += static_cast<double>(whole_);
  if (billionths_ != 0) sum += static_cast<double>(billionths_) / kBillion;
  return sum;
}

Cell Sum::sum() const {
  if (count_ == 0) return {};
  const bool fits = whole_ <= INT64_MAX && whole_ >= INT64_MIN;
  if (all_integers_ && fits) return {static_cast<std::int64_t>(whole_)};
  if (all_durations_ && fits) return {Duration{static_cast<std::int64_t>(whole_)}};
  return {value()};
}

Cell Sum::average() const {
  if (count_ == 0) return {};
  if (all_durations_) return {Duration{static_cast<std::int64_t>(whole_ / static_cast<Whole>(count_))}};
  return {value() / static_cast<double>(count_)};
}

}  // namespace meshflow::query::traceql
