"""Lesson 18, OpenTelemetry and production observability: one run of a pipeline, every span of it printed.

    MESHFLOW_MOCK=1 python3 hands_on/18_opentelemetry.py [--jaeger]

The pipeline is in 18_opentelemetry.yaml. Every span comes from MeshFlow: this script only registers two tools and two
agents, and says which policy holds. MESHFLOW_<FIELD> sets a field of the policy: MESHFLOW_ENABLE_GUARDIAN=false shows the
same run without a block.
"""

import asyncio
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "build" / "python"))  # the checkout's own, before an installed one

try:
    from meshflow import AgentReply, Decision, Mesh, MeshFlowError, Policy, Workflow, mock_model
except ImportError as error:
    if "meshflow" in (error.name or ""):
        reason = str(error) if error.name != "meshflow" else "the meshflow module is not built; run ./dev python first"
        sys.exit(f"18_opentelemetry: {reason}")
    raise

USAGE = """usage: 18_opentelemetry.py [--jaeger] [--task TEXT] [--no-console] [--help]

Runs the lesson's pipeline once and prints every span of it.

  --jaeger      send the spans to OTEL_EXPORTER_OTLP_ENDPOINT, or http://localhost:4318
  --task TEXT   what the pipeline works on
  --no-console  print no spans, only the summary

MESHFLOW_MOCK=1 selects the model without network; MESHFLOW_<FIELD> sets a field of the policy.
"""
TASK = "Should our shop move its order history to a time series database?"
JAEGER_ENDPOINT = "http://localhost:4318"
OTLP_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
FLUSH_S = 8.0  # with what closing takes, less than the 15 s that a dead backend may cost
PROVIDER_VARIABLES = ("MESHFLOW_PROVIDER", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OLLAMA_HOST")
EXIT_CODES = {"completed": 0, "aborted": 3, "paused": 4}


class UsageError(Exception):
    pass


def is_any_set(names):
    return any(os.environ.get(name) for name in names)


def uses_mock():
    """Where nothing says which model to ask, the lesson takes the mock, and says so."""
    if os.environ.get("MESHFLOW_MOCK", "").lower() in ("1", "true", "yes"):
        return True
    if is_any_set(PROVIDER_VARIABLES):
        return False
    print("no model provider is configured: using the mock model (MESHFLOW_MOCK=1 does so without this line)", file=sys.stderr)
    return True


def default_data_dir():
    home = os.environ.get("XDG_DATA_HOME") or os.path.join(os.environ.get("HOME", ""), ".local", "share")
    return os.path.join(home, "meshflow")


def make_policy(options):
    policy = Policy(
        telemetry_console=True,                 # print spans to stdout
        step_cost_block_usd=0.05,               # a cost gate, which passes
        human_in_loop={"enabled": True},
        data_dir=default_data_dir(),            # also in the spool there, whatever the console shows
    )
    if options["jaeger"] and not is_any_set(OTLP_VARIABLES):
        policy.telemetry_otlp_endpoint = JAEGER_ENDPOINT
    policy = Policy.from_environment(policy)
    if not options["console"]:
        policy.telemetry_console = False
    if exports(policy):
        policy.telemetry_short_attributes = True  # the lesson's queries then work word for word in any backend
    return policy


def endpoint_of(policy):
    """Where spans are sent; empty: nowhere."""
    named = [policy.telemetry_otlp_endpoint, *(os.environ.get(name, "") for name in OTLP_VARIABLES)]
    return next(filter(None, named), "")


def exports(policy):
    return endpoint_of(policy) != ""


def make_mesh(policy):
    if uses_mock():
        mesh = Mesh(policy, model=mock_model(latency_ms=(20, 120)), approver=lambda request: Decision(True, "auto (mock)"))
    else:
        mesh = Mesh(policy)

    @mesh.tool
    async def price_lookup(input):
        await asyncio.sleep(0.025)
        return "hosted: 410 USD a month; on own machines: 260 USD a month"

    @mesh.tool
    def customer_record(customer):
        return f"customer {customer} pays by card 4111 1111 1111 1111"

    @mesh.agent
    async def publisher(ctx):
        # Quotes the record as it is, which the content policy will not have.
        record = await ctx.call_tool("customer_record", customer=1042)
        text = await ctx.call_model(f"Write the recommendation.\n{ctx.input}")
        return f"{text.text}\nFor example: {record}"

    @mesh.agent
    async def redactor(ctx):
        # The same text without the record.
        text = await ctx.call_model(f"Write the recommendation without personal data.\n{ctx.input}")
        return AgentReply(text.text)

    return mesh


async def run(options):
    policy = make_policy(options)
    mesh = make_mesh(policy)
    result = await mesh.run(options["task"], workflow=Workflow.from_file(HERE / "18_opentelemetry.yaml"))
    print(f"\n{result.summary()}", end="")
    delivered = mesh.flush(FLUSH_S)
    warnings = mesh.warnings()
    if exports(policy) and delivered and not warnings:
        print(f"{'look at':<12}: http://localhost:16686/trace/{result.trace_id}")
    sys.stdout.flush()
    if exports(policy) and not (delivered and not warnings):
        print(f"the spans were not delivered: does a trace backend listen at {endpoint_of(policy)}? The run itself is whole.",
              file=sys.stderr)
    for warning in warnings:
        print(warning, file=sys.stderr)
    return EXIT_CODES.get(result.status, 1)


def parse(arguments):
    options = {"jaeger": False, "console": True, "help": False, "task": TASK}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument in ("--help", "-h"):
            options["help"] = True
        elif argument == "--jaeger":
            options["jaeger"] = True
        elif argument == "--no-console":
            options["console"] = False
        elif argument == "--task":
            if not rest:
                raise UsageError("--task needs a TEXT")
            options["task"] = rest.pop(0)
        else:
            raise UsageError(f"there is no option {argument}")
    return options


def main():
    try:
        options = parse(sys.argv[1:])
    except UsageError as error:
        print(f"18_opentelemetry: {error}\n{USAGE}", end="", file=sys.stderr)
        return 2
    if options["help"]:
        print(USAGE, end="")
        return 0
    try:
        return asyncio.run(run(options))
    except MeshFlowError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if error.code in ("invalid_argument", "invalid_input") else 1


if __name__ == "__main__":
    sys.exit(main())
