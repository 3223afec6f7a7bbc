"""Compares our OTLP with the published schema's, both ways, over generated traces.

usage: otlp_oracle.py --tool PROGRAM --venv FOLDER

Installs the PyPI package opentelemetry-proto into FOLDER when it is not there yet. Then: Google's protobuf reads what we
write and writes the same bytes again; we read what it writes, canonical or not, as protobuf and as OTLP/JSON.
"""

import argparse
import difflib
import itertools
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

PACKAGE = "opentelemetry-proto>=1.45,<2"
COUNT = 400


def enter_venv(folder: Path) -> None:
    """Runs this script again inside the environment, which is made first where it is missing."""
    python = folder / "bin" / "python"
    if Path(sys.prefix).resolve() == folder.resolve():
        return
    ready = folder / "ready"
    if not ready.exists() or ready.read_text() != PACKAGE:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE], check=True)
        ready.write_text(PACKAGE)
    os.execv(python, [str(python), *sys.argv])


class Tool:
    """Our side: otlp_oracle_tool."""

    def __init__(self, program: str) -> None:
        self.program = program

    def run(self, *arguments: str, frames: list[bytes] = ()) -> list[tuple[bytes, bytes]]:
        """What the tool writes for the frames, as pairs of protobuf and JSON."""
        sent = b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
        done = subprocess.run([self.program, *arguments], input=sent, stdout=subprocess.PIPE, timeout=120, check=True)
        received, at = [], 0
        while at < len(done.stdout):
            (size,) = struct.unpack_from("<I", done.stdout, at)
            received.append(done.stdout[at + 4 : at + 4 + size])
            at += 4 + size
        return list(zip(received[::2], received[1::2], strict=True))


ID_KEYS = {"traceId", "spanId", "parentSpanId"}


def with_ids(node, convert):
    """A JSON tree with every id converted: OTLP/JSON has hex where protobuf's JSON has base64."""
    if isinstance(node, list):
        return [with_ids(element, convert) for element in node]
    if isinstance(node, dict):
        return {key: convert(value) if key in ID_KEYS else with_ids(value, convert) for key, value in node.items()}
    return node


