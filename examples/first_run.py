import asyncio
from meshflow import Mesh, Policy

async def main():
    mesh = Mesh(Policy(telemetry_console=True))
    result = await mesh.run("Compare three databases for time series")
    print(result.output)
    print(result.trace_id)

asyncio.run(main())
