"""The entry point: agents under a policy, each run a trace."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import NamedTuple, Optional

from . import _meshflow
from ._context import AsyncContext, Context
from ._errors import InvalidValueError, MeshFlowError
from ._policy import Policy
from ._workflow import Workflow


class AgentReply(NamedTuple):
    """What an agent may return instead of a text. Without an uncertainty it is the largest of its model calls."""

    output: str
    uncertainty: Optional[float] = None


class Decision(NamedTuple):
    """What an approver may return instead of True or False."""

    approved: bool
    by: str = ""
    note: str = ""


def mock_model(latency_ms=(0, 0)):
    """A model without network: the same request gives the same answer, tokens and cost. It takes between
    latency_ms[0] and latency_ms[1] milliseconds, a function of the request."""
    return _meshflow.mock_model(*latency_ms)


class Mesh:
    """Runs agents under a policy. Safe to use from several threads and event loops at once.

    model     what answers model calls: mock_model(...), or an object with a name, a default_model and
              complete(request, ctx), plain or async, that gives a ModelAnswer for a ModelRequest; by default the
              environment chooses (MESHFLOW_MOCK=1, ...)
    approver  called with a PendingRequest in place of a person; returns True, False, a Decision, or None: a person decides
    threads   of the scheduler; 0: as many as the machine has cores
    """

    def __init__(self, policy=None, *, model=None, approver=None, threads=0):
        if policy is None:
            policy = Policy()
        if not isinstance(policy, Policy):
            raise InvalidValueError("invalid_argument", f"a mesh takes a Policy, not {type(policy).__name__}",
                                    "Mesh(Policy(budget_usd=1)), or MeshFlow(budget_usd=1)")
        if approver is not None and _is_coroutine_function(approver):
            raise InvalidValueError("invalid_argument", "an approver is a plain function, not a coroutine function")
        self.policy = policy.replace()
        self._functions = {}
        self._tool_descriptions = {}
        self._approver = approver
        self._has_run = False
        if model is not None and not isinstance(model, _meshflow.Model):
            from ._model import Asked, fields_of
            fields = fields_of(model)
            self._functions["model", fields["name"]] = Asked(model)
            model = fields
        self._native = _meshflow.Mesh(self.policy._fields, model, approver is not None, threads)
        _open_meshes.add(self)

    # --- Agents and tools -----------------------------------------------------------------------------------------------

    def add_agent(self, id, role="executor", fn=None, *, prompt="", model="", tools=(), description="", version=""):
        """Before the first run. Registers an agent: `fn(ctx)`, plain or async, gives its text or an AgentReply. Without `fn` it asks its model."""
        self._check_not_run("agent", id)
        self._native.add_agent({
            "id": id, "role": role, "prompt": prompt, "model": model, "tools": list(tools), "description": description,
            "version": version, "body": "none" if fn is None else _body_of(fn),
        })
        if fn is not None:
            self._functions["agent", id] = _Agent(fn)
        return self

    def agent(self, id=None, *, role="executor", prompt="", model="", tools=(), description="", version=""):
        """Decorator: registers a function as an agent, by default under its own name."""
        def register(fn):
            name = fn.__name__ if id is None or callable(id) else id
            self.add_agent(name, role, fn, prompt=prompt, model=model, tools=tools,
                           description=description or _first_line(fn), version=version)
            return fn
        return register(id) if callable(id) else register

    def add_tool(self, name, fn, *, risk="read_only", description="", parameters=None):
        """Before the first run. Registers a tool: `fn`, plain or async, is called with its arguments by name, and with the context as `ctx` if it
        has a parameter of that name. It gives a text, or what JSON can say. `parameters`: a JSON Schema; by default made
        from the signature."""
        import json
        self._check_not_run("tool", name)
        body = _body_of(fn)
        tool = _Tool(fn)
        about = description or _first_line(fn)
        schema = parameters if isinstance(parameters, str) else json.dumps(parameters or tool.schema())
        self._native.add_tool({"name": name, "risk": risk, "body": body, "description": about, "parameters_schema": schema})
        self._functions["tool", name] = tool
        self._tool_descriptions[name] = (name, about, schema)
        return self

    def tool(self, name=None, *, risk="read_only", description="", parameters=None):
        """Decorator: registers a function as a tool, by default under its own name."""
        def register(fn):
            own = fn.__name__ if name is None or callable(name) else name
            self.add_tool(own, fn, risk=risk, description=description, parameters=parameters)
            return fn
        return register(name) if callable(name) else register

    # --- Runs -----------------------------------------------------------------------------------------------------------

    async def run(self, task, *, workflow=None, variant="", conversation_id="", headers=None, wait_for_decision=False, on_event=None):
        """Runs `task` and gives its RunResult, whatever became of it; a run that could not start raises MeshFlowError.
        Cancelling what awaits it cancels the run, and every span of it is ended by then.

        workflow           a Workflow, or the path of a YAML file; by default planner, researcher, executor, critic
        variant            a label of this configuration; beats the policy's
        headers            traceparent (and tracestate, baggage) of a trace to continue
        wait_for_decision  stays until a person has decided, instead of returning a paused run
        on_event           called on the event loop with a RunEvent whenever a node begins, ends, is skipped or blocked, ...
        """
        settings = _settings(workflow, variant, conversation_id, headers, wait_for_decision, on_event)
        return await self._await(lambda run: self._native.start(task, settings, run), on_event)

    def run_blocking(self, task, **options):
        """The same for programs without an event loop; it starts one."""
        return _block_on("run", self.run(task, **options))

    async def resume(self, run_id, *, workflow=None, wait_for_decision=False, on_event=None):
        """Continues a decided run, under its run id and trace id. `workflow`: the one it began with, unless from a file."""
        settings = _settings(workflow, "", "", None, wait_for_decision, on_event)
        return await self._await(lambda run: self._native.resume(run_id, settings, run), on_event)

    def resume_blocking(self, run_id, **options):
        return _block_on("resume", self.resume(run_id, **options))

    def pending(self):
        """The requests that wait for a person."""
        return self._native.pending()

    def decide(self, run_id, approved, *, by="", note=""):
        """Records a decision on a paused run; `resume` continues it."""
        self._native.decide(run_id, approved, by, note)

    # --- Telemetry and end ----------------------------------------------------------------------------------------------

    def flush(self, timeout_s=5.0):
        """True once what was recorded has been written or sent; False at the time limit."""
        return self._native.flush(timeout_s)

    def warnings(self):
        """One line for each exporter that dropped something; empty when all went well."""
        return self._native.warnings()

    def close(self):
        """Cancels runs under way, sends what is left and ends the threads. Also done when the last reference goes, and at
        the end of the program."""
        self._native.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _check_not_run(self, kind, name):
        if self._has_run:
            raise MeshFlowError("conflict", f"the {kind} {name} comes too late: this mesh has begun to run", "add it before the first run")

    def _describe_tool(self, name):
        if name not in self._tool_descriptions:
            raise MeshFlowError("not_found", f"no tool is called {name}", ", ".join(sorted(self._tool_descriptions)))
        return self._tool_descriptions[name]

    async def _await(self, start, on_event):
        import asyncio
        sys.stdout.flush()  # what was printed before stands before the run's spans, which are written below Python
        self._has_run = True
        run = _Run(self, asyncio.get_running_loop(), on_event)
        handle = start(run)
        try:
            await asyncio.wait([run.outcome])
        except asyncio.CancelledError:
            handle.cancel()
            await run.ended()
            raise
        except BaseException:
            handle.cancel()
            raise
        return run.result()


class MeshFlow(Mesh):
    """A Mesh whose policy's fields are keyword arguments: MeshFlow(telemetry_console=True)."""

    def __init__(self, *, model=None, approver=None, threads=0, **fields):
        super().__init__(Policy(**fields), model=model, approver=approver, threads=threads)


