"""A language model on loopback that knows one word."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def one_word(word: str) -> AsyncIterator[str]:
    """Serve OpenAI's chat completions, streamed or not; yields the base URL."""

    async def complete(request: web.Request) -> web.StreamResponse:
        return await _complete(request, word)

    app = web.Application(client_max_size=16 * 2**20)
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def _complete(request: web.Request, word: str) -> web.StreamResponse:
    asked = await request.json()
    told = {"id": "1", "created": 0, "model": "one-word"}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": word}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response(told | {"object": "chat.completion", "choices": [choice]})
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for delta, end in (({"role": "assistant", "content": word}, None), ({}, "stop")):
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        chunk = told | {"object": "chat.completion.chunk", "choices": [choice]}
        await answer.write(f"data: {json.dumps(chunk)}\n\n".encode())
    await answer.write(b"data: [DONE]\n\n")
    return answer
