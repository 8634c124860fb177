"""`python -m tests.cluster.kubernetes.relay PLAN`: leads a port of loopback to the API server in the node."""

from __future__ import annotations

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from tests.cluster.kubernetes.plan import API_PORT, Plan
from tests.cluster.ports import LOOPBACK

CHUNK = 1 << 16


async def relay(plan: Plan) -> None:
    """Take connections until the process is ended."""

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(plan.node_address, API_PORT)
        except OSError:  # it does not listen yet
            writer.close()
            return
        await asyncio.gather(_carry(reader, there_writer), _carry(there_reader, writer))

    server = await asyncio.start_server(connected, LOOPBACK, plan.loopback_port)
    await server.serve_forever()


async def _carry(reader: StreamReader, writer: StreamWriter) -> None:
    """Hand on what comes, and then the end."""
    with suppress(ConnectionError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(relay(Plan.of_words(sys.argv[1:])))