class _Run:
    """The Python side of one run. The native module calls `call`, `start`, `approve`, `event` and `finished` on its threads."""

    def __init__(self, mesh, loop, on_event):
        from contextvars import copy_context
        self.mesh = mesh
        self.on_event = on_event
        self.loop = loop
        self.outcome = loop.create_future()
        self.variables = copy_context()
        self.tasks = set()
        self.raised = {}

    def on_loop(self, function, *arguments):
        """Has the loop call it; False where the loop is closed."""
        try:
            self.loop.call_soon_threadsafe(function, *arguments, context=self.variables)
        except RuntimeError:
            return False
        return True

    def call(self, kind, name, native):
        try:
            function = self.mesh._functions[kind, name]
            return function.outcome(function.invoke(Context(native, self)))
        except BaseException as error:  # also SystemExit: the thread is not the program's
            return self._failed(kind, name, error)

    def start(self, kind, name, native, end):
        if not self.on_loop(self._begin, kind, name, native, end):
            end.finish(MeshFlowError("cancelled", "the event loop of the run is closed"))

    def _begin(self, kind, name, native, end):
        task = self.loop.create_task(self._drive(kind, name, native, end))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        native.on_cancel(lambda: self.on_loop(task.cancel))

    async def _drive(self, kind, name, native, end):
        try:
            function = self.mesh._functions[kind, name]
            outcome = function.outcome(await function.invoke(AsyncContext(native, self)))
        except BaseException as error:
            outcome = self._failed(kind, name, error)
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                end.finish(outcome)
                raise
        end.finish(outcome)

    def _failed(self, kind, name, error):
        if isinstance(error, MeshFlowError):
            return error
        if type(error).__name__ == "CancelledError":
            return MeshFlowError("cancelled", f"the {kind} {name} was cancelled")
        message = f"the {kind} {name} raised {type(error).__name__}" + (f": {error}" if str(error) else "")
        self.raised[message] = error
        return MeshFlowError("callback_failed", message)

    def approve(self, request):
        try:
            answer = self.mesh._approver(request)
        except BaseException as error:
            return False, "approver", f"raised {type(error).__name__}: {error}"
        if answer is None:
            return None
        if isinstance(answer, bool):
            return answer, "approver", ""
        if isinstance(answer, Decision):
            return tuple(answer)
        return False, "approver", f"gave {answer!r}, which is no decision"

    def event(self, event):
        self.on_loop(self.on_event, event)

    def finished(self, outcome):
        self.on_loop(self._settle, outcome)

    def _settle(self, outcome):
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    async def ended(self):
        """Waits for the end of a cancelled run, which is near; being cancelled once more changes nothing."""
        import asyncio
        while not self.outcome.done():
            try:
                await asyncio.wait([self.outcome])
            except asyncio.CancelledError:
                pass
        if self.tasks:
            await asyncio.wait(set(self.tasks), timeout=1)

    def result(self):
        outcome = self.outcome.result()
        if isinstance(outcome, MeshFlowError):
            raise outcome
        outcome.error = outcome._error
        if outcome.error is not None:
            causes = [error for message, error in self.raised.items() if message in outcome.error.message]
            outcome.error.__cause__ = causes[-1] if causes else None
        return outcome


