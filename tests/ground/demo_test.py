"""./dev demo ends with the backend up and the lesson's run in it, and Ctrl-C ends it cleanly.

usage: demo_test.py BUILD_FOLDER
"""

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

BUILD = Path(sys.argv[1])
ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT_S = 240


class Demo:
    """./dev demo on a terminal of its own."""

    def __init__(self, data):
        self.output = ""
        environment = {**os.environ, "MESHFLOW_DATA": data, "MESHFLOW_INSTALL": "off", "DISPLAY": "", "WAYLAND_DISPLAY": ""}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execve("./dev", ["./dev", "demo"], environment)

    def read_until(self, text):
        deadline = time.monotonic() + LIMIT_S
        while text not in self.output and time.monotonic() < deadline:
            if not select.select([self.terminal], [], [], 1)[0]:
                continue
            try:
                self.output += os.read(self.terminal, 65536).decode(errors="replace").replace("\r\n", "\n")
            except OSError:
                break
        assert text in self.output, self.output

    def interrupt(self):
        os.write(self.terminal, b"\x03")
        self.read_until("stopping")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class DemoTest(unittest.TestCase):
    def test_the_run_is_shown_and_ctrl_c_ends_it(self):
        with tempfile.TemporaryDirectory() as data, socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", 3200))
                taken.listen()
            except OSError:
                pass  # taken by somebody else: as good
            demo = Demo(data)
            demo.read_until("== Ctrl-C ends the server")
            self.assertIn("port 3200 is taken by another program: tempo takes a free one", demo.output)
            trace = re.search(r"^trace_id *: ([0-9a-f]{32})$", demo.output, re.MULTILINE).group(1)
            jaeger = re.search(r"^listening jaeger (\S+)$", demo.output, re.MULTILINE).group(1)
            self.assertIn(f"== the trace: http://{jaeger}/trace/{trace}\n", demo.output)

            shown = subprocess.run([BUILD / "bin" / "meshflow", "traces", "show", "last"], capture_output=True, text=True,
                                   check=True, env={**os.environ, "MESHFLOW_DATA": data}).stdout
            self.assertTrue(shown.startswith(f"trace {trace}  run_"), shown)
            self.assertIn("blocked: the guardian's rule pii.card found something in the output", shown)
            self.assertIn("; followed by redact", shown)

            def ask(path):
                with urllib.request.urlopen(f"http://{jaeger}{path}", timeout=20) as answer:
                    return json.load(answer)["data"]

            self.assertEqual([each["traceID"] for each in ask(f"/api/traces/{trace}")], [trace])
            tags = urllib.parse.quote(json.dumps({"meshflow.verdict": "blocked"}))
            found = ask(f"/api/traces?service=meshflow&tags={tags}")
            self.assertEqual([each["traceID"] for each in found], [trace])
            with urllib.request.urlopen(f"http://{jaeger}/trace/{trace}", timeout=20) as page:
                self.assertEqual(page.status, 200)

            self.assertEqual(demo.interrupt(), 0, demo.output)
            self.assertFalse(Path(data, "serve.sock").exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
