"""MeshFlow: governed AI agents, every run an OpenTelemetry trace.

    import asyncio
    import meshflow

    async def main():
        mesh = meshflow.Mesh(meshflow.Policy(telemetry_console=True))
        result = await mesh.run("Compare three databases for time series")
        print(result.trace_id)

    asyncio.run(main())
"""

try:
    from . import _meshflow
except ImportError as error:
    from ._missing import explain
    raise ImportError(explain(error), name="meshflow._meshflow") from None

from ._context import AsyncContext, Context, Span
from ._errors import InvalidValueError, MeshFlowError, UnknownFieldError
from ._mesh import AgentReply, Decision, Mesh, MeshFlow, mock_model
from ._meshflow import AgentFigures, BlockedSpan, ModelReply, PendingRequest, RunEvent, RunResult, __version__
from ._model import ModelAnswer, ModelRequest
from ._policy import Policy
from ._workflow import Problem, Workflow

__all__ = [
    "AgentFigures", "AgentReply", "AsyncContext", "BlockedSpan", "Context", "Decision", "InvalidValueError", "Mesh", "MeshFlow",
    "MeshFlowError", "ModelAnswer", "ModelReply", "ModelRequest", "PendingRequest", "Policy", "Problem", "RunEvent", "RunResult",
    "Span", "UnknownFieldError", "Workflow",
    "__version__", "mock_model",
]
