"""Checks a ledger without MeshFlow: python3 ledger_reference.py runs.db

Prints `seq entry_hash` for each entry whose hash and link hold, and exits 1 at the first that does not.
"""

import hashlib
import sqlite3
import sys

FIELDS = [
    ("seq", int), ("time_unix_nanos", int),
    ("run_id", str), ("trace_id", str), ("span_id", str), ("node_id", str), ("kind", str), ("verdict", str), ("reason", str),
    ("cost_nano_usd", int), ("input_tokens", int), ("output_tokens", int), ("cached_tokens", int), ("carbon_nanograms", int),
    ("input_digest", str), ("output_digest", str), ("prev_hash", str),
]


def canonical_bytes(entry):
    out = b"meshflow.ledger" + bytes([1])
    for name, kind in FIELDS:
        if kind is int:
            out += entry[name].to_bytes(8, "big", signed=True)
        else:
            text = entry[name].encode()
            out += len(text).to_bytes(8, "big") + text
    return out


def main(path):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    previous, seq = "0" * 64, 0
    for entry in connection.execute("SELECT * FROM ledger ORDER BY seq"):
        expected = hashlib.sha256(canonical_bytes(entry)).hexdigest()
        if (entry["seq"], entry["prev_hash"], entry["entry_hash"]) != (seq + 1, previous, expected):
            return f"entry {entry['seq']} does not hold"
        previous, seq = expected, entry["seq"]
        print(seq, expected)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
