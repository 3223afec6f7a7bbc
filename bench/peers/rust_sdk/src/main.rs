//! What a span costs the thread that records it, in nanoseconds: one JSON object on standard output.
//!
//! Spans are recorded in bursts of half the batch processor's queue and flushed between them, outside the measured
//! time, so that none is dropped. The exporter drops what it gets.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::trace::{Span, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

const BURST: usize = 1024;
const BURSTS: usize = 200;
const REPEATS: usize = 9;

static EXPORTED: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct Null;

impl SpanExporter for Null {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        EXPORTED.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(())
    }
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn nanos(clock: libc::clockid_t) -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(clock, &mut now) };
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

fn record(tracer: &impl Tracer, parent: &Context, attributes: bool) {
    let mut span = tracer.start_with_context("meshflow.agent", parent);
    if attributes {
        span.set_attribute(KeyValue::new("meshflow.run_id", "run_4a8f2b1c9d3e7f2a".to_string()));
        span.set_attribute(KeyValue::new("meshflow.node_id", "analyst".to_string()));
        span.set_attribute(KeyValue::new("meshflow.agent_id", "researcher-agent".to_string()));
        span.set_attribute(KeyValue::new("meshflow.role", "researcher"));
        span.set_attribute(KeyValue::new("meshflow.verdict", "allowed"));
        span.set_attribute(KeyValue::new("meshflow.tokens", 148));
        span.set_attribute(KeyValue::new("meshflow.cost_usd", 0.0012));
        span.set_attribute(KeyValue::new("meshflow.uncertainty", 0.18));
        span.set_attribute(KeyValue::new("meshflow.carbon_g", 0.004));
        span.set_attribute(KeyValue::new("gen_ai.operation.name", "invoke_agent"));
    }
    span.end();
}

fn main() {
    let provider = SdkTracerProvider::builder().with_batch_exporter(Null).build();
    let tracer = provider.tracer("bench");
    let parent = Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from(0x4bf92f3577b34da6a3ce929d0e0e4736u128),
        SpanId::from(0x00f067aa0ba902b7u64),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    ));
    let mut answer = Vec::new();
    for attributes in [false, true] {
        let (mut cpu, mut wall) = (Vec::new(), Vec::new());
        for repeat in 0..=REPEATS {
            let (mut cpu_sum, mut wall_sum) = (0.0, 0.0);
            for _ in 0..BURSTS {
                let (cpu_start, wall_start) = (nanos(libc::CLOCK_THREAD_CPUTIME_ID), nanos(libc::CLOCK_MONOTONIC));
                for _ in 0..BURST {
                    record(&tracer, &parent, attributes);
                }
                cpu_sum += nanos(libc::CLOCK_THREAD_CPUTIME_ID) - cpu_start;
                wall_sum += nanos(libc::CLOCK_MONOTONIC) - wall_start;
                provider.force_flush().expect("the exporter never fails");
            }
            if repeat > 0 {
                // The first warms up.
                cpu.push(cpu_sum / (BURST * BURSTS) as f64);
                wall.push(wall_sum / (BURST * BURSTS) as f64);
            }
        }
        let count = if attributes { 10 } else { 0 };
        answer.push(format!("\"{count}\": {{\"cpu_ns\": {cpu:?}, \"wall_ns\": {wall:?}}}"));
    }
    assert_eq!(EXPORTED.load(Ordering::Relaxed), 2 * (REPEATS + 1) * BURSTS * BURST, "spans were dropped");
    println!("{{{}}}", answer.join(", "));
}
