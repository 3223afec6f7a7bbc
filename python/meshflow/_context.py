"""What an agent or a tool sees of its run: Context in plain functions, AsyncContext in coroutines."""

from __future__ import annotations

from ._errors import MeshFlowError


class Span:
    """A context manager: ends the span, with the exception that leaves the block, if one does."""

    __slots__ = ("_native",)

    def __init__(self, native, attributes):
        self._native = native
        for key, value in attributes.items():
            native.set_attribute(key, value)

    @property
    def span_id(self):
        return self._native.span_id

    def set_attribute(self, key, value):
        """bool, int, float, str, or a list of them."""
        self._native.set_attribute(key, value)
        return self

    def add_event(self, name, **attributes):
        self._native.add_event(name, attributes)
        return self

    def headers(self):
        """traceparent and what belongs to it: what another service does then stands below this span."""
        return self._native.headers()

    def end(self):
        """Only the first call counts."""
        self._native.end()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None:
            self._native.fail(kind.__name__, str(error))
        self._native.end()


class _ContextBase:
    """Valid until the function that was given it ends."""

    __slots__ = ("_native", "_run")

    def __init__(self, native, run):
        self._native = native
        self._run = run

    @property
    def run_id(self):
        return self._native.run_id

    @property
    def trace_id(self):
        return self._native.trace_id

    @property
    def node_id(self):
        return self._native.node_id

    @property
    def agent_id(self):
        """Of the agent; for a tool, of its caller."""
        return self._native.agent_id

    @property
    def role(self):
        return self._native.role

    @property
    def task(self):
        """The run's task, or what call_agent was given."""
        return self._native.task

    @property
    def input(self):
        """The outputs of the nodes before this one, joined; for a tool its arguments, as JSON."""
        return self._native.input

    @property
    def is_cancelled(self):
        return self._native.is_cancelled

    def output_of(self, node_id):
        """The output of a node that has run; empty otherwise."""
        return self._native.output_of(node_id)

    def headers(self):
        """traceparent and what belongs to it, for a request to another service."""
        return self._native.headers()

    def start_span(self, name, **attributes):
        """A span of one's own, below that of the agent or tool: `with ctx.start_span("load", rows=5) as span: ...`."""
        return Span(self._native.start_span(name), attributes)

    def _start_model(self, prompt, model, tools, max_tokens, temperature, top_p, done):
        messages = [("user", prompt)] if isinstance(prompt, str) else [(it["role"], it["content"]) for it in prompt]
        described = [self._run.mesh._describe_tool(name) for name in tools]
        self._native.call_model(model, messages, described, max_tokens, temperature, top_p, done)

    def _start_tool(self, name, arguments, done):
        self._native.call_tool(name, _arguments(arguments), done)

    def _start_agent(self, agent_id, task, done):
        self._native.call_agent(agent_id, task, done)


class Context(_ContextBase):
    """For plain functions, which run on a thread of their own: every call waits for its answer."""

    __slots__ = ()

    def call_model(self, prompt, *, model="", tools=(), max_tokens=None, temperature=None, top_p=None):
        """One model call, with its span, price and budget check. `prompt`: text, or messages [{"role", "content"}]."""
        return self._wait(self._start_model, prompt, model, tools, max_tokens, temperature, top_p)

    def call_tool(self, name, /, arguments=None, **named):
        """One call of a registered tool; arguments by name, as a dict, or as JSON text. Gives the tool's text."""
        return self._wait(self._start_tool, name, {**arguments, **named} if isinstance(arguments, dict) else arguments or named)

    def call_agent(self, agent_id, task):
        """Another agent, as a child of this one, under the same budgets and gates. Gives its text."""
        return self._wait(self._start_agent, agent_id, task)

    @staticmethod
    def _wait(start, *arguments):
        from queue import SimpleQueue
        answers = SimpleQueue()
        start(*arguments, answers.put)
        return _value(answers.get())


class AsyncContext(_ContextBase):
    """For coroutines: the same calls, to be awaited."""

    __slots__ = ()

    async def call_model(self, prompt, *, model="", tools=(), max_tokens=None, temperature=None, top_p=None):
        """One model call, with its span, price and budget check. `prompt`: text, or messages [{"role", "content"}]."""
        return await self._answer(self._start_model, prompt, model, tools, max_tokens, temperature, top_p)

    async def call_tool(self, name, /, arguments=None, **named):
        """One call of a registered tool; arguments by name, as a dict, or as JSON text. Gives the tool's text."""
        given = {**arguments, **named} if isinstance(arguments, dict) else arguments or named
        return await self._answer(self._start_tool, name, given)

    async def call_agent(self, agent_id, task):
        """Another agent, as a child of this one, under the same budgets and gates. Gives its text."""
        return await self._answer(self._start_agent, agent_id, task)

    async def _answer(self, start, *arguments):
        loop = self._run.loop
        future = loop.create_future()

        def settle(outcome):
            if not future.done():
                future.set_result(outcome)

        start(*arguments, lambda outcome: self._run.on_loop(settle, outcome))
        return _value(await future)


def _value(outcome):
    if isinstance(outcome, MeshFlowError):
        raise outcome
    return outcome


def _arguments(given):
    if isinstance(given, str):
        return given
    import json
    return json.dumps(given)
