"""The two programs of the lesson run the same pipeline: twins_test.py CPP PYTHON SCRIPT."""

import sys
import unittest
from collections import Counter

from lesson import Output

CPP, PYTHON = [sys.argv[1]], sys.argv[2:]


def shape(run):
    """Names and places of the spans, without ids and times."""
    by_id = {span["span_id"]: span for span in run.spans}
    return Counter((span.title(), by_id[span["parent_span_id"]].title() if span["parent_span_id"] else "", span["verdict"],
                    span["gate_result"], span["cost_usd"], span["tokens"]) for span in run.spans)


class TwinsTest(unittest.TestCase):
    def test_spans_figures_and_summary_are_the_same(self):
        cpp, python = Output(CPP), Output(PYTHON)
        self.assertEqual(shape(cpp), shape(python))
        ids = ("run_id", "trace_id")
        self.assertEqual({key: value for key, value in cpp.summary.items() if key not in ids},
                         {key: value for key, value in python.summary.items() if key not in ids})

    def test_keys_stand_in_the_same_order(self):
        cpp, python = Output(CPP), Output(PYTHON)
        self.assertEqual(list(cpp.root.values), list(python.root.values))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
