#include "query/traceql/rows.hpp"

#include <fmt/format.h>

#include "base/try.hpp"
#include "query/names.hpp"
#include "query/trace_row.hpp"
#include "store/columns.hpp"
#include "store/rest.hpp"
#include "store/trace_number.hpp"

namespace meshflow::query::traceql {
namespace {

// A span's attribute that the store does not keep where it says what the trace id says (docs/store-format.md).
constexpr std::string_view kTraceIdKey = "meshflow.trace_id";
constexpr char kOrderTraceId = 126;

// The columns that every row has, in this order.
enum Base : std::size_t { trace_id, span_id, parent_id, start, duration, resource, name, kBaseColumns };
constexpr std::string_view kBase = "trace_id, span_id, parent_id, start, duration, resource, name";

std::string hex(std::uint64_t id) { return fmt::format("{:016x}", id); }
std::string hex(const store::U128& id) { return fmt::format("{:016x}{:016x}", id.high, id.low); }

Cell cell_for(const otlp::KeyValueList& attributes, std::string_view key) {
  const otlp::AnyValue* const value = find_value(attributes, key);
  return value == nullptr ? Cell{} : cell_of(*value);
}

template <typename Elements, typename Make>
Cell several_of(const Elements& elements, Make make) {
  Several several;
  for (const auto& each : elements) {
    if (Cell cell = make(each); !cell.is_nil()) several.of.push_back(std::move(cell));
  }
  return several.of.empty() ? Cell{} : Cell{std::move(several)};
}

}  // namespace

RowReader::RowReader(const Fields& fields, const ResourceSet& resources, const ScopeSet& scopes,
                     std::uint64_t columns_in_rest)
    : fields_(fields), columns_in_rest_(columns_in_rest), select_list_(kBase), columns_(kBaseColumns) {
  for (const store::StoredResource& each : resources.all()) resources_[each.key] = &each.resource;
  for (const store::StoredScope& each : scopes.all()) scopes_[each.key] = &each.scope;
  for (const Field& field : fields_.all()) {
    if (is_of_trace(field)) continue;
    if (const auto* const attribute = std::get_if<Attribute>(&field.of)) {
      switch (attribute->scope) {
        case Scope::any:
        case Scope::span: need_attribute(attribute->name); break;
        case Scope::event:
        case Scope::link: need("rest"); break;
        case Scope::instrumentation: need("scope"); break;
        case Scope::resource: break;
      }
      continue;
    }
    switch (std::get<Intrinsic>(field.of)) {
      case Intrinsic::status: need("status"); break;
      case Intrinsic::status_message: need("status_message"); break;
      case Intrinsic::kind: need("kind"); break;
      case Intrinsic::event_name:
      case Intrinsic::event_time_since_start:
      case Intrinsic::link_span_id:
      case Intrinsic::link_trace_id: need("rest"); break;
      case Intrinsic::instrumentation_name:
      case Intrinsic::instrumentation_version: need("scope"); break;
      default: break;
    }
  }
}

void RowReader::need(const std::string& column) {
  if (!places_.try_emplace(column, columns_).second) return;
  select_list_ += ", " + column;
  ++columns_;
}

void RowReader::need_attribute(const std::string& key) {
  if (key == kTraceIdKey) need("attribute_order");
  const auto column = store::find_attribute_column(key);
  if (column) need(std::string(store::attribute_columns()[*column].column));
  if (!column || (columns_in_rest_ >> *column & 1) != 0) need("rest");
  // A short name stands for its long one.
  if (const auto long_name = long_name_of(key); long_name && long_name->key != key) need_attribute(long_name->key);
}

Result<Row> RowReader::read(const store::Batch& batch, std::size_t row) {
  Row read;
  rest_.reset();
  read.trace_id = batch.id(Base::trace_id, row);
  read.span_id = batch.at<std::uint64_t>(Base::span_id, row);
  read.parent_id = batch.at<std::uint64_t>(Base::parent_id, row);
  read.start = batch.at<std::uint64_t>(Base::start, row);
  read.duration = batch.at<std::int64_t>(Base::duration, row);
  read.resource = batch.at<std::uint64_t>(Base::resource, row);
  read.name = std::string(batch.text(Base::name, row));
  read.cells.resize(fields_.all().size());
  for (std::size_t i = 0; i < read.cells.size(); ++i) {
    const Field& field = fields_.all()[i];
    if (is_of_trace(field)) continue;
    const auto* const of = std::get_if<Attribute>(&field.of);
    read.cells[i] =
        of != nullptr ? attribute(batch, row, read, *of) : intrinsic(batch, row, read, std::get<Intrinsic>(field.of));
  }
  if (failure_) return tl::unexpected(*failure_);
  return read;
}

const otlp::Span& RowReader::rest(const store::Batch& batch, std::size_t row) {
  if (rest_) return *rest_;
  rest_.emplace();
  const std::size_t place = column("rest");
  if (batch.is_null(place, row)) return *rest_;
  auto decoded = store::read_rest(batch.text(place, row));
  if (decoded) {
    rest_ = std::move(*decoded);
  } else if (!failure_) {
    failure_ = decoded.error();
  }
  return *rest_;
}

Cell RowReader::attribute(const store::Batch& batch, std::size_t row, const Row& read, const Attribute& field) {
  switch (field.scope) {
    case Scope::any: return nearest(batch, row, read, field.name);
    case Scope::span: return short_or_long(batch, row, read, field.name);
    case Scope::resource: return of_resource(read.resource, field.name);
    case Scope::event:
      return several_of(rest(batch, row).events,
                        [&](const auto& each) { return cell_for(each.attributes, field.name); });
    case Scope::link:
      return several_of(rest(batch, row).links,
                        [&](const auto& each) { return cell_for(each.attributes, field.name); });
    case Scope::instrumentation: return of_scope(batch.at<std::uint64_t>(column("scope"), row), field.name);
  }
  return {};
}

Cell RowReader::nearest(const store::Batch& batch, std::size_t row, const Row& read, const std::string& key) {
  if (Cell cell = on_span(batch, row, key); !cell.is_nil()) return cell;
  if (Cell cell = of_resource(read.resource, key); !cell.is_nil()) return cell;
  return short_or_long(batch, row, read, key);
}

Cell RowReader::short_or_long(const store::Batch& batch, std::size_t row, const Row& read, const std::string& key) {
  if (Cell cell = on_span(batch, row, key); !cell.is_nil()) return cell;
  const auto long_name = long_name_of(key);
  if (!long_name || (long_name->is_of_run_spans && read.name != kRunSpanName)) return {};
  return on_span(batch, row, long_name->key);
}

Cell RowReader::on_span(const store::Batch& batch, std::size_t row, const std::string& key) {
  const auto index = store::find_attribute_column(key);
  if (index) {
    const store::AttributeColumn& column = store::attribute_columns()[*index];
    const std::size_t place = this->column(std::string(column.column));
    if (!batch.is_null(place, row)) {
      switch (column.type) {
        case store::ColumnType::text: return {std::string(batch.text(place, row))};
        case store::ColumnType::i64: return {batch.at<std::int64_t>(place, row)};
        default: return {batch.at<double>(place, row)};
      }
    }
    if ((columns_in_rest_ >> *index & 1) == 0) return {};
  }
  Cell found = cell_for(rest(batch, row).attributes, key);
  if (found.is_nil() && key == kTraceIdKey &&
      batch.text(column("attribute_order"), row).find(kOrderTraceId) != std::string_view::npos) {
    return {hex(batch.id(Base::trace_id, row))};
  }
  return found;
}

Cell RowReader::intrinsic(const store::Batch& batch, std::size_t row, const Row& read, Intrinsic field) {
  switch (field) {
    case Intrinsic::duration: return {Duration{read.duration}};
    case Intrinsic::name: return {read.name};
    case Intrinsic::status: return status_cell(batch.at<std::int32_t>(column("status"), row));
    case Intrinsic::status_message: {
      const std::size_t place = column("status_message");
      return {batch.is_null(place, row) ? std::string() : std::string(batch.text(place, row))};
    }
    case Intrinsic::kind: return kind_cell(batch.at<std::int32_t>(column("kind"), row));
    case Intrinsic::span_id: return {hex(read.span_id)};
    case Intrinsic::parent_id: return {read.parent_id == 0 ? std::string() : hex(read.parent_id)};
    case Intrinsic::trace_id: return {hex(read.trace_id)};
    case Intrinsic::event_name:
      return several_of(rest(batch, row).events, [](const auto& each) { return Cell{each.name}; });
    case Intrinsic::event_time_since_start:
      return several_of(rest(batch, row).events, [&](const auto& each) {
        return Cell{Duration{static_cast<std::int64_t>(each.time_unix_nano - read.start)}};
      });
    case Intrinsic::link_span_id:
      return several_of(rest(batch, row).links, [](const auto& each) { return Cell{hex_of(each.span_id)}; });
    case Intrinsic::link_trace_id:
      return several_of(rest(batch, row).links, [](const auto& each) { return Cell{hex_of(each.trace_id)}; });
    case Intrinsic::instrumentation_name:
    case Intrinsic::instrumentation_version: {
      const auto scope = scopes_.find(batch.at<std::uint64_t>(column("scope"), row));
      if (scope == scopes_.end()) return {std::string()};
      return {field == Intrinsic::instrumentation_name ? scope->second->name : scope->second->version};
    }
    default: return {};
  }
}

const otlp::Resource* RowReader::resource_of(const Row& row) const {
  const auto found = resources_.find(row.resource);
  return found == resources_.end() ? nullptr : found->second;
}

std::string RowReader::service_of(const Row& row) const {
  const otlp::Resource* const resource = resource_of(row);
  return resource == nullptr ? std::string() : std::string(text_value(resource->attributes, "service.name"));
}

Cell RowReader::of_resource(std::uint64_t resource, const std::string& key) const {
  const auto found = resources_.find(resource);
  return found == resources_.end() ? Cell{} : cell_for(found->second->attributes, key);
}

Cell RowReader::of_scope(std::uint64_t scope, const std::string& key) const {
  const auto found = scopes_.find(scope);
  return found == scopes_.end() ? Cell{} : cell_for(found->second->attributes, key);
}

Field without_parent(const Field& field) {
  Attribute attribute = std::get<Attribute>(field.of);
  attribute.of_parent = false;
  return {attribute, field.place};
}

Fields with_parents(Fields fields) {
  const std::vector<Field> all = fields.all();
  for (const Field& field : all) {
    const auto* const attribute = std::get_if<Attribute>(&field.of);
    if (attribute != nullptr && attribute->of_parent) fields.add(without_parent(field));
  }
  return fields;
}

}  // namespace meshflow::query::traceql