def check(holds: bool, what: str, ours="", theirs="") -> None:
    if holds:
        return
    print(f"differs: {what}")
    lines = difflib.unified_diff(str(ours).splitlines(), str(theirs).splitlines(), "ours", "theirs", lineterm="")
    print("\n".join(line[:300] for line in itertools.islice(lines, 60)))
    sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True)
    parser.add_argument("--venv", required=True, type=Path)
    arguments = parser.parse_args()
    enter_venv(arguments.venv)

    import base64
    import json

    from google.protobuf import json_format
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

    def to_hex(text: str) -> str:
        return base64.b64decode(text).hex()

    def to_base64(text: str) -> str:
        return base64.b64encode(bytes.fromhex(text)).decode()

    def message_of_json(text: bytes):
        tree = with_ids(json.loads(text), to_base64)
        return json_format.ParseDict(tree, TracesData())

    def json_of_message(message, **options) -> bytes:
        tree = json_format.MessageToDict(message, use_integers_for_enums=True, **options)
        return json.dumps(with_ids(tree, to_hex)).encode()

    class Generator:
        """Traces built by the schema's own classes; `draw` decides everything."""

        def __init__(self, seed: int) -> None:
            self.draw = random.Random(seed)

        def text(self) -> str:
            return "".join(self.draw.choices(["a", "key.", "ü", "🙂", "\x00", "\n", '"', "\\", "\u2028"], k=self.draw.randrange(6)))

        def count32(self) -> int:
            return self.draw.choice([0, 1, 127, 128, 2**31, 2**32 - 1])

        def time(self) -> int:
            return self.draw.choice([0, 1, 1_700_000_000_123_456_789, 2**63, 2**64 - 1])

        def value(self, depth: int = 0) -> AnyValue:
            kind = self.draw.randrange(8 if depth < 3 else 6)
            value = AnyValue()
            if kind == 1:
                value.string_value = self.text()
            elif kind == 2:
                value.bool_value = self.draw.random() < 0.5
            elif kind == 3:
                value.int_value = self.draw.choice([0, 1, -1, 2**63 - 1, -(2**63), self.draw.getrandbits(62)])
            elif kind == 4:
                value.double_value = self.draw.choice(
                    [0.0, -0.0, 0.1, 1e300, 5e-324, float("inf"), float("-inf"), self.draw.gauss(0, 1e6)]
                )
            elif kind == 5:
                value.bytes_value = self.draw.randbytes(self.draw.randrange(9))
            elif kind == 6:
                value.array_value.SetInParent()
                value.array_value.values.extend(self.value(depth + 1) for _ in range(self.draw.randrange(4)))
            elif kind == 7:
                value.kvlist_value.SetInParent()
                value.kvlist_value.values.extend(self.attributes(depth + 1))
            return value

        def attributes(self, depth: int = 0) -> list[KeyValue]:
            return [KeyValue(key=self.text(), value=self.value(depth)) for _ in range(self.draw.randrange(4))]

        def id(self, size: int) -> bytes:
            return b"\x01" + self.draw.randbytes(size - 1)

        def span(self) -> Span:
            span = Span(
                trace_id=self.id(16),
                span_id=self.id(8),
                parent_span_id=self.draw.choice([b"", self.id(8)]),
                trace_state=self.text(),
                flags=self.count32(),
                name=self.text(),
                kind=self.draw.randrange(6),
                start_time_unix_nano=self.time(),
                end_time_unix_nano=self.time(),
                attributes=self.attributes(),
                dropped_attributes_count=self.count32(),
                dropped_events_count=self.count32(),
                dropped_links_count=self.count32(),
            )
            for _ in range(self.draw.randrange(3)):
                span.events.add(
                    time_unix_nano=self.time(), name=self.text(), attributes=self.attributes(),
                    dropped_attributes_count=self.count32(),
                )
            for _ in range(self.draw.randrange(3)):
                span.links.add(
                    trace_id=self.id(16), span_id=self.id(8), trace_state=self.text(), attributes=self.attributes(),
                    dropped_attributes_count=self.count32(), flags=self.count32(),
                )
            if self.draw.random() < 0.5:
                span.status.message = self.text()
                span.status.code = self.draw.randrange(3)
            return span

        def request(self) -> ExportTraceServiceRequest:
            request = ExportTraceServiceRequest()
            for _ in range(self.draw.randrange(3)):
                resource_spans = request.resource_spans.add(schema_url=self.text())
                resource_spans.resource.attributes.extend(self.attributes())
                resource_spans.resource.dropped_attributes_count = self.count32()
                for _ in range(self.draw.randrange(3)):
                    scope_spans = resource_spans.scope_spans.add(schema_url=self.text())
                    scope_spans.scope.name = self.text()
                    scope_spans.scope.version = self.text()
                    scope_spans.scope.attributes.extend(self.attributes())
                    scope_spans.spans.extend(self.span() for _ in range(self.draw.randrange(4)))
            return request

    tool = Tool(arguments.tool)
    spans = 0

    # What we write, they read; their bytes for it are ours, and the JSON form means the same.
    for ours, our_json in tool.run("generate", str(COUNT)):
        message = TracesData.FromString(ours)
        theirs = message.SerializeToString(deterministic=True)
        check(theirs == ours, "their bytes for what we encoded", ours.hex(" "), theirs.hex(" "))
        check(message_of_json(our_json) == message, "their reading of our JSON", message_of_json(our_json), message)
        spans += sum(len(scope.spans) for resource in message.resource_spans for scope in resource.scope_spans)

    # What they write, we read: the same message comes back, whichever form it took.
    requests = [Generator(seed).request() for seed in range(COUNT)]
    canonical = [request.SerializeToString() for request in requests]
    unknown = bytes.fromhex("a00607" "a206026869")  # field 100, as a varint and as a string
    unusual = [unknown + encoded + unknown for encoded in canonical]
    forms = [
        ("protobuf", "their protobuf", canonical),
        ("protobuf", "their protobuf with unknown fields", unusual),
        ("json", "their JSON", [json_of_message(request) for request in requests]),
        ("json", "their JSON with every default", [
            json_of_message(request, always_print_fields_with_no_presence=True) for request in requests]),
    ]
    for command, what, frames in forms:
        answers = tool.run(command, frames=frames)
        check(len(answers) == COUNT, f"the number of answers to {what}")
        for request, (ours, our_json) in zip(requests, answers, strict=True):
            normal = TracesData.FromString(request.SerializeToString())
            # We leave out what is empty, so emptiness is compared after the same rule.
            for resource in normal.resource_spans:
                if not resource.resource.ByteSize():
                    resource.ClearField("resource")
                for scope in resource.scope_spans:
                    if not scope.scope.ByteSize():
                        scope.ClearField("scope")
                    for span in scope.spans:
                        if not span.status.ByteSize():
                            span.ClearField("status")
            check(TracesData.FromString(ours) == normal, f"our reading of {what}", TracesData.FromString(ours), normal)
            check(message_of_json(our_json) == normal, f"our JSON for {what}", message_of_json(our_json), normal)
        spans += sum(len(scope.spans) for request in requests for resource in request.resource_spans
                     for scope in resource.scope_spans)
    print(f"{spans} spans compared")


if __name__ == "__main__":
    main()
