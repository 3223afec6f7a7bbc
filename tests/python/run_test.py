"""Runs from Python: agents and tools as functions, awaited, cancelled, failed; results and errors as objects."""

import asyncio
import contextvars
import gc
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
import weakref

import meshflow
from meshflow import (AgentReply, AsyncContext, Context, Decision, InvalidValueError, Mesh, MeshFlow, MeshFlowError, Policy, Workflow,
                      mock_model)


def mesh_of(*functions, approver=None, tools=(), **fields):
    mesh = Mesh(Policy(**fields), model=mock_model(), approver=approver)
    for function in functions:
        mesh.agent(function)
    for tool in tools:
        mesh.tool(tool)
    return mesh


def flow_of(*agents):
    flow = Workflow("test")
    for agent in agents:
        flow.node(agent, agent=agent)
    for one, next_one in zip(agents, agents[1:]):
        flow.edge(one, next_one)
    return flow


class ResultTest(unittest.TestCase):
    def test_the_default_team_gives_a_whole_result(self):
        result = MeshFlow(model=mock_model()).run_blocking("Compare three databases")
        self.assertRegex(result.run_id, r"^run_[0-9a-f]+$")
        self.assertRegex(result.trace_id, r"^[0-9a-f]{32}$")
        self.assertEqual(result.status, "completed")
        self.assertIsNone(result.error)
        self.assertEqual([figures.role for figures in result.agents], ["planner", "researcher", "executor", "critic"])
        for total in ("cost_nano_usd", "tokens", "carbon_nanograms"):
            self.assertEqual(getattr(result, total), sum(getattr(figures, total) for figures in result.agents))
            self.assertGreater(getattr(result, total), 0)
        self.assertEqual(result.cost_usd, result.cost_nano_usd / 1e9)
        self.assertEqual(result.span_count, sum(result.spans_by_name.values()))
        self.assertEqual(result.spans_by_name["meshflow.run"], 1)
        self.assertEqual(result.blocked, [])
        self.assertRegex(result.ledger_head, r"^[0-9a-f]{64}$")
        self.assertIn(result.trace_id, repr(result))
        self.assertIn(result.trace_id, result.summary())

    def test_a_blocked_span_says_why_and_what_followed(self):
        def leak(ctx):
            return "card 4111 1111 1111 1111"

        flow = Workflow("test").node("leak", agent="leak", on_block="safe").node("safe").terminal("leak").terminal("safe")
        result = mesh_of(leak).run_blocking("x", workflow=flow)
        self.assertEqual([(it.node_id, it.rule_id, it.gate, it.followed_by) for it in result.blocked],
                         [("leak", "pii.card", "content_policy", "safe")])


class ToolServerTest(unittest.TestCase):
    def test_an_agents_model_calls_a_tool_of_a_server(self):
        server = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "mcp_server.py")
        flow = Workflow("test").node("work", tools=["files__echo"])
        flow.tool_server("files", command=sys.executable, args=[server], risk="read_only", timeout_s=60)
        result = mesh_of().run_blocking("where is it?", workflow=flow)
        self.assertEqual(result.status, "completed", result.error)
        self.assertIn('The tool reported: {"arguments": {"query": "where is it?"}', result.output)
        self.assertEqual(result.spans_by_name["meshflow.tool"], 1)


