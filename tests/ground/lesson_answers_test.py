"""tools/lesson_answers answers from a run written by hand, and notices each thing that would be wrong with one."""

import subprocess
import sys
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "lesson_answers"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def block(name, span, parent, start, duration, *lines):
    head = [f"[SPAN] {name}", f"  trace_id    : {TRACE}", f"  span_id     : {span:016x}"]
    if parent:
        head.append(f"  parent_span_id: {parent:016x}")
    return "\n".join([*head, "  run_id      : run_1", f"  start_ms    : {start}", f"  duration_ms : {duration}",
                      *(f"  {line}" for line in lines)])


def agent(span, parent, start, duration, node, cost, tokens, carbon, *lines, verdict="allowed"):
    return block("meshflow.agent", span, parent, start, duration, f"node_id     : {node}", f"agent_id    : {node}-agent",
                 "role        : researcher", f"tokens      : {tokens}", f"cost_usd    : {cost}", "uncertainty : 0.1",
                 f"verdict     : {verdict}", f"carbon_g    : {carbon}", *lines)


RUN = "\n".join([
    "Lesson 18",
    block("meshflow.policy_check", 2, 1, 0, 0.1, "policy.name : budget"),
    agent(4, 3, 1, 50, "a", "0.0000000001", 10, "0.5"),
    block("meshflow.node", 3, 1, 1, 51, "node_id     : a"),
    agent(6, 5, 2, 60, "b", "0.2", 20, "0.25", "gate_result : blocked", "block_reason: secret in output",
          "rule_id     : secret.key", "status      : ERROR", verdict="blocked"),
    block("meshflow.gate", 7, 5, 62, 0.1, "gate.name   : content_policy", "gate_result : blocked"),
    block("meshflow.node", 5, 1, 2, 61, "node_id     : b"),
    block("meshflow.tool", 9, 8, 64, 1),
    block("meshflow.node", 8, 1, 63, 5, "node_id     : fallback", "links       : 1",
          f"  trace {TRACE} span {6:016x}"),
    block("meshflow.ledger_write", 10, 1, 69, 0.1),
    block("meshflow.run", 1, 0, 0, 70, "cost_usd    : 0.2000000001", "total_tokens: 30", "carbon_g    : 0.75",
          "compliance  : none", "run_status  : completed"),
    "",
    "run_id      : run_1",
])


def answers(text):
    done = subprocess.run([sys.executable, TOOL], input=text, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


class LessonAnswersTest(unittest.TestCase):
    def assert_not(self, changed, statement):
        self.assertNotEqual(changed, RUN)
        code, text = answers(changed)
        self.assertEqual(code, 1)
        self.assertIn(f"DOES NOT HOLD: {statement}", text)

    def test_a_whole_run_answers_everything(self):
        code, text = answers(RUN)
        self.assertEqual(code, 0, text)
        self.assertNotIn("DOES NOT HOLD", text)
        self.assertIn("10 spans, 3 of them nodes", text)
        self.assertIn("a with b", text)
        self.assertIn("secret in output (rule secret.key)", text)
        self.assertIn("what followed: meshflow.node fallback", text)
        self.assertIn("no, it went on", text)

    def test_the_tree_indents_children_under_their_parent(self):
        _, text = answers(RUN)
        lines = [line for line in text.splitlines() if "meshflow." in line]
        self.assertTrue(lines[0].startswith("  meshflow.run "))
        self.assertTrue(any(line.startswith("      meshflow.agent a a-agent ") for line in lines))

    def test_a_second_trace_id(self):
        self.assert_not(RUN.replace(TRACE, TRACE[::-1], 1), "all 10 spans share")

    def test_an_id_used_twice(self):
        self.assert_not(RUN.replace(f"span_id     : {10:016x}", f"span_id     : {9:016x}"), "every span_id is unique")

    def test_a_parent_that_is_missing(self):
        self.assert_not(RUN.replace(f"parent_span_id: {8:016x}", f"parent_span_id: {99:016x}"), "every span but the root")

    def test_a_root_that_does_not_end_last(self):
        self.assert_not(RUN.replace("duration_ms : 70", "duration_ms : 60"), "the root, meshflow.run")

    def test_nodes_one_after_the_other(self):
        self.assert_not(RUN.replace("start_ms    : 2\n  duration_ms : 61", "start_ms    : 52\n  duration_ms : 10"),
                        "nodes that ran in parallel")

    def test_a_total_that_is_off_by_the_last_digit(self):
        self.assert_not(RUN.replace("0.2000000001", "0.2"), "cost_usd: 0.2 =")

    def test_a_block_without_its_reason(self):
        self.assert_not(RUN.replace("  rule_id     : secret.key\n", ""), "what triggered it")

    def test_a_block_that_nothing_follows(self):
        self.assert_not(RUN.replace(f"span {6:016x}", f"span {4:016x}"), "what followed")

    def test_no_block_at_all(self):
        self.assert_not(RUN.replace("verdict     : blocked", "verdict     : allowed"), "there is one")

    def test_an_attribute_missing_on_one_span(self):
        self.assert_not(RUN.replace("  compliance  : none\n", ""), "compliance is on every run")

    def test_a_type_missing(self):
        self.assert_not(RUN.replace("meshflow.tool", "other"), "the seven types")

    def test_output_without_spans(self):
        self.assertEqual(answers("nothing\n")[0], 1)


if __name__ == "__main__":
    unittest.main()
