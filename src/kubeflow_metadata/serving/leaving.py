"""Work ends with its client: what is done for somebody who has left is done for nobody."""

from __future__ import annotations

import asyncio

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = structlog.get_logger("kubeflow_metadata.serving.leaving")


class EndWithClient:
    """A middleware that cancels the application once its client has disconnected."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application until it is done or its client is gone."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        complete = False

        async def send_and_see(message: Message) -> None:
            nonlocal complete
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        body = _Body(receive, announced=_has_body(scope))
        work = asyncio.ensure_future(self._app(scope, body.receive, send_and_see))
        left = asyncio.ensure_future(body.client_left())
        try:
            await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
            # Servers report the end of a response, too, as the client's leaving: then only tidying up is left to do.
            if not work.done() and not complete:
                _LOG.debug("client disconnected")
                work.cancel()
            await work
        except asyncio.CancelledError:
            # Of the work, whose client is gone; or of this task, whose server is stopping.
            if not work.done() or not left.done():
                work.cancel()
                raise
        except ClientDisconnect:
            # Seen first by the application, while it read the body.
            _LOG.debug("client disconnected")
        finally:
            left.cancel()


class _Body:
    """What arrives of a request: the application reads the body; after its end only the client's leaving can come."""

    def __init__(self, receive: Receive, *, announced: bool) -> None:
        self._receive = receive
        self._ended = asyncio.Event()
        self._left = asyncio.Event()
        if not announced:
            self._ended.set()
        self._is_told = announced

    async def receive(self) -> Message:
        """Returns the next message, as ASGI has it."""
        if self._ended.is_set():
            if not self._is_told:
                self._is_told = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self._left.wait()
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._left.set()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._ended.set()
        return message

    async def client_left(self) -> None:
        """Returns once the client has disconnected."""
        await self._ended.wait()
        while not self._left.is_set():
            if (await self._receive())["type"] == "http.disconnect":
                self._left.set()
            # A server that has something to say at once must not keep the application from running.
            await asyncio.sleep(0)


def _has_body(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False
