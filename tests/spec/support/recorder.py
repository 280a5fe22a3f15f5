#!/usr/bin/env python3
# A loopback proxy that passes bytes on as they are and keeps what goes over the wire:
#   recorder.py TARGET_PORT FILE
# Prints its own port, then serves until it is killed.
import asyncio
import sys

target, path = int(sys.argv[1]), sys.argv[2]


async def pump(reader, writer, file):
    try:
        while data := await reader.read(65536):
            file.write(data)
            file.flush()
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
    except OSError:
        writer.close()
        return
    with open(path, "ab") as file:
        await asyncio.gather(pump(reader, far_writer, file), pump(far_reader, writer, file))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
