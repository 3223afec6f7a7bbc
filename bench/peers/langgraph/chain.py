"""A chain of LangGraph nodes that do nothing, each with a span that goes through OpenTelemetry's batch processor.

Prints JSON: for each repeat, microseconds a node, CPU of the process and wall time.
"""

import json
import sys
import time
from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

NODES = 1000
REPEATS = int(sys.argv[1])


class NullExporter(SpanExporter):
    def export(self, spans):
        return SpanExportResult.SUCCESS


class State(TypedDict):
    output: str


provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(NullExporter()))
tracer = provider.get_tracer("bench")


def node_named(name):
    def node(state):
        with tracer.start_as_current_span("node", attributes={"node_id": name, "agent_id": "agent", "verdict": "allowed"}):
            return {"output": "ok"}

    return node


graph = StateGraph(State)
names = [f"node{index}" for index in range(NODES)]
for name in names:
    graph.add_node(name, node_named(name))
for before, after in zip([START, *names], [*names, END]):
    graph.add_edge(before, after)
chain = graph.compile()

times = {"cpu_us": [], "wall_us": []}
for repeat in range(REPEATS + 1):
    cpu, wall = time.process_time(), time.perf_counter()
    with tracer.start_as_current_span("run"):
        chain.invoke({"output": ""}, {"recursion_limit": NODES + 10})
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    provider.force_flush()
    if repeat > 0:  # the first one warms up
        times["cpu_us"].append(cpu * 1e6 / NODES)
        times["wall_us"].append(wall * 1e6 / NODES)
provider.shutdown()
print(json.dumps(times))