class FunctionTest(unittest.TestCase):
    def test_plain_and_async_agents_call_models_tools_and_each_other(self):
        seen = {}

        def plain(ctx):
            seen["plain"] = type(ctx), ctx.node_id, ctx.agent_id, ctx.task
            return ctx.call_model("one").text + ctx.call_tool("add", a=2, b=3) + ctx.call_agent("helper", "do")

        async def coroutine(ctx):
            seen["coroutine"] = type(ctx), ctx.input, ctx.output_of("plain")
            parts = await asyncio.gather(ctx.call_model([{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]),
                                         ctx.call_tool("add_slowly", {"a": 1, "b": 1}))
            return AgentReply(parts[0].text + parts[1] + await ctx.call_agent("helper", "again"), uncertainty=0.5)

        def helper(ctx):
            return f"<{ctx.task}>"

        def add(a: int, b: int):
            return a + b

        async def add_slowly(a, b, ctx):
            await asyncio.sleep(0)
            return {"sum": a + b, "agent": ctx.agent_id}

        mesh = mesh_of(plain, coroutine, helper, tools=(add, add_slowly))
        result = mesh.run_blocking("the task", workflow=flow_of("plain", "coroutine"))
        self.assertEqual(result.status, "completed", result.error)
        self.assertEqual(seen["plain"], (Context, "plain", "plain", "the task"))
        self.assertEqual(seen["coroutine"][0], AsyncContext)
        self.assertEqual(seen["coroutine"][1], seen["coroutine"][2])
        self.assertIn("5<do>", seen["coroutine"][1])
        self.assertIn('{"sum": 2, "agent": "coroutine"}<again>', result.output)
        self.assertEqual(result.spans_by_name["meshflow.tool"], 2)
        self.assertEqual(result.spans_by_name["meshflow.agent"], 4)

    def test_a_tool_is_described_to_the_model_by_its_signature(self):
        mesh = Mesh(model=mock_model())

        @mesh.tool
        def search(query: str, limit: int = 5):
            """Finds things."""

        name, description, schema = mesh._describe_tool("search")
        self.assertEqual((name, description), ("search", "Finds things."))
        self.assertEqual(json.loads(schema), {"type": "object", "additionalProperties": False, "required": ["query"],
                                              "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}}})

    def test_async_agents_run_on_the_callers_loop_with_its_context_variables(self):
        variable = contextvars.ContextVar("variable")
        seen = []

        async def agent(ctx):
            seen.append((asyncio.get_running_loop(), threading.current_thread(), variable.get()))
            return "x"

        async def main():
            variable.set("mine")
            await mesh_of(agent).run("t", workflow=flow_of("agent"))
            self.assertEqual(seen, [(asyncio.get_running_loop(), threading.current_thread(), "mine")])

        asyncio.run(main())

    def test_the_loop_turns_while_a_run_waits(self):
        def slow(ctx):
            time.sleep(0.2)
            return "x"

        async def main():
            run = asyncio.ensure_future(mesh_of(slow).run("t", workflow=flow_of("slow")))
            turns = 0
            while not run.done():
                await asyncio.sleep(0.005)
                turns += 1
            self.assertGreater(turns, 5)

        asyncio.run(main())

    def test_several_runs_share_a_loop_and_overlap(self):
        together = []

        async def meet(ctx):
            together.append(ctx.run_id)
            while len(together) < 5:  # ends only if all five are under way at once
                await asyncio.sleep(0.001)
            return ctx.run_id

        async def main():
            mesh = mesh_of(meet)
            results = await asyncio.gather(*(mesh.run("t", workflow=flow_of("meet")) for _ in range(5)))
            self.assertEqual(len({result.trace_id for result in results}), 5)
            for result in results:
                self.assertEqual(result.output, result.run_id)

        asyncio.run(main())

    def test_a_context_is_closed_when_its_function_has_ended(self):
        kept = []

        def plain(ctx):
            kept.append(ctx)
            return "x"

        async def coroutine(ctx):
            kept.append(ctx)
            return "x"

        mesh_of(plain, coroutine).run_blocking("t", workflow=flow_of("plain", "coroutine"))
        for ctx in kept:
            with self.assertRaisesRegex(MeshFlowError, "only while the function"):
                ctx.task  # noqa: B018


class ListenerTest(unittest.TestCase):
    def test_a_listener_hears_of_each_node_on_the_loop(self):
        seen = []

        def one(ctx):
            return "1"

        async def main():
            loop = asyncio.get_running_loop()
            result = await mesh_of(one).run("t", workflow=flow_of("one"),
                                            on_event=lambda event: seen.append((event, asyncio.get_running_loop() is loop)))
            self.assertTrue(all(on_loop and event.run_id == result.run_id for event, on_loop in seen))

        asyncio.run(main())
        kinds = [(event.kind, event.node_id) for event, _ in seen]
        self.assertEqual(kinds, [("run_started", ""), ("node_started", "one"), ("node_ended", "one"), ("run_ended", "")])


class OwnSpanTest(unittest.TestCase):
    def spans_of(self, agent):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "spans.jsonl")
            mesh = mesh_of(agent, telemetry_file=path)
            result = mesh.run_blocking("t", workflow=flow_of(agent.__name__))
            mesh.close()
            spans = []
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    for resource in json.loads(line)["resourceSpans"]:
                        for scope in resource["scopeSpans"]:
                            spans += scope["spans"]
        return result, {span["name"]: span for span in spans}

    def test_spans_of_ones_own_stand_below_their_agent(self):
        headers = {}

        def agent(ctx):
            with ctx.start_span("load", rows=5, share=0.5, cold=True, tags=["a", "b"]) as span:
                headers.update(span.headers())
                span.set_attribute("path", "x").add_event("read", bytes=7)
            return "x"

        result, spans = self.spans_of(agent)
        load = spans["load"]
        self.assertEqual(load["parentSpanId"], spans["meshflow.agent"]["spanId"])
        self.assertEqual(headers["traceparent"].split("-")[1:3], [result.trace_id, load["spanId"]])
        attributes = {it["key"]: it["value"] for it in load["attributes"]}
        self.assertEqual(attributes["rows"], {"intValue": "5"})
        self.assertEqual(attributes["cold"], {"boolValue": True})
        self.assertEqual(attributes["tags"]["arrayValue"]["values"], [{"stringValue": "a"}, {"stringValue": "b"}])
        self.assertEqual(attributes["path"], {"stringValue": "x"})
        self.assertEqual(load["events"][0]["name"], "read")

    def test_an_exception_that_leaves_a_span_is_on_it(self):
        def agent(ctx):
            try:
                with ctx.start_span("load"):
                    raise KeyError("gone")
            except KeyError:
                return "x"

        _, spans = self.spans_of(agent)
        self.assertEqual(spans["load"]["status"]["code"], 2)
        self.assertIn({"key": "error.type", "value": {"stringValue": "KeyError"}}, spans["load"]["attributes"])

    def test_a_span_left_open_ends_with_its_function_and_is_harmless_afterwards(self):
        kept = []

        def agent(ctx):
            kept.append(ctx.start_span("load"))
            return "x"

        _, spans = self.spans_of(agent)
        self.assertIn("load", spans)
        kept[0].set_attribute("late", 1)
        kept[0].end()

    def test_an_attribute_of_another_type_is_an_error(self):
        def agent(ctx):
            with self.assertRaisesRegex(MeshFlowError, "the attribute a is of a type"):
                ctx.start_span("load", a=object())
            return "x"

        result, _ = self.spans_of(agent)
        self.assertEqual(result.status, "completed", result.error)


class ProviderTest(unittest.TestCase):
    class Mine:
        name = "mine"
        default_model = "mock-small"

        def __init__(self, *answers):
            self.answers = list(answers)
            self.requests = []

        async def complete(self, request, ctx):
            self.requests.append((request, ctx.headers()["traceparent"]))
            answer = self.answers.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return answer

    def run_with(self, provider, **fields):
        mesh = Mesh(Policy(retry_backoff_s=0.001, **fields), model=provider)
        return mesh.run_blocking("What is it?", workflow=Workflow("w").node("ask", prompt="Be brief."))

    def test_a_provider_answers_and_its_tokens_are_paid_for(self):
        provider = self.Mine(meshflow.ModelAnswer("It is.", input_tokens=100, output_tokens=10, uncertainty=0.25))
        result = self.run_with(provider)
        self.assertEqual((result.output, result.input_tokens, result.output_tokens), ("It is.", 100, 10))
        self.assertEqual(result.cost_nano_usd, 100 * 250 + 10 * 1250)  # of mock-small: 0.25 and 1.25 USD a million
        request, traceparent = provider.requests[0]
        self.assertEqual(request.model, "mock-small")
        self.assertEqual([(it["role"], it["content"]) for it in request.messages], [("system", "Be brief."), ("user", "What is it?")])
        self.assertIn(result.trace_id, traceparent)

    def test_what_passes_is_tried_again_and_other_failures_are_final(self):
        answer = meshflow.ModelAnswer("x", input_tokens=1, output_tokens=1)
        provider = self.Mine(MeshFlowError("unavailable", "busy"), answer)
        self.assertEqual(self.run_with(provider).output, "x")
        self.assertEqual(len(provider.requests), 2)
        provider = self.Mine(ValueError("bad key"))
        result = self.run_with(provider)
        self.assertEqual(result.status, "failed")
        self.assertIn("the model mine raised ValueError: bad key", result.error.message)
        self.assertEqual(len(provider.requests), 1)

    def test_a_plain_complete_runs_beside_the_loop(self):
        threads = []

        class Plain:
            name = "plain"
            default_model = "mock-small"

            def complete(self, request, ctx):
                threads.append(threading.current_thread())
                return meshflow.ModelAnswer("y", input_tokens=1, output_tokens=1)

        self.assertEqual(self.run_with(Plain()).output, "y")
        self.assertIsNot(threads[0], threading.main_thread())

    def test_an_answer_without_usage_is_refused(self):
        result = self.run_with(self.Mine(meshflow.ModelAnswer("x")))
        self.assertIn("without usage", result.error.message)


class FailureTest(unittest.TestCase):
    def failed(self, agent, *, tools=(), **fields):
        result = mesh_of(agent, tools=tools, **fields).run_blocking("t", workflow=flow_of(agent.__name__))
        self.assertEqual(result.status, "failed")
        return result

    def test_an_exception_becomes_the_runs_error_and_is_its_cause(self):
        def plain(ctx):
            raise KeyError("missing")

        async def coroutine(ctx):
            raise SystemError("bad")

        for agent, kind in ((plain, KeyError), (coroutine, SystemError)):
            with self.subTest(agent=agent.__name__):
                result = self.failed(agent)
                self.assertEqual(result.error.code, "callback_failed")
                self.assertIn(f"the agent {agent.__name__} raised {kind.__name__}", result.error.message)
                self.assertIsInstance(result.error.__cause__, kind)

    def test_an_answer_that_is_no_text_is_an_error(self):
        async def agent(ctx):
            return 5

        self.assertIn("not int", self.failed(agent).error.message)

    def test_a_tool_called_wrongly_names_the_argument(self):
        def agent(ctx):
            return ctx.call_tool("look", speed=1)

        def look(what):
            return what

        self.assertRegex(self.failed(agent, tools=(look,)).error.message, "missing a required argument: 'what'")

    def test_an_unknown_tool_is_an_exception_in_the_agent(self):
        codes = []

        async def agent(ctx):
            try:
                await ctx.call_tool("lok")
            except MeshFlowError as error:
                codes.append(error.code)
            return "went on"

        result = mesh_of(agent).run_blocking("t", workflow=flow_of("agent"))
        self.assertEqual((result.status, codes), ("completed", ["not_found"]))

    def test_a_budget_that_is_used_up_blocks_though_the_agent_lets_it_pass_through(self):
        async def agent(ctx):
            return (await ctx.call_model("x" * 4000)).text

        result = mesh_of(agent, budget_usd=0.0000001).run_blocking("t", workflow=flow_of("agent"))
        self.assertEqual(result.status, "aborted")
        self.assertEqual(len(result.blocked), 1)

    def test_a_step_that_takes_too_long_cancels_the_coroutine(self):
        ended = threading.Event()

        async def agent(ctx):
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        result = self.failed(agent, step_timeout_s=0.05)
        self.assertEqual(result.error.code, "timeout")
        self.assertTrue(ended.is_set())

    def test_runs_that_cannot_start_raise(self):
        mesh = Mesh(model=mock_model())
        with self.assertRaisesRegex(MeshFlowError, "nobody"):
            result = mesh.run_blocking("t", workflow=flow_of("nobody"))
            raise result.error
        with self.assertRaises(InvalidValueError) as raised:
            Workflow.from_yaml("nodes:\n  a: {kind: wild}\n", "flow.yaml")
        self.assertEqual(raised.exception.position[0:2], ("flow.yaml", 2))
        with self.assertRaisesRegex(MeshFlowError, "comes too late"):
            mesh.add_agent("late")
        mesh.close()
        with self.assertRaisesRegex(MeshFlowError, "closed"):
            mesh.run_blocking("t")
        with self.assertRaises(InvalidValueError):
            Mesh({"budget_usd": 1})

    def test_run_blocking_inside_a_loop_says_what_to_do(self):
        async def main():
            with self.assertRaisesRegex(MeshFlowError, r"await mesh\.run"):
                MeshFlow(model=mock_model()).run_blocking("t")

        asyncio.run(main())


class CancellationTest(unittest.TestCase):
    def test_cancelling_the_awaiting_task_cancels_the_run_and_ends_its_spans(self):
        cancelled = []
        output = os.path.join(self.folder(), "spans.jsonl")

        async def endless(ctx):
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(ctx.is_cancelled)
                raise

        async def main():
            mesh = mesh_of(endless, telemetry_file=output)
            run = asyncio.ensure_future(mesh.run("t", workflow=flow_of("endless")))
            await started.wait()
            run.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await run
            self.assertTrue(mesh.flush())

        async def with_event():
            nonlocal started
            started = asyncio.Event()
            await main()

        started = None
        asyncio.run(with_event())
        self.assertEqual(cancelled, [True])
        with open(output, encoding="utf-8") as lines:
            spans = [span for line in lines for resource in json.loads(line)["resourceSpans"] for scope in resource["scopeSpans"]
                     for span in scope["spans"]]
        by_name = {span["name"]: span for span in spans}
        self.assertLessEqual({"meshflow.run", "meshflow.node", "meshflow.agent"}, set(by_name))
        self.assertEqual(by_name["meshflow.run"]["status"]["code"], 2)

    def folder(self):
        import tempfile
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def test_a_plain_function_hears_of_it(self):
        def polite(ctx):
            started.set()
            while not ctx.is_cancelled:
                time.sleep(0.001)
            ended.set()
            return "x"

        started, ended = threading.Event(), threading.Event()

        async def main():
            run = asyncio.ensure_future(mesh_of(polite).run("t", workflow=flow_of("polite")))
            while not started.is_set():
                await asyncio.sleep(0.001)
            run.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await run

        asyncio.run(main())
        self.assertTrue(ended.wait(10))


class PeopleTest(unittest.TestCase):
    FLOW = Workflow("test").node("ask", "human", prompt="May it?", risk="irreversible").node("act").edge("ask", "act")

    def ran(self, approver):
        mesh = mesh_of(approver=approver, human_in_loop={"enabled": True})
        return mesh, mesh.run_blocking("t", workflow=self.FLOW)

    def test_an_approver_decides(self):
        asked = []
        self.assertEqual(self.ran(lambda request: bool(asked.append(request.node_id)) or True)[1].status, "completed")
        self.assertEqual(asked, ["ask"])
        self.assertEqual(self.ran(lambda request: Decision(True, "auto"))[1].status, "completed")
        self.assertEqual(self.ran(lambda request: False)[1].status, "aborted")

    def test_an_approver_that_fails_does_not_approve(self):
        self.assertEqual(self.ran(lambda request: 1 / 0)[1].status, "aborted")

    def test_a_paused_run_is_decided_and_resumed_under_its_ids(self):
        mesh, paused = self.ran(lambda request: None)
        self.assertEqual(paused.status, "paused")
        self.assertEqual([request.run_id for request in mesh.pending()], [paused.run_id])
        mesh.decide(paused.run_id, True, by="me", note="fine")
        result = mesh.resume_blocking(paused.run_id, workflow=self.FLOW)
        self.assertEqual((result.status, result.run_id, result.trace_id), ("completed", paused.run_id, paused.trace_id))
        self.assertEqual(mesh.pending(), [])


class LifetimeTest(unittest.TestCase):
    def test_a_mesh_and_its_functions_go_when_nothing_refers_to_them(self):
        async def main():
            mesh = mesh_of()

            @mesh.agent
            async def agent(ctx):
                return (await ctx.call_model(mesh.policy.mode)).text  # a cycle through the function

            result = await mesh.run("t", workflow=flow_of("agent"))
            self.assertEqual(result.status, "completed")
            return weakref.ref(mesh), weakref.ref(agent)

        references = asyncio.run(main())
        # The scheduler's thread that told of the run's end may still be letting go of it.
        give_up = time.monotonic() + 30
        while any(reference() for reference in references) and time.monotonic() < give_up:
            gc.collect()
        self.assertEqual([reference() for reference in references], [None, None])

    def test_many_runs_leave_no_objects_behind(self):
        async def agent(ctx):
            return (await ctx.call_model("x")).text

        async def runs(mesh, count):
            for _ in range(count):
                await mesh.run("t", workflow=flow_of("agent"))

        async def main():
            mesh = mesh_of(agent)
            await runs(mesh, 20)
            gc.collect()
            before = len(gc.get_objects())
            await runs(mesh, 100)
            gc.collect()
            self.assertLess(len(gc.get_objects()) - before, 50)

        asyncio.run(main())

    def in_process(self, code, seconds=20):
        return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=seconds,
                              check=False)

    def test_the_interpreter_ends_with_a_live_mesh_and_a_run_under_way(self):
        done = self.in_process("""
            import asyncio, threading, time, meshflow
            mesh = meshflow.MeshFlow(model=meshflow.mock_model())
            mesh.run_blocking("t")
            started = threading.Event()
            @(other := meshflow.MeshFlow(model=meshflow.mock_model())).agent
            def stuck(ctx):
                started.set()
                time.sleep(1000)
            flow = meshflow.Workflow("w").node("stuck", agent="stuck")
            threading.Thread(target=lambda: other.run_blocking("t", workflow=flow), daemon=True).start()
            started.wait()
            print("end")
            """)
        self.assertEqual((done.returncode, done.stdout), (0, "end\n"), done.stderr)

    def test_a_thread_of_the_runtime_that_is_still_in_python_at_the_end_gets_out_first(self):
        """It dropped the last reference to the mesh, so that closing meshes did not wait for it; the interpreter ended the
        thread in the middle of C++."""
        done = self.in_process("""
            import asyncio, time, weakref, meshflow
            async def main():
                loop = asyncio.get_running_loop()
                schedule = loop.call_soon_threadsafe
                def slow(*arguments, **keywords):
                    schedule(*arguments, **keywords)
                    time.sleep(0.2)
                loop.call_soon_threadsafe = slow
                mesh = meshflow.MeshFlow(model=meshflow.mock_model())
                await mesh.run("t")
                return weakref.ref(mesh)
            mesh = asyncio.run(main())
            while mesh() is not None:
                pass
            """)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_was_printed_before_a_run_stands_before_its_spans(self):
        done = self.in_process("""
            import meshflow
            print("before")
            meshflow.MeshFlow(telemetry_console=True, model=meshflow.mock_model()).run_blocking("t")
            print("after")
            """)
        self.assertTrue(done.stdout.startswith("before\n[SPAN]"), done.stdout[:200])
        self.assertTrue(done.stdout.endswith("\nafter\n"), done.stdout[-200:])


if __name__ == "__main__":
    unittest.main()
