"""A server under load: started on free ports, its CPU time counted to its very end. For the benchmarks of the backend."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
OUT = BUILD / "bench"
JAEGER = BUILD / "interop" / "bin" / "all-in-one"
START_S = 60
STOP_S = 120


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def machine():
    """What the figures were measured on."""
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    disk = subprocess.run(["df", "--output=source,fstype", OUT], capture_output=True, text=True).stdout.split()[-2:]
    return {"cpu": model.group(1) if model else "unknown", "cores": os.cpu_count(), "disk": " ".join(disk),
            "load": os.getloadavg()[0]}


class Server:
    """A child process; `stop` returns the CPU seconds that it took from its start to its exit, by the operating system."""

    def __init__(self, command, env=None):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=env, text=True)

    def cpu_seconds(self):
        """So far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes_max(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1)) * 1024

    def stop(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        deadline = time.monotonic() + STOP_S
        while time.monotonic() < deadline:
            pid, _, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = 0
                self.process.stdout.close()
                return usage.ru_utime + usage.ru_stime
            time.sleep(0.02)
        self.process.kill()
        raise RuntimeError("the server did not stop")


class MeshFlow(Server):
    """meshflow serve on free ports; `ports` has each listener's by its name."""

    def __init__(self, data, *flags):
        off = [word for name in ("otlp-http", "otlp-grpc", "jaeger", "tempo", "metrics")
               for word in (f"--{name}", "127.0.0.1:0")]
        begin = time.monotonic()
        super().__init__([str(BUILD / "bin" / "meshflow"), "serve", "--data", str(data), *off, *flags])
        self.ports = {}
        for line in self.process.stdout:
            words = line.split()
            if words[:1] == ["listening"]:
                self.ports[words[1]] = int(words[2].rpartition(":")[2])
            if words == ["ready"]:
                break
        else:
            self.log.seek(0)
            sys.exit(f"meshflow serve did not start: {self.log.read().decode()}")
        self.start_seconds = time.monotonic() - begin

    def get(self, listener, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[listener]}{path}", timeout=60) as answer:
            return answer.read()

    def has_trace(self, trace_id):
        try:
            return bool(json.loads(self.get("jaeger", f"/api/traces/{trace_id}"))["data"])
        except urllib.error.HTTPError:
            return False


def install_jaeger():
    """True where the peer is there. go install, once, some minutes."""
    if JAEGER.exists():
        return True
    if shutil.which("go") is None:
        return False
    print("   installing Jaeger into build/interop/bin (some minutes, once)", flush=True)
    JAEGER.parent.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ, GOBIN=str(JAEGER.parent), GOFLAGS="-mod=mod")
    return subprocess.run(["go", "install", "github.com/jaegertracing/jaeger/cmd/all-in-one@v1.48.0"], env=env).returncode == 0


class Jaeger(Server):
    """Jaeger 1.48 all-in-one that stores with badger. Its queue, of 2,000 spans as it comes, would drop most of a load."""

    def __init__(self, data, queue_spans):
        names = ["collector.otlp.grpc.host-port", "collector.otlp.http.host-port", "collector.http-server.host-port",
                 "collector.grpc-server.host-port", "query.http-server.host-port", "query.grpc-server.host-port",
                 "admin.http.host-port", "http-server.host-port", "processor.jaeger-binary.server-host-port",
                 "processor.jaeger-compact.server-host-port", "processor.zipkin-compact.server-host-port"]
        ports = free_ports(len(names))
        env = dict(os.environ, COLLECTOR_OTLP_ENABLED="true", SPAN_STORAGE_TYPE="badger")
        flags = [f"--{name}=127.0.0.1:{port}" for name, port in zip(names, ports)]
        flags += ["--badger.ephemeral=false", f"--badger.directory-key={data}/keys", f"--badger.directory-value={data}/values",
                  f"--collector.queue-size={queue_spans}", "--log-level=error"]
        super().__init__([str(JAEGER), *flags], env=env)
        self.http, self.query, self.admin = ports[1], ports[4], ports[6]
        deadline = time.monotonic() + START_S
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/", timeout=5).read()
                return
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit("Jaeger did not start")
                time.sleep(0.1)


    def dropped_spans(self):
        """Of those that it acknowledged: its queue does not take more than it holds."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=30).read().decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("jaeger_spans_dropped_total"))


def folder_bytes(path):
    return sum(one.stat().st_size for one in Path(path).rglob("*") if one.is_file())


def send(way, where, spans, seed=1):
    """What bench_ingest printed."""
    command = [str(BUILD / "bin" / "bench_ingest"), way, str(where), str(spans), str(seed)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
