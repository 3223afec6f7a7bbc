// What a span costs the goroutine that records it, in nanoseconds: one JSON object on standard output.
//
// Spans are recorded in bursts of half the batch processor's queue and flushed between them, outside the measured
// time, so that none is dropped. The exporter drops what it gets. CPU time is that of the recording thread; what the
// garbage collector does on others is not counted.
package main

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sys/unix"
)

const (
	burst   = 1024
	bursts  = 100
	repeats = 9
)

var exported atomic.Int64

type null struct{}

func (null) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	exported.Add(int64(len(spans)))
	return nil
}
func (null) Shutdown(context.Context) error { return nil }

func nanos(clock int32) float64 {
	var now unix.Timespec
	if err := unix.ClockGettime(clock, &now); err != nil {
		panic(err)
	}
	return float64(now.Sec)*1e9 + float64(now.Nsec)
}

func record(ctx context.Context, tracer trace.Tracer, attributes bool) {
	_, span := tracer.Start(ctx, "meshflow.agent")
	if attributes {
		span.SetAttributes(
			attribute.String("meshflow.run_id", "run_4a8f2b1c9d3e7f2a"),
			attribute.String("meshflow.node_id", "analyst"),
			attribute.String("meshflow.agent_id", "researcher-agent"),
			attribute.String("meshflow.role", "researcher"),
			attribute.String("meshflow.verdict", "allowed"),
			attribute.Int("meshflow.tokens", 148),
			attribute.Float64("meshflow.cost_usd", 0.0012),
			attribute.Float64("meshflow.uncertainty", 0.18),
			attribute.Float64("meshflow.carbon_g", 0.004),
			attribute.String("gen_ai.operation.name", "invoke_agent"),
		)
	}
	span.End()
}

type times struct {
	CPU  []float64 `json:"cpu_ns"`
	Wall []float64 `json:"wall_ns"`
}

func main() {
	runtime.LockOSThread()
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(null{}))
	tracer := provider.Tracer("bench")
	ctx, _ := tracer.Start(context.Background(), "parent")
	answer := map[string]times{}
	for name, attributes := range map[string]bool{"0": false, "10": true} {
		var result times
		for repeat := 0; repeat <= repeats; repeat++ {
			cpu, wall := 0.0, 0.0
			for i := 0; i < bursts; i++ {
				cpuStart, wallStart := nanos(unix.CLOCK_THREAD_CPUTIME_ID), nanos(unix.CLOCK_MONOTONIC)
				for j := 0; j < burst; j++ {
					record(ctx, tracer, attributes)
				}
				cpu += nanos(unix.CLOCK_THREAD_CPUTIME_ID) - cpuStart
				wall += nanos(unix.CLOCK_MONOTONIC) - wallStart
				if err := provider.ForceFlush(context.Background()); err != nil {
					panic(err)
				}
			}
			if repeat > 0 { // the first warms up
				result.CPU = append(result.CPU, cpu/(burst*bursts))
				result.Wall = append(result.Wall, wall/(burst*bursts))
			}
		}
		answer[name] = result
	}
	if exported.Load() != 2*(repeats+1)*bursts*burst {
		panic("spans were dropped")
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		panic(err)
	}
}
