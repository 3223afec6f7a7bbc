// What the parts of the server tell of themselves, under which names.
#pragma once

#include <string_view>

#include "net/http_server.hpp"
#include "query/service_graph.hpp"
#include "query/span_metrics.hpp"
#include "server/live_spans.hpp"
#include "server/receiver_stats.hpp"
#include "server/self_metrics.hpp"
#include "store/trace_store.hpp"

namespace meshflow::server {

// `transport`: "http", "grpc".
void write_metrics(MetricsText& text, std::string_view transport, const ReceiverStats& stats);
// `listener`: "otlp-http", "jaeger", …
void write_metrics(MetricsText& text, std::string_view listener, const net::HttpServerStats& stats);
void write_metrics(MetricsText& text, const store::StoreStats& stats);
// The metrics made of spans (query/span_metrics.hpp).
void write_metrics(MetricsText& text, const query::SpanMetrics& metrics);
// traces_service_graph_request_total{client,server}, …, as Grafana reads them.
void write_metrics(MetricsText& text, const query::ServiceEdges& edges);
// Of live views.
void write_metrics(MetricsText& text, const LiveSpans::Stats& stats);
// meshflow_hitl_pending.
void write_waiting_people(MetricsText& text, double count);
// meshflow_query_duration_seconds{query="…"}.
void write_query_metrics(MetricsText& text, const HistogramFamily& durations);

}  // namespace meshflow::server
