"""Which nodes a run has and how work flows between them."""

from __future__ import annotations

import os
from typing import NamedTuple

from . import _meshflow
from ._policy import Policy


class Problem(NamedTuple):
    """What keeps a workflow from running ("error"), or is probably not meant ("warning")."""

    severity: str
    message: str
    file: str
    line: int
    column: int
    text: str

    def __str__(self):
        return self.text


class Workflow:
    """A graph of nodes, from a YAML file or built here. Nothing is checked before `check`, or a run.

        flow = Workflow("review").node("write", agent="writer").node("check", role="critic").edge("write", "check")
    """

    __slots__ = ("_graph",)

    def __init__(self, name="workflow", version="1"):
        self._graph = _meshflow.Graph(name, version)

    @classmethod
    def from_file(cls, path):
        """From a YAML file; errors carry file, line and column."""
        return cls._of(_meshflow.Graph.from_file(os.fspath(path)))

    @classmethod
    def from_yaml(cls, text, file="workflow"):
        """From YAML text; `file` is for messages only."""
        return cls._of(_meshflow.Graph.from_yaml(text, file))

    @classmethod
    def default_team(cls, max_replans=3):
        """planner, researcher, executor, critic."""
        return cls._of(_meshflow.Graph.default_team(max_replans))

    @classmethod
    def _of(cls, graph):
        workflow = cls.__new__(cls)
        workflow._graph = graph
        return workflow

    def node(self, id, kind="agent", *, role="executor", agent=None, model=None, prompt=None, tools=None, arguments=None,
             risk=None, timeout_s=None, retries=None, on_block=None, output_schema=None, subgraph=None, method=None, url=None,
             headers=None, body=None, response_bytes_max=None, command=None, args=None, env=None):
        """Adds a node; fields as in a workflow file. `arguments` and `output_schema` may be dicts, a `body` what JSON can say."""
        given = {
            "id": id, "kind": kind, "role": role, "agent": agent, "model": model, "prompt": prompt,
            "tools": None if tools is None else list(tools), "arguments": _json(arguments), "risk": risk,
            "timeout_s": timeout_s, "retries": retries, "on_block": on_block, "output_schema": _json(output_schema),
            "subgraph": subgraph._graph if isinstance(subgraph, Workflow) else subgraph, "method": method, "url": url,
            "headers": None if headers is None else dict(headers), "body": _json(body), "body_is_json": not isinstance(body, str),
            "response_bytes_max": response_bytes_max, "command": command, "args": None if args is None else list(args),
            "env": None if env is None else dict(env),
        }
        self._graph.node({name: value for name, value in given.items() if value is not None})
        return self

    def tool_server(self, name, *, command=None, args=None, env=None, url=None, headers=None, risk=None, timeout_s=None):
        """Adds a Model Context Protocol server whose tools agents may use: as `NAME`, or one of them as `NAME__TOOL`."""
        given = {
            "name": name, "command": command, "args": None if args is None else list(args),
            "env": None if env is None else dict(env), "url": url, "headers": None if headers is None else dict(headers),
            "risk": risk, "timeout_s": timeout_s,
        }
        self._graph.tool_server({name: value for name, value in given.items() if value is not None})
        return self

    def edge(self, start, end, when=""):
        """From `start` to `end`, where `when` (a condition over the outputs; empty: always) holds."""
        self._graph.edge(start, end, when)
        return self

    def loop(self, start, end, *, until="", max_iterations):
        """After `start` back to `end`, until the condition holds, at most `max_iterations` passes."""
        self._graph.loop(start, end, until, max_iterations)
        return self

    def entry(self, node_id):
        self._graph.entry(node_id)
        return self

    def terminal(self, node_id):
        """Its output is (part of) the run's output."""
        self._graph.terminal(node_id)
        return self

    def check(self):
        """All problems, in the order of their position."""
        return [Problem(*problem) for problem in self._graph.check()]

    @property
    def name(self):
        return self._graph.name

    @property
    def version(self):
        return self._graph.version

    @property
    def source_path(self):
        """The file that it was read from; empty when built in code."""
        return self._graph.source_path

    @property
    def node_ids(self):
        return self._graph.node_ids

    @property
    def policy(self):
        """What the file's `policy` map said, over the defaults; None if it had none."""
        fields = self._graph.policy
        return None if fields is None else Policy._of(fields)

    def __repr__(self):
        return f"<Workflow {self.name} version {self.version}: {', '.join(self.node_ids)}>"


def _json(value):
    if value is None or isinstance(value, str):
        return value
    import json
    return json.dumps(value)
