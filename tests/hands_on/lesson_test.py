"""The lesson's program answers exercises 1 to 3 from its output: lesson_test.py PROGRAM..."""

import gzip
import subprocess
import sys
import threading
import unittest
from collections import Counter
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lesson import ROOT, Output

PROGRAM = sys.argv[1:]
LESSON_SPANS = {"meshflow.run", "meshflow.node", "meshflow.agent", "meshflow.gate", "meshflow.policy_check", "meshflow.ledger_write",
                "meshflow.tool"}


class Receiver:
    """An OTLP/HTTP receiver on a free loopback port that keeps what it is sent."""

    def __init__(self):
        received = self.received = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                received.append((self.path, self.headers["Content-Type"], body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()


def fields_of(message):
    """The fields of a protobuf message: (number, value), values of length-delimited ones as bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
        else:
            size = {1: 8, 5: 4}.get(kind) or varint() if kind != 2 else varint()
            yield key >> 3, message[at:at + size]
            at += size


def spans_of(body):
    """(trace id, span id, parent span id, name, attribute keys) of each span of an ExportTraceServiceRequest
    (opentelemetry/proto/trace/v1/trace.proto)."""
    for number, resource_spans in fields_of(body):
        for field, scope_spans in fields_of(resource_spans) if number == 1 else ():
            for inner, span in fields_of(scope_spans) if field == 2 else ():
                if inner == 2:
                    parts = list(fields_of(span))
                    one = dict(parts)
                    keys = {dict(fields_of(value))[1].decode() for part, value in parts if part == 9}
                    yield one[1].hex(), one[2].hex(), one.get(4, b"").hex(), one[5].decode(), frozenset(keys)


class ExercisesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = Output(PROGRAM)

    def test_the_run_completes_and_says_nothing_on_standard_error(self):
        self.assertEqual((self.run_.code, self.run_.errors), (0, ""))
        self.assertEqual(self.run_.root["run_status"], "completed")

    def test_the_answers_that_the_demo_prints_all_hold(self):
        done = subprocess.run([sys.executable, ROOT / "tools" / "lesson_answers"], input=self.run_.text, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_exercise_1_seven_span_types_and_the_model_calls(self):
        names = {span.name for span in self.run_.spans}
        self.assertLessEqual(LESSON_SPANS, names)
        self.assertTrue(any(name.startswith("chat ") for name in names))

    def test_exercise_1_the_summary_counts_the_spans(self):
        counts = Counter(span.name for span in self.run_.spans)
        self.assertEqual(int(self.run_.summary["spans"]), len(self.run_.spans))
        self.assertEqual({name: int(self.run_.summary[name]) for name in counts}, dict(counts))

    def test_section_5_each_attribute_is_on_the_span_types_that_it_names(self):
        agents, gates, root = self.run_.of_kind("agent"), self.run_.of_kind("gate"), self.run_.root
        for span in self.run_.spans:
            self.assertEqual((span["run_id"], span["trace_id"]), (root["run_id"], root["trace_id"]))
        for agent in agents:
            for key in ("agent_id", "role", "cost_usd", "tokens", "uncertainty", "verdict", "carbon_g"):
                self.assertTrue(agent[key], f"{key} of {agent.title()}")
            self.assertIn(agent["verdict"], ("allowed", "blocked"))
            self.assertTrue(0 <= Decimal(agent["uncertainty"]) <= 1)
        for gate in gates:
            self.assertIn(gate["gate_result"], ("passed", "blocked", "pending"))
        for key in ("cost_usd", "total_tokens", "carbon_g"):
            self.assertGreater(Decimal(root[key]), 0)
        self.assertEqual(root["compliance"], "none")

    def test_exercise_1_each_gate_is_there_and_passes_somewhere(self):
        passed = {gate["gate.name"] for gate in self.run_.of_kind("gate") if gate["gate_result"] == "passed"}
        self.assertLessEqual({"content_policy", "cost", "uncertainty", "human"}, passed)

    def test_exercise_2_one_trace_of_unique_spans_with_their_parents(self):
        ids = [span["span_id"] for span in self.run_.spans]
        self.assertEqual(len(set(ids)), len(ids))
        for span_id in ids:
            self.assertRegex(span_id, r"^[0-9a-f]{16}$")
        self.assertRegex(self.run_.root["trace_id"], r"^[0-9a-f]{32}$")
        self.assertEqual([span.name for span in self.run_.spans if span["parent_span_id"] not in ids], ["meshflow.run"])
        self.assertEqual(self.run_.summary["trace_id"], self.run_.root["trace_id"])

    def test_exercise_2_children_lie_within_their_parents_and_the_root_ends_last(self):
        by_id = {span["span_id"]: span for span in self.run_.spans}
        position = {span["span_id"]: at for at, span in enumerate(self.run_.spans)}
        self.assertIs(self.run_.spans[-1], self.run_.root)
        tolerance = Decimal("0.001")  # start and duration are rounded to microseconds, each on its own
        for span in self.run_.spans[:-1]:
            parent = by_id[span["parent_span_id"]]
            self.assertLess(position[span["span_id"]], position[parent["span_id"]])
            self.assertGreaterEqual(span.start_ms, parent.start_ms)
            self.assertLessEqual(span.end_ms, parent.end_ms + tolerance)
            self.assertLess(Decimal(span["duration_ms"]), Decimal(self.run_.root["duration_ms"]))

    def test_exercise_2_parallel_analysts_overlap_by_more_than_half(self):
        analysts = [span for span in self.run_.of_kind("agent") if span["role"] == "researcher"]
        self.assertEqual(len(analysts), 3)
        shared = min(span.end_ms for span in analysts) - max(span.start_ms for span in analysts)
        for span in analysts:
            self.assertGreater(shared, Decimal(span["duration_ms"]) / 2)
            chat = next(chat for chat in self.run_.spans if chat["parent_span_id"] == span["span_id"])
            self.assertGreaterEqual(Decimal(chat["duration_ms"]), 20)

    def test_exercise_3_the_blocked_span_says_why_and_a_span_after_it_what_followed(self):
        blocked = [span for span in self.run_.spans if span["verdict"] == "blocked"]
        self.assertEqual([span["node_id"] for span in blocked], ["draft"])
        span = blocked[0]
        for key in ("span_id", "parent_span_id", "trace_id", "agent_id", "role", "cost_usd", "tokens", "uncertainty", "carbon_g",
                    "block_reason"):
            self.assertTrue(span[key], key)
        self.assertEqual((span["gate_result"], span["rule_id"], span["status"]), ("blocked", "pii.card", "ERROR"))
        followed = [other for other in self.run_.spans if span["span_id"] in other.linked_ids]
        self.assertEqual([other["node_id"] for other in followed], ["redact"])
        self.assertGreaterEqual(followed[0].start_ms, span.end_ms)
        gates = [gate for gate in self.run_.of_kind("gate") if gate["gate_result"] == "blocked"]
        self.assertEqual([(gate["gate.name"], gate["node_id"]) for gate in gates], [("content_policy", "draft")])
        self.assertNotIn("4111 1111", self.run_.text)  # telemetry carries the rule, never the text

    def test_the_human_gate_is_decided_by_the_mock(self):
        gates = [gate for gate in self.run_.of_kind("gate") if gate["node_id"] == "approval"]
        self.assertEqual([gate["gate_result"] for gate in gates], ["pending", "passed"])

    def test_totals_equal_the_sums_over_agents_and_over_model_calls(self):
        chats = [span for span in self.run_.spans if span.name.startswith("chat ")]
        for key, root_key in (("cost_usd", "cost_usd"), ("tokens", "total_tokens"), ("carbon_g", "carbon_g")):
            total = Decimal(self.run_.root[root_key])
            self.assertEqual(sum(Decimal(span[key]) for span in self.run_.of_kind("agent")), total)
            self.assertEqual(sum(Decimal(span[key]) for span in chats), total)
            self.assertEqual(Decimal(self.run_.summary[root_key]), total)

    def test_the_run_is_in_the_data_directorys_spool(self):
        self.assertGreater(self.run_.spool_bytes, 0)

    def test_two_runs_have_two_trace_ids_and_equal_totals(self):
        other = Output(PROGRAM)
        for key in ("trace_id", "run_id"):
            self.assertNotEqual(other.root[key], self.run_.root[key])
        for key in ("cost_usd", "total_tokens", "carbon_g"):
            self.assertEqual(other.root[key], self.run_.root[key])


class OptionsTest(unittest.TestCase):
    def test_without_the_guardian_nothing_is_blocked(self):
        run = Output(PROGRAM, MESHFLOW_ENABLE_GUARDIAN="false")
        self.assertEqual(run.code, 0)
        self.assertEqual([span for span in run.spans if "blocked" in (span["verdict"], span["gate_result"])], [])
        self.assertEqual(run.summary["blocked"], "0")
        self.assertNotIn("redact", [node["node_id"] for node in run.of_kind("node")])

    def test_a_threshold_that_is_moved_moves_the_block(self):
        run = Output(PROGRAM, MESHFLOW_STEP_COST_BLOCK_USD="0.000001")
        self.assertEqual((run.code, run.root["run_status"]), (3, "aborted"))
        self.assertIn("cost", [span["gate.name"] for span in run.of_kind("gate") if span["gate_result"] == "blocked"])

    def test_without_a_provider_the_mock_is_used_and_said(self):
        run = Output(PROGRAM, "--no-console", MESHFLOW_MOCK=None, ANTHROPIC_API_KEY=None, OPENAI_API_KEY=None, OLLAMA_HOST=None)
        self.assertEqual((run.code, run.spans), (0, []))
        self.assertIn("mock model", run.errors)
        self.assertEqual(run.summary["run_status"], "completed")

    def test_another_task_is_another_run(self):
        run = Output(PROGRAM, "--no-console", "--task", "Name three risks of a rewrite")
        self.assertEqual(run.code, 0)
        self.assertNotEqual(run.summary["total_tokens"], Output(PROGRAM, "--no-console").summary["total_tokens"])

    def test_help_and_wrong_options(self):
        help_ = Output(PROGRAM, "--help")
        self.assertEqual((help_.code, help_.errors), (0, ""))
        for option in ("--jaeger", "--task", "--no-console", "--help"):
            self.assertIn(option, help_.text)
        for wrong in (["--jager"], ["--task"], ["file"]):
            run = Output(PROGRAM, *wrong)
            self.assertEqual((run.code, run.text), (2, ""))
            self.assertIn(wrong[0], run.errors)

    def test_a_policy_field_that_cannot_be_used_is_named(self):
        run = Output(PROGRAM, MESHFLOW_BUDGET_USD="lots")
        self.assertEqual((run.code, run.spans), (2, []))
        self.assertIn("MESHFLOW_BUDGET_USD", run.errors)


class ExportTest(unittest.TestCase):
    def assert_delivered(self, run, receiver):
        self.assertEqual((run.code, run.errors), (0, ""))
        printed = {(span["trace_id"], span["span_id"], span["parent_span_id"], span.name) for span in run.spans}
        delivered = [span for _, _, body in receiver.received for span in spans_of(body)]
        self.assertEqual(len(delivered), len(run.spans))
        self.assertEqual({span[:4] for span in delivered}, printed)
        self.assertEqual({path for path, _, _ in receiver.received}, {"/v1/traces"})
        return delivered

    def test_jaeger_delivers_exactly_the_printed_spans_and_says_where_to_look(self):
        with Receiver() as receiver:
            run = Output(PROGRAM, "--jaeger", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
            delivered = self.assert_delivered(run, receiver)
        self.assertIn(f"http://localhost:16686/trace/{run.root['trace_id']}", run.text)
        root_keys = next(keys for *_, name, keys in delivered if name == "meshflow.run")
        self.assertLessEqual({"cost_usd", "run_id", "meshflow.run_cost_usd", "meshflow.cost_usd"}, root_keys)

    def test_the_environments_endpoint_alone_is_enough(self):
        with Receiver() as receiver:
            self.assert_delivered(Output(PROGRAM, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url), receiver)

    def test_an_endpoint_with_the_path_works_too(self):
        with Receiver() as receiver:
            self.assert_delivered(Output(PROGRAM, MESHFLOW_TELEMETRY_OTLP_ENDPOINT=receiver.url + "/v1/traces"), receiver)

    def test_without_export_no_address_is_named(self):
        self.assertNotIn("16686", Output(PROGRAM).text)

    def test_a_backend_that_is_not_there_is_said_and_the_run_is_whole(self):
        with Receiver() as receiver:
            url = receiver.url
        run = Output(PROGRAM, "--jaeger", OTEL_EXPORTER_OTLP_ENDPOINT=url)
        self.assertEqual(run.code, 0)
        self.assertLess(run.seconds, 15)
        self.assertEqual(run.root["run_status"], "completed")
        self.assertIn(f"does a trace backend listen at {url}?", run.errors)
        self.assertNotIn("16686", run.text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
