"""The spans in OTLP bytes, read by the protocol's field numbers alone: an independent witness of what was sent."""

import struct
from dataclasses import dataclass, field

KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
STATUS = {0: "UNSET", 1: "OK", 2: "ERROR"}


@dataclass
class Span:
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    name: str = ""
    kind: str = ""
    start_nanos: int = 0
    end_nanos: int = 0
    attributes: dict = field(default_factory=dict)
    events: list = field(default_factory=list)  # (name, time in nanoseconds, attributes)
    links: list = field(default_factory=list)   # (trace id, span id)
    status: str = "UNSET"
    status_message: str = ""


def fields(data):
    """(number, value) of each field of a message; lengths give bytes, the rest integers."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        wire_type = tag & 7
        if wire_type == 0:
            yield tag >> 3, varint()
        elif wire_type == 2:
            size = varint()
            yield tag >> 3, data[at:at + size]
            at += size
        else:
            size = {1: 8, 5: 4}[wire_type]
            yield tag >> 3, int.from_bytes(data[at:at + size], "little")
            at += size


def any_value(data):
    for number, value in fields(data):
        if number == 1:
            return value.decode()
        if number == 2:
            return value != 0
        if number == 3:
            return value - (1 << 64) if value >> 63 else value
        if number == 4:
            return struct.unpack("<d", value.to_bytes(8, "little"))[0]
        if number == 5:
            return [any_value(element) for inner, element in fields(value) if inner == 1]
        if number == 6:
            return dict(key_value(pair) for inner, pair in fields(value) if inner == 1)
        return value
    return None


def key_value(data):
    parts = dict(fields(data))
    return parts[1].decode(), any_value(parts.get(2, b""))


def event(data):
    parts = list(fields(data))
    single = dict(parts)
    return single.get(2, b"").decode(), single.get(1, 0), dict(key_value(value) for number, value in parts if number == 3)


def span(data):
    read = Span()
    for number, value in fields(data):
        if number == 1:
            read.trace_id = value.hex()
        elif number == 2:
            read.span_id = value.hex()
        elif number == 4:
            read.parent_span_id = value.hex()
        elif number == 5:
            read.name = value.decode()
        elif number == 6:
            read.kind = KINDS.get(value, "")
        elif number == 7:
            read.start_nanos = value
        elif number == 8:
            read.end_nanos = value
        elif number == 9:
            key, attribute = key_value(value)
            read.attributes[key] = attribute
        elif number == 11:
            read.events.append(event(value))
        elif number == 13:
            link = dict(fields(value))
            read.links.append((link[1].hex(), link[2].hex()))
        elif number == 15:
            status = dict(fields(value))
            read.status = STATUS[status.get(3, 0)]
            read.status_message = status.get(2, b"").decode()
    return read


def spans_of_request(data):
    """Of an ExportTraceServiceRequest."""
    for number, resource_spans in fields(data):
        if number != 1:
            continue
        for inner, scope_spans in fields(resource_spans):
            if inner != 2:
                continue
            yield from (span(value) for field_number, value in fields(scope_spans) if field_number == 2)
