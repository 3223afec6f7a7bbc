"""A real Jaeger 1.48 for tests: installed once with go, started on free loopback ports, asked over HTTP."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
PACKAGE = "github.com/jaegertracing/jaeger/cmd/all-in-one@v1.48.0"
BINARY = BUILD / "interop" / "bin" / "all-in-one"
START_S = 60
ARRIVAL_S = 15


def say(text):
    print(f"   {text}", flush=True)


class Differences:
    def __init__(self):
        self.count = 0

    def check(self, holds, what):
        if not holds:
            self.count += 1
            print(f"   DIFFERS: {what}", flush=True)
        return holds


def install():
    if BINARY.exists():
        return
    if shutil.which("go") is None:
        sys.exit("go is not installed; Jaeger is built with it (go 1.20 or newer)")
    say(f"installing Jaeger into build/interop/bin: go install {PACKAGE} (some minutes, once)")
    BINARY.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "install", PACKAGE], env=dict(os.environ, GOBIN=str(BINARY.parent), GOFLAGS="-mod=mod"), check=True)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Jaeger:
    """A Jaeger of this test's own, with traces in memory. Ends with the block."""

    LISTENERS = {
        "admin": "--admin.http.host-port",
        "otlp_http": "--collector.otlp.http.host-port",
        "otlp_grpc": "--collector.otlp.grpc.host-port",
        "query": "--query.http-server.host-port",
        "query_grpc": "--query.grpc-server.host-port",
        "collector": "--collector.http-server.host-port",
        "collector_grpc": "--collector.grpc-server.host-port",
        "agent": "--http-server.host-port",
        "compact": "--processor.jaeger-compact.server-host-port",
        "binary": "--processor.jaeger-binary.server-host-port",
        "zipkin": "--processor.zipkin-compact.server-host-port",
    }

    def __enter__(self):
        self.port = dict(zip(self.LISTENERS, free_ports(len(self.LISTENERS))))
        arguments = [f"{flag}=127.0.0.1:{self.port[name]}" for name, flag in self.LISTENERS.items()]
        environment = dict(os.environ, COLLECTOR_OTLP_ENABLED="true", SPAN_STORAGE_TYPE="memory")
        self.log = open(BUILD / "interop" / "jaeger.log", "wb")
        self.process = subprocess.Popen([str(BINARY), *arguments, f"--reporter.grpc.host-port=127.0.0.1:{self.port['collector_grpc']}"],
                                        stdout=self.log, stderr=subprocess.STDOUT, env=environment)
        try:
            self.await_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def await_ready(self):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"Jaeger ended with {self.process.returncode}; see build/interop/jaeger.log")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port['admin']}/", timeout=5).close()
                return
            except OSError:  # not yet: refused, or 503
                time.sleep(0.1)
        sys.exit(f"Jaeger was not ready within {START_S} s; see build/interop/jaeger.log")

    def get(self, path, **query):
        url = f"http://127.0.0.1:{self.port['query']}/api/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"] or []
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise

    def search(self, tags, **query):
        """The ids of the traces with a span that has all of the tags."""
        found = self.get("traces", service="meshflow", limit=1000, tags=json.dumps(tags), **query)
        return sorted(trace["traceID"] for trace in found)

    def spans_of(self, trace_id, at_least):
        """What the API has of the trace, once `at_least` spans of it have arrived or the time is over."""
        deadline = time.monotonic() + ARRIVAL_S
        while True:
            traces = self.get(f"traces/{trace_id}")
            spans = traces[0]["spans"] if traces else []
            if len(spans) >= at_least or time.monotonic() > deadline:
                return spans
            time.sleep(0.05)
