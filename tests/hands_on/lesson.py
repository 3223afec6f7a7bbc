"""Runs a program of the lesson and reads what it printed."""

import importlib.machinery
import importlib.util
import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load_answers():
    """tools/lesson_answers, the reader of the console's layout, as a module."""
    loader = importlib.machinery.SourceFileLoader("lesson_answers", str(ROOT / "tools" / "lesson_answers"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lesson_answers", loader))
    loader.exec_module(module)
    return module


answers = load_answers()


class Output:
    """What one run of a program gave."""

    def __init__(self, program, *options, **variables):
        with tempfile.TemporaryDirectory() as folder:
            # The settings of whoever runs the tests do not reach the program.
            environment = {name: value for name, value in os.environ.items() if not name.startswith(("MESHFLOW_", "OTEL_"))}
            environment.update({"MESHFLOW_MOCK": "1", "XDG_DATA_HOME": folder, **variables})
            environment = {name: value for name, value in environment.items() if value is not None}
            began = time.monotonic()
            done = subprocess.run([*program, *options], capture_output=True, text=True, env=environment, timeout=60, check=False)
            self.seconds = time.monotonic() - began
            spools = list(Path(folder).glob("meshflow/spool/*"))
            self.spool_bytes = sum(path.stat().st_size for path in spools if path.is_file())
        self.code, self.text, self.errors = done.returncode, done.stdout, done.stderr
        self.spans = answers.parse(self.text)
        self.root = next((span for span in self.spans if span.name == "meshflow.run"), None)
        self.summary = {}
        for line in self.text.rpartition("\n\n")[2].splitlines():
            key, _, value = line.partition(":")
            self.summary[key.strip()] = value.strip()

    def of_kind(self, kind):
        return [span for span in self.spans if span.kind == kind]
