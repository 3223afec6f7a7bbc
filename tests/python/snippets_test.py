"""What the lesson shows as Python runs as it stands there."""

import asyncio
import contextlib
import io
import re
import subprocess
import sys
import textwrap
import unittest
from pathlib import Path

import meshflow
from meshflow import Mesh, MeshFlow, MeshFlowError, Policy

# Sections 3, 4, 6 and exercise 5, word for word.
CONSOLE_POLICY = """
policy = Policy(
telemetry_console=True, # print spans to stdout
)
"""
RUN = "result = await mesh.run(task)"
OTLP_POLICY = """
policy = Policy(
telemetry_otlp_endpoint="http://localhost:4318",
telemetry_otlp_protocol="http/protobuf", # or "grpc"
)
"""
PRINT_TRACE_ID = """
result = await mesh.run(task)
print(result.trace_id) # e.g. "4a8f2b1c9d3e7f2a..."
"""
EXPORTING_APP = """
app = MeshFlow(
    telemetry_otlp_endpoint="http://localhost:4318/v1/traces"
)
"""


def ran(snippet, **names):
    """The names after `snippet` has run, awaits included."""
    scope = {"Policy": Policy, "MeshFlow": MeshFlow, **names}
    body = textwrap.indent(snippet, "    ")
    exec(f"async def main():\n{body}\n    return locals()\n", scope)
    return asyncio.run(scope["main"]())


class SnippetsTest(unittest.TestCase):
    def test_console_telemetry(self):
        self.assertIs(ran(CONSOLE_POLICY)["policy"].telemetry_console, True)

    def test_otlp_endpoint_and_protocol(self):
        policy = ran(OTLP_POLICY)["policy"]
        self.assertEqual((policy.telemetry_otlp_endpoint, policy.telemetry_otlp_protocol), ("http://localhost:4318", "http/protobuf"))
        self.assertEqual(ran(OTLP_POLICY.replace('"http/protobuf"', '"grpc"'))["policy"].telemetry_otlp_protocol, "grpc")

    def test_an_app_that_exports(self):
        self.assertEqual(ran(EXPORTING_APP)["app"].policy.telemetry_otlp_endpoint, "http://localhost:4318/v1/traces")

    def test_a_run_and_its_trace_id(self):
        result = ran(RUN, mesh=Mesh(), task="a task")["result"]
        self.assertEqual(result.status, "completed")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            ran(PRINT_TRACE_ID, mesh=Mesh(), task="a task")
        self.assertTrue(re.fullmatch(r"[0-9a-f]{32}\n", printed.getvalue()))

    def test_the_documentation_of_the_module(self):
        example = textwrap.dedent(meshflow.__doc__.partition("\n\n")[2]).replace("asyncio.run(main())", "")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            scope = {}
            exec(example.replace("telemetry_console=True", "telemetry_console=False"), scope)
            asyncio.run(scope["main"]())
        self.assertTrue(re.fullmatch(r"[0-9a-f]{32}\n", printed.getvalue()))

    def test_the_page_in_the_documentation(self):
        page = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
        example = page.partition("```python\n")[2].partition("```")[0]
        done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout.splitlines()[-1], r"^[0-9a-f]{32} completed 0\.\d+ \d+$")

    def test_errors_have_their_parts(self):
        try:
            Policy(budget_us=1)
        except MeshFlowError as error:
            self.assertIn("budget_us", error.message)
            self.assertIn("budget_usd", error.hint)
            self.assertIsNone(error.position)


if __name__ == "__main__":
    unittest.main()
