#!/usr/bin/env python3
"""A server of the Model Context Protocol over standard streams, with the standard library alone, for tests.

usage: mcp_server.py [--era current|earlier|silent] [--log FILE]

--era: `current` speaks the version without a handshake, `earlier` the one that begins with `initialize`, `silent` too,
but says nothing when asked for what it does not know. --log: each message received, a line each.

Its tools are named after what they do: echo, fail, refuse, silent, die, garbage, huge, flood, ask, environment, count.
"""

import argparse
import json
import os
import sys

TOOLS = ["echo", "fail", "refuse", "silent", "die", "garbage", "huge", "flood", "ask", "environment", "count"]


class Server:
    def __init__(self, era, log):
        self.era = era
        self.log = log
        self.initialized = False
        self.calls = 0

    def write(self, message):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    def answer(self, request, result):
        if self.era == "current":
            result = {"resultType": "complete", **result}
        self.write({"jsonrpc": "2.0", "id": request["id"], "result": result})

    def refuse(self, request, code, message, **more):
        self.write({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message, **more}})

    def handle(self, message):
        method = message.get("method")
        if "id" not in message:
            self.initialized = self.initialized or method == "notifications/initialized"
            return
        if self.era == "current":
            meta = message.get("params", {}).get("_meta", {})
            if meta.get("io.modelcontextprotocol/protocolVersion") != "2026-07-28":
                return self.refuse(message, -32602, "no version in _meta")
            if method == "server/discover":
                return self.answer(message, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
        elif method == "initialize":
            self.write({"jsonrpc": "2.0", "id": "from-server", "method": "ping"})
            return self.answer(message, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}})
        elif not self.initialized:
            if self.era == "earlier":
                self.refuse(message, -32602, "not initialized")
            return
        if method == "tools/list":
            return self.list_tools(message)
        if method == "tools/call":
            return self.call(message, message["params"]["name"], message["params"].get("arguments", {}))
        self.refuse(message, -32601, "no method " + str(method))

    def list_tools(self, message):
        """Two pages."""
        first = "cursor" not in message["params"]
        names = TOOLS[:4] if first else TOOLS[4:]
        result = {"tools": [{"name": name, "description": "does " + name, "inputSchema": {"type": "object"}}
                            for name in names]}
        if first:
            result["nextCursor"] = "2"
        self.answer(message, result)

    def call(self, message, name, arguments):
        self.calls += 1
        text = None
        if name == "echo":
            text = json.dumps({"arguments": arguments, "meta": message["params"].get("_meta", {})})
        elif name == "environment":
            text = json.dumps(dict(os.environ))
        elif name == "count":
            text = f"{os.getpid()} {self.calls}"
        elif name == "fail":
            return self.answer(message, {"content": [{"type": "text", "text": "the disk is full"}], "isError": True})
        elif name == "refuse":
            return self.refuse(message, -32000, "not today")
        elif name == "ask":
            return self.write({"jsonrpc": "2.0", "id": message["id"],
                               "result": {"resultType": "input_required", "inputRequests": {}}})
        elif name == "silent":
            return
        elif name == "die":
            print("first words\ncould not open the database", file=sys.stderr, flush=True)
            sys.exit(3)
        elif name == "garbage":
            print("Listening on stdio…", flush=True)
            return
        elif name == "huge":
            sys.stdout.write('{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % message["id"])
            for _ in range(100):
                sys.stdout.write("x" * 1_000_000)
            sys.stdout.write('"}]}}\n')
            return sys.stdout.flush()
        elif name == "flood":
            while True:
                self.write({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"note": "x" * 10_000}})
        self.answer(message, {"content": [{"type": "text", "text": text}]})

    def run(self):
        for line in sys.stdin:
            if self.log:
                with open(self.log, "a", encoding="utf-8") as log:
                    log.write(line)
            self.handle(json.loads(line))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--era", choices=["current", "earlier", "silent"], default="current")
    parser.add_argument("--log")
    options = parser.parse_args()
    try:
        Server(options.era, options.log).run()
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
