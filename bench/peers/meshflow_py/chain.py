"""A chain of nodes that do nothing under the governance of MeshFlow's Python edition, its ledger in memory.

Prints JSON: for each repeat, microseconds a step, CPU of the process and wall time.
"""

import asyncio
import json
import os
import sys
import tempfile
import time

os.environ["MESHFLOW_MOCK"] = "1"
os.chdir(tempfile.mkdtemp(prefix="meshflow-peer-"))  # it leaves files where it runs

from meshflow import Mesh, MeshNode, Policy, WorkflowDefinition  # noqa: E402

NODES = 100  # of a longer chain most time goes into ordering it
REPEATS = int(sys.argv[1])


async def do_nothing(task, context):
    return "ok"


def chain():
    workflow = WorkflowDefinition("chain")
    for index in range(NODES):
        workflow.add_node(MeshNode.from_callable(f"node{index}", do_nothing))
        if index > 0:
            workflow.add_edge(f"node{index - 1}", f"node{index}")
    return workflow


async def main():
    policy = Policy(budget_usd=1000, max_steps=NODES + 10)
    times = {"cpu_us": [], "wall_us": []}
    for repeat in range(REPEATS + 1):
        mesh, workflow = Mesh(policy=policy), chain()
        cpu, wall = time.process_time(), time.perf_counter()
        result = await mesh.run_workflow(workflow, "a task")
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        assert len(result.steps) == NODES, result
        if repeat > 0:  # the first one warms up
            times["cpu_us"].append(cpu * 1e6 / NODES)
            times["wall_us"].append(wall * 1e6 / NODES)
    print(json.dumps(times))


asyncio.run(main())
