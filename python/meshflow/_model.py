"""Model providers written in Python."""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple


class ModelRequest(NamedTuple):
    """What a model is asked. `messages`: dicts with role (system, user, assistant, tool), content, tool_call_id and
    tool_calls; `tools`: dicts with name, description and parameters (a JSON Schema as text)."""

    model: str
    messages: List[dict]
    tools: List[dict]
    max_tokens: Optional[int]
    temperature: Optional[float]
    top_p: Optional[float]


class ModelAnswer(NamedTuple):
    """What a provider answers. Without input_tokens and output_tokens the call fails: a run whose cost is unknown cannot
    be held to a budget. `input_tokens` includes those read from a cache and written to it; `tool_calls`: (id, name,
    arguments as JSON text); `cost_nano_usd`: where the provider states it; `energy_microwatt_hours`: where it measures it."""

    text: str = ""
    input_tokens: Optional[int] = None
    output_tokens: Optional[int] = None
    cached_tokens: int = 0
    cache_written_tokens: int = 0
    model: str = ""
    id: str = ""
    finish_reason: str = "stop"
    tool_calls: Tuple[Tuple[str, str, str], ...] = ()
    cost_nano_usd: Optional[int] = None
    energy_microwatt_hours: Optional[int] = None
    uncertainty: Optional[float] = None


def fields_of(provider):
    """What the runtime needs to know of a provider before it asks it."""
    return {"name": str(provider.name), "default_model": str(getattr(provider, "default_model", "")),
            "server_address": str(getattr(provider, "server_address", "")),
            "server_port": int(getattr(provider, "server_port", 0))}


class Asked:
    """A provider as a function of the runtime's. A plain `complete` runs on a thread of its own."""

    def __init__(self, provider):
        import inspect
        self.complete = provider.complete
        self.is_coroutine = inspect.iscoroutinefunction(provider.complete)

    async def invoke(self, ctx):
        import asyncio
        request = ModelRequest(*ctx._native.request)
        if self.is_coroutine:
            return await self.complete(request, ctx)
        return await asyncio.to_thread(self.complete, request, ctx)

    @staticmethod
    def outcome(given):
        if not isinstance(given, ModelAnswer):
            raise TypeError(f"a model gives a ModelAnswer, not {type(given).__name__}")
        return {**given._asdict(), "tool_calls": [tuple(call) for call in given.tool_calls]}
