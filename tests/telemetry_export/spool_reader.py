#!/usr/bin/env python3
"""Reads a spool directory by docs/spool-format.md alone: an independent check of that page.

usage: spool_reader.py DIRECTORY

Prints a line "frame FILE TYPE HEX" for each frame and, at the end, "damage CORRUPT_BYTES TORN_BYTES UNREADABLE_FILES".
Takes every file for closed.
"""

import struct
import sys
import zlib
from pathlib import Path

PAYLOAD_MAX = 64 * 1024 * 1024


def marker_of(data):
    if len(data) < 32 or data[:8] != b"MFSPOOL\n":
        return None
    version, _begun = struct.unpack_from("<IQ", data, 8)
    (checksum,) = struct.unpack_from("<I", data, 28)
    if version != 1 or checksum != zlib.crc32(data[:28]):
        return None
    return data[20:28]


def frame_at(data, offset, marker):
    """(type, payload, offset after it), or None where there is no whole frame."""
    if len(data) < offset + 24 or data[offset : offset + 8] != marker:
        return None
    length, kind, checksum = struct.unpack_from("<III", data, offset + 8)
    if length > PAYLOAD_MAX or offset + 24 + length > len(data):
        return None
    payload = data[offset + 24 : offset + 24 + length]
    if checksum != zlib.crc32(data[offset + 8 : offset + 16] + payload):
        return None
    return kind, payload, offset + 24 + length


def main(directory):
    corrupt = torn = unreadable = 0
    for path in sorted(Path(directory).glob("*.spool")):
        data = path.read_bytes()
        marker = marker_of(data)
        if marker is None:
            unreadable += 1
            continue
        offset = candidate = 32
        while True:
            frame = frame_at(data, candidate, marker)
            if frame is None:
                candidate = data.find(marker, candidate + 1)
                if candidate < 0:
                    torn += len(data) - offset
                    break
                continue
            kind, payload, end = frame
            corrupt += candidate - offset
            offset = candidate = end
            if kind == 2:
                break
            print("frame", path.name, kind, payload.hex())
    print("damage", corrupt, torn, unreadable)


if __name__ == "__main__":
    main(sys.argv[1])
