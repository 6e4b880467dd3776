"""Run the AWS emulator (ministack) behind its gate: the program that emulator.py starts as a child.

    python -m lastseen_cli.local.gated_emulator

ministack is pinned to one version. Besides the gate around its application, two of its functions are wrapped, for gaps
that no setting closes and that AWS does not have: it invokes routes that need a signature for anybody who sends an
Authorization header of any kind, it answers every OPTIONS itself although this API leaves CORS to its functions, and
it fails at an answer whose body is null. And shared_code.py spares the disk.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from ministack import app as ministack  # type: ignore[import-untyped]
from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.core.responses import get_account_id  # type: ignore[import-untyped]
from ministack.services import apigateway, sts  # type: ignore[import-untyped]

from lastseen_cli.local import gate
from lastseen_cli.local.shared_code import SharedZipFile

FORBIDDEN = 403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}'  # what an HTTP API of AWS answers
Answer = tuple[int, dict[str, str], bytes]


def main() -> None:
    """Serve until a signal comes."""
    prepare()
    serve()


def prepare() -> None:
    """Put the gate around the emulator, and close its gaps."""
    environ = os.environ  # noqa: TID251 - an entry point
    secret = environ["AWS_SECRET_ACCESS_KEY"]
    ours = {environ["AWS_ACCESS_KEY_ID"]: secret, get_account_id(): secret}  # the functions use the second
    ministack.app = gate.Gate(
        app=ministack.app,
        front_word=environ.pop(gate.FRONT_WORD_VARIABLE),  # the functions inherit the rest, and need no such word
        secrets=ours if ministack.AUTH else _WithSessions(ours),
        checks_strangers=ministack.AUTH,
        clock=lambda: datetime.now(UTC),  # noqa: TID251 - an entry point
    )
    apigateway.handle_execute = _if_signed(apigateway.handle_execute)
    apigateway._invoke_lambda_proxy = _as_on_aws(apigateway._invoke_lambda_proxy)  # noqa: SLF001 - see above
    lambda_runtime.zipfile = SimpleNamespace(**vars(lambda_runtime.zipfile) | {"ZipFile": SharedZipFile})


def serve() -> None:
    """Serve what was prepared, until a signal comes."""
    ministack.main()


class _WithSessions(Mapping[str, str]):
    """Our secrets, and those of the sessions that the emulator itself gave to who had signed for them with ours.

    The CDK's command line works with nothing else: it assumes the roles of its bootstrap.
    """

    def __init__(self, ours: Mapping[str, str]) -> None:
        self._ours = ours

    def __getitem__(self, key_id: str) -> str:
        if key_id in self._ours:
            return self._ours[key_id]
        session = sts._sessions[key_id]  # noqa: SLF001 - see above
        if sts._session_expired(session):  # noqa: SLF001
            raise KeyError(key_id)
        secret: str = session["SecretAccessKey"]
        return secret

    def __iter__(self) -> Iterator[str]:
        return iter({**self._ours, **sts._sessions})  # noqa: SLF001

    def __len__(self) -> int:
        return len({**self._ours, **sts._sessions})  # noqa: SLF001


def _if_signed(execute: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    """Refuse a route that needs a signature to requests without a valid one."""

    async def checked(api_id: str, stage: str, path: str, method: str, *rest: Any, **more: Any) -> Answer:
        needed = apigateway.route_authorization_type(api_id, stage, method, path)
        if needed == "AWS_IAM" and not gate.signed_by.get():
            return FORBIDDEN
        return await execute(api_id, stage, path, method, *rest, **more)

    return checked


def _as_on_aws(invoke: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    """Give OPTIONS its name back, which the gate has changed, and take an answer without a body."""

    async def invoked(
        integration: Any, api_id: str, stage: str, path: str, method: str, *rest: Any, **more: Any
    ) -> Answer:
        own = "OPTIONS" if method == gate.OPTIONS_ALIAS else method
        status, headers, body = await invoke(integration, api_id, stage, path, own, *rest, **more)
        return status, headers, body or b""

    return invoked


if __name__ == "__main__":
    main()
