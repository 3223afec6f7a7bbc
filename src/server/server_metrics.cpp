#include "server/server_metrics.hpp"

#include "query/store_series.hpp"

namespace meshflow::server {

void write_metrics(MetricsText& text, std::string_view transport, const ReceiverStats& stats) {
  const MetricLabels labels{{"transport", transport}};
  text.counter("meshflow_receiver_requests_total", "OTLP requests that were read whole.", labels, stats.requests);
  text.counter("meshflow_receiver_body_bytes_total", "Bytes of these requests, after decompression.", labels,
               stats.body_bytes);
  text.counter("meshflow_receiver_acknowledged_requests_total", "OTLP requests that are durable.", labels,
               stats.acknowledged);
  text.counter("meshflow_receiver_rejected_spans_total", "Spans left out of acknowledged requests, for their ids.",
               labels, stats.rejected_spans);
  const auto refused = [&](std::string_view reason, std::uint64_t value) {
    text.counter("meshflow_receiver_refused_requests_total", "OTLP requests of which nothing was kept.",
                 {{"transport", transport}, {"reason", reason}}, value);
  };
  refused("bad_data", stats.refused_bad);
  refused("too_large", stats.refused_too_large);
  refused("overloaded", stats.refused_overloaded);
  refused("failed", stats.refused_failed);
}

void write_metrics(MetricsText& text, std::string_view listener, const net::HttpServerStats& stats) {
  const MetricLabels labels{{"listener", listener}};
  text.counter("meshflow_http_connections_total", "Connections accepted.", labels, stats.connections);
  text.gauge("meshflow_http_connections_open", "Connections open now.", labels,
             static_cast<double>(stats.connections_open));
  text.counter("meshflow_http_requests_total", "Requests handed to their handler.", labels, stats.requests);
  text.gauge("meshflow_http_requests_open", "Requests not answered yet.", labels,
             static_cast<double>(stats.requests_open));
  text.counter("meshflow_http_refused_total", "Requests refused before their handler saw them.", labels, stats.refused);
  text.counter("meshflow_http_timeouts_total", "Connections ended for being slow.", labels, stats.timeouts);
  text.counter("meshflow_http_body_bytes_total", "Bytes of request bodies, as received.", labels, stats.body_bytes);
}

void write_metrics(MetricsText& text, const store::StoreStats& stats) {
  const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    text.counter(name, help, {}, value);
  };
  const auto gauge = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    text.gauge(name, help, {}, static_cast<double>(value));
  };
  counter("meshflow_store_requests_total", "OTLP requests acknowledged, those of the spool included.",
          stats.received_requests);
  counter("meshflow_store_spool_requests_total", "Of these, from the spool of local runs.", stats.spool_requests);
  counter("meshflow_store_spans_total", "Spans acknowledged, duplicates included.", stats.received_spans);
  counter("meshflow_store_bytes_total", "Bytes of acknowledged requests.", stats.received_bytes);
  counter("meshflow_store_duplicate_spans_total", "Spans that were here already.", stats.duplicate_spans);
  counter("meshflow_store_rejected_spans_total", "Spans rejected for their ids.", stats.rejected_spans);
  counter("meshflow_store_refused_requests_total", "Requests refused.", stats.refused_requests);
  counter("meshflow_store_replaced_utf8_total", "Pieces of invalid UTF-8 that became U+FFFD.", stats.replaced_utf8);
  counter("meshflow_store_spool_damage_bytes_total", "Bytes of the spool that were stepped over as damaged.",
          stats.spool_damage_bytes);
  counter("meshflow_store_log_syncs_total", "Syncs of the log to the device.", stats.log_syncs);
  gauge("meshflow_store_log_bytes", "The log's size on disk.", stats.log_bytes);
  gauge("meshflow_store_queue_bytes", "Bytes acknowledged and not yet visible.", stats.queued_bytes);
  gauge("meshflow_store_recent_spans", "Spans visible and not yet in the database.", stats.recent_spans);
  gauge("meshflow_store_recent_bytes", "Memory that these spans take.", stats.recent_bytes);
  gauge("meshflow_store_spans", "Spans in the database.", stats.stored_spans);
  gauge("meshflow_store_database_bytes", "The database's size on disk.", stats.store_bytes);
  counter("meshflow_store_dropped_spans_total", "Spans dropped by retention.", stats.dropped_spans);
  gauge("meshflow_store_operations", "Distinct services, operations and kinds.", stats.operations);
  counter("meshflow_store_operations_dropped_total", "Operations not listed, past the limit of how many are.",
          stats.operations_dropped);
  gauge("meshflow_store_in_trouble", "1 while writing fails.", stats.trouble.empty() ? 0 : 1);
}

void write_metrics(MetricsText& text, const query::SpanMetrics& metrics) {
  const auto all = metrics.series();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const query::MetricFamily& family = query::metric_families()[i];
    for (const auto& [values, cell] : all[i]) {
      MetricLabels labels;
      for (std::size_t at = 0; at < values.size(); ++at) {
        if (!values[at].empty()) labels.emplace_back(family.labels[at].name, values[at]);
      }
      if (family.bounds.empty()) {
        text.counter(family.name, family.help, labels, cell.counts.front());
      } else {
        text.histogram(family.name, family.help, labels, {family.bounds, cell.counts, cell.sum});
      }
    }
  }
  const auto overflow = metrics.overflow();
  for (std::size_t i = 0; i < overflow.size(); ++i) {
    if (overflow[i] == 0) continue;
    text.counter("meshflow_metrics_overflow_total",
                 "Spans that were counted in a metric's series \"other\", past its limit of series.",
                 {{"metric", query::metric_families()[i].name}}, overflow[i]);
  }
}

void write_metrics(MetricsText& text, const query::ServiceEdges& edges) {
  for (const auto& [names, edge] : edges) {
    const MetricLabels labels{{"client", names[0]}, {"server", names[1]}};
    text.counter("traces_service_graph_request_total", "Calls from one service to another.", labels, edge.calls);
    text.counter("traces_service_graph_request_failed_total", "Those of which a span has an error.", labels,
                 edge.failed);
    const auto& bounds = query::service_graph_bounds();
    text.histogram("traces_service_graph_request_client_seconds", "How long calls took, as clients saw them.", labels,
                   {bounds, edge.client_seconds.counts, edge.client_seconds.sum});
    text.histogram("traces_service_graph_request_server_seconds", "How long calls took, as servers saw them.", labels,
                   {bounds, edge.server_seconds.counts, edge.server_seconds.sum});
  }
}

void write_metrics(MetricsText& text, const LiveSpans::Stats& stats) {
  text.gauge("meshflow_live_spans", "Spans that are known to have begun and have not arrived.", {},
             static_cast<double>(stats.open));
  text.gauge("meshflow_live_bytes", "What they take of memory.", {}, static_cast<double>(stats.bytes));
  text.counter("meshflow_live_begun_total", "Events that told of a span's start.", {}, stats.begun);
  text.counter("meshflow_live_forgotten_total", "Spans that were forgotten before they arrived, by a limit.", {},
               stats.forgotten);
}

void write_waiting_people(MetricsText& text, double count) {
  text.gauge(query::kWaitingPeopleMetric, "Requests of runs that wait for a person.", {}, count);
}

void write_query_metrics(MetricsText& text, const HistogramFamily& durations) {
  for (const auto& [query, snapshot] : durations.snapshots()) {
    text.histogram("meshflow_query_duration_seconds", "How long queries took.", {{"query", query}}, snapshot);
  }
}

}  // namespace meshflow::server
