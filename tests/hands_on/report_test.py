"""`meshflow report` after the lesson's program: its answers are those computed from what the program printed.

usage: report_test.py MESHFLOW PROGRAM...
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal

from lesson import answers

MESHFLOW, PROGRAM = sys.argv[1], sys.argv[2:]
RUNS = 3


def nearest_rank(values, quantile):
    values = sorted(values)
    return values[math.ceil(quantile * len(values)) - 1]


class ReportOfTheLesson(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.runs = []
        with tempfile.TemporaryDirectory() as folder:
            environment = {name: value for name, value in os.environ.items() if not name.startswith(("MESHFLOW_", "OTEL_"))}
            environment.update({"MESHFLOW_MOCK": "1", "XDG_DATA_HOME": folder})

            def run(*command):
                return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True).stdout

            for number in range(RUNS):
                cls.runs.append(answers.parse(run(*PROGRAM, "--task", f"Should we open shop number {number}?")))
            cls.report = json.loads(run(MESHFLOW, "report", "--json"))
            cls.text = run(MESHFLOW, "report")

    def spans(self, kind):
        return [span for run in self.runs for span in run if span.kind == kind]

    def billionths(self, kind, key):
        return [int(Decimal(span[key]).scaleb(9)) for span in self.spans(kind)]

    def test_p95_latency_per_role(self):
        by_role = {}
        for span in self.spans("agent"):
            by_role.setdefault(span["role"], []).append(Decimal(span["duration_ms"]))
        self.assertEqual({row["role"] for row in self.report["latency_by_role"]}, set(by_role))
        for row in self.report["latency_by_role"]:
            self.assertEqual(row["now"]["spans"], len(by_role[row["role"]]))
            # The console rounds to microseconds.
            self.assertAlmostEqual(row["now"]["p95_ns"] / 1e6, float(nearest_rank(by_role[row["role"]], 0.95)), delta=0.001)

    def test_cost_per_run(self):
        costs = self.billionths("run", "cost_usd")
        cost = self.report["cost"]
        self.assertEqual((cost["runs"], cost["total_nano_usd"], cost["max_nano_usd"], cost["p50_nano_usd"]),
                         (RUNS, sum(costs), max(costs), nearest_rank(costs, 0.5)))
        self.assertEqual(cost["over_limit"], sum(1 for one in costs if one > 10_000_000))
        self.assertEqual([run["cost_nano_usd"] for run in self.report["expensive_runs"]],
                         sorted((one for one in costs if one > 10_000_000), reverse=True))

    def test_tokens_by_workflow_version(self):
        (row,) = self.report["tokens_by_version"]
        self.assertEqual((row["workflow"], row["version"]), ("lesson_18", "1"))
        self.assertEqual(row["now"]["tokens"], sum(int(span["total_tokens"]) for span in self.spans("run")))
        # Exactly what the agents used.
        self.assertEqual(row["now"]["tokens"], sum(int(span["tokens"]) for span in self.spans("agent")))

    def test_carbon_per_variant(self):
        (row,) = self.report["carbon_by_variant"]
        self.assertEqual((row["variant"], row["now"]["runs"]), ("lesson_18 1", RUNS))
        self.assertEqual(row["now"]["nanograms"], sum(self.billionths("run", "carbon_g")))

    def test_blocked_spans_by_rule(self):
        blocked = [span for span in self.spans("agent") if span["verdict"] == "blocked"]
        self.assertEqual([(row["rule"], row["now"]["spans"], row["now"]["runs"]) for row in self.report["blocked_by_rule"]],
                         [(blocked[0]["rule_id"], len(blocked), RUNS)])

    def test_the_text_has_all_of_them(self):
        for title in ("p95 latency per agent role", "Cost per run", "Tokens by workflow version",
                      "Carbon per pipeline variant", "Blocked spans by rule"):
            self.assertIn(f"\n{title}\n", self.text)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