class _Agent:
    def __init__(self, fn):
        self.fn = fn

    def invoke(self, ctx):
        return self.fn(ctx)

    @staticmethod
    def outcome(given):
        reply = given if isinstance(given, AgentReply) else AgentReply(given)
        if not isinstance(reply.output, str):
            raise TypeError(f"an agent gives a str or an AgentReply, not {type(given).__name__}")
        return reply.output, None if reply.uncertainty is None else float(reply.uncertainty)


class _Tool:
    """A function that is called with arguments from JSON."""

    _JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object",
                   "str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array", "dict": "object"}

    def __init__(self, fn):
        import inspect
        self.fn = fn
        self.signature = inspect.signature(fn)
        self.takes_context = "ctx" in self.signature.parameters

    def invoke(self, ctx):
        import json
        arguments = json.loads(ctx.input or "{}")
        if not isinstance(arguments, dict):
            raise TypeError(f"the arguments of a tool are a JSON object, not {ctx.input[:80]}")
        if self.takes_context:
            arguments["ctx"] = ctx
        self.signature.bind(**arguments)  # names what is missing or too much
        return self.fn(**arguments)

    @staticmethod
    def outcome(given):
        if isinstance(given, str):
            return given, None
        import json
        return json.dumps(given, ensure_ascii=False), None

    def schema(self):
        properties, required, open_ended = {}, [], False
        for name, parameter in self.signature.parameters.items():
            if name == "ctx":
                continue
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                open_ended = True
                continue
            kind = self._JSON_TYPES.get(parameter.annotation)
            properties[name] = {"type": kind} if kind else {}
            if parameter.default is parameter.empty:
                required.append(name)
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": open_ended}


def _is_coroutine_function(fn):
    import inspect
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))


def _first_line(fn):
    return (fn.__doc__ or "").strip().partition("\n")[0]


def _body_of(fn):
    if not callable(fn):
        raise InvalidValueError("invalid_argument", f"{fn!r} cannot be called")
    return "coroutine" if _is_coroutine_function(fn) else "function"


def _settings(workflow, variant, conversation_id, headers, wait_for_decision, on_event):
    if isinstance(workflow, (str, os.PathLike)):
        workflow = Workflow.from_file(workflow)
    if workflow is not None and not isinstance(workflow, Workflow):
        raise InvalidValueError("invalid_argument", f"a workflow is a Workflow or the path of a file, not {type(workflow).__name__}")
    return {"workflow": None if workflow is None else workflow._graph, "variant": variant, "conversation_id": conversation_id,
            "headers": dict(headers or {}), "wait_for_decision": wait_for_decision, "has_listener": on_event is not None}


def _block_on(name, coroutine):
    import asyncio
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    coroutine.close()
    raise MeshFlowError("conflict", f"{name}_blocking would stop the event loop that is running", f"await mesh.{name}(...)")


_open_meshes = weakref.WeakSet()


@atexit.register
def _close_all():
    """While the interpreter can still be entered: the runtime's threads would otherwise meet one that is gone."""
    for mesh in list(_open_meshes):
        mesh.close()
    _meshflow.close_interpreter()
