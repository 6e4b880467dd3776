"""The emulator of `lastseen local`, made as strict as AWS documents itself: a program, started as a child.

    python tests/e2e/strict_emulator.py

What it does differently, and why, are the rows of tests/strict_aws.py. Each treatment here wraps one function of
ministack, which is pinned to one version.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import random
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

sys.path.insert(0, str(Path(__file__).parents[2]))

from ministack.services import apigateway, eventbridge, lambda_svc, scheduler, sns, sqs  # type: ignore[import-untyped]

from lastseen_cli.local import gated_emulator
from tests import strict_aws

Answer = tuple[int, dict[str, str], bytes]
_chance = random.Random(1)  # noqa: S311 - no secret


def main() -> None:
    """Serve until a signal comes."""
    gated_emulator.prepare()
    apigateway.handle_execute = _gateway(apigateway.handle_execute)
    apigateway._invoke_lambda_proxy = _integration(apigateway._invoke_lambda_proxy)  # noqa: SLF001 - see above
    lambda_svc.lambda_execute_result_to_api_proxy_response = _result(
        lambda_svc.lambda_execute_result_to_api_proxy_response
    )
    lambda_svc._execute_function_with_config_scope = _cookies_apart(  # noqa: SLF001
        lambda_svc._execute_function_with_config_scope  # noqa: SLF001
    )
    lambda_svc._ACCOUNT_CONCURRENCY_CAP = strict_aws.CONCURRENT_EXECUTIONS.value  # noqa: SLF001
    sqs._receive_messages_for_esm = _receives_less(sqs._receive_messages_for_esm)  # noqa: SLF001
    lambda_svc._run_sqs_batch = _sometimes_twice(lambda_svc._run_sqs_batch)  # noqa: SLF001
    sns._subscribe = _pending_at_first(sns._subscribe)  # noqa: SLF001
    sns._unsubscribe = _leaves_a_tombstone(sns._unsubscribe)  # noqa: SLF001
    sns._list_subscriptions_by_topic = _listed(sns._list_subscriptions_by_topic)  # noqa: SLF001
    scheduler._tick_schedules = _late_within_the_minute(scheduler._tick_schedules)  # noqa: SLF001
    gated_emulator.serve()


# --- The gateway ---


def _refused(row: strict_aws.Row[strict_aws.Refusal]) -> Answer:
    return row.value.status, {"Content-Type": "application/json"}, row.value.body.encode()


class _Buckets:
    """A token bucket for each route, as the stage sets rate and burst."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], tuple[float, float]] = {}

    def takes(self, api_id: str, stage: str, route: str) -> bool:
        settings = apigateway._stages.get(api_id, {}).get(stage, {})  # noqa: SLF001
        limits = settings.get("defaultRouteSettings", {}) | settings.get("routeSettings", {}).get(route, {})
        rate, burst = limits["throttlingRateLimit"], limits["throttlingBurstLimit"]
        now = time.monotonic()
        tokens, at = self._tokens.get((api_id, route), (float(burst), now))
        tokens = min(float(burst), tokens + (now - at) * float(rate))
        self._tokens[api_id, route] = (tokens - 1 if tokens >= 1 else tokens), now
        return tokens >= 1


def _gateway(execute: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    """Throttle, bound bodies, and hand paths over as AWS does."""
    buckets = _Buckets()

    async def strict(api_id: str, stage: str, path: str, *rest: Any, **more: Any) -> Answer:
        method, _headers, body = rest[:3]
        scope = apigateway.find_api_scope(api_id)
        with apigateway.request_scope(*scope):
            route = apigateway._match_route(api_id, method, "/" + path.lstrip("/"))  # noqa: SLF001
            if route and not buckets.takes(api_id, stage, route["routeKey"]):
                return _refused(strict_aws.TOO_MANY_REQUESTS)
        if len(body or b"") > strict_aws.REQUEST_BYTES.value:
            return _refused(strict_aws.LARGE_REQUEST)
        treated = _as_aws_hands_it_over(path)
        if treated is None:
            return _refused(strict_aws.BAD_PATH)
        return await execute(api_id, stage, treated, *rest, **more)

    return strict


def _as_aws_hands_it_over(path: str) -> str | None:
    """Return what the function sees of a path that is decoded once, but for `%25`; None if AWS refuses it."""
    for _ in range(strict_aws.PATH_DECODINGS.value):
        path = path.partition(strict_aws.PATH_ENDS_AT.value)[0]
        path = unquote(path, errors="replace")
    return None if "%" in path else path.partition(strict_aws.PATH_ENDS_AT.value)[0]


def _integration(invoke: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    """Bound a function's time, its event and its answer."""

    async def strict(*request: Any, **more: Any) -> Answer:
        *_, body = request[:7]
        if len(body or b"") * 4 / 3 > strict_aws.EVENT_BYTES.value:
            return _refused(strict_aws.LARGE_REQUEST)
        try:
            answer = await asyncio.wait_for(
                invoke(*request, **more),
                strict_aws.INTEGRATION_SECONDS.value,
            )
        except TimeoutError:
            return _refused(strict_aws.SLOW_FUNCTION)
        too_large = _encoded_bytes(answer[2]) > strict_aws.EVENT_BYTES.value
        return _refused(strict_aws.FAILED_FUNCTION) if too_large else answer

    return strict


def _encoded_bytes(body: bytes) -> int:
    """Return how much of Lambda's answer a body is: as a JSON string, or in base64."""
    try:
        return len(json.dumps(body.decode(), ensure_ascii=False).encode())
    except UnicodeDecodeError:
        return len(body) * 4 // 3


def _result(of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Answer for a function that failed or could not start, in the gateway's own words."""

    def strict(result: dict[str, Any]) -> Any:
        trouble = (
            strict_aws.THROTTLED_FUNCTION
            if result.get("throttle")
            else strict_aws.FAILED_FUNCTION
            if result.get("error")
            else None
        )
        if trouble is None:
            return of(result)
        status, headers, body = _refused(trouble)
        return {"statusCode": status, "headers": headers, "body": body.decode()}, None

    return strict


def _cookies_apart(execute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Take the cookies of a request out of its headers."""

    def strict(function: Any, event: Any) -> Any:
        if "http" in event.get("requestContext", {}) and "cookie" in event["headers"]:
            headers = dict(event["headers"])
            cookies = [cookie.strip() for cookie in headers.pop("cookie").split(";")]
            event = {**event, "headers": headers, strict_aws.COOKIES_FIELD.value: cookies}
        return execute(function, event)

    return strict


# --- Queues ---


def _receives_less(receive: Callable[[str, int], Any]) -> Callable[[str, int], Any]:
    return lambda queue_url, most: receive(queue_url, _chance.randint(strict_aws.RECEIVED_AT_LEAST.value, most))


def _sometimes_twice(run: Callable[..., None]) -> Callable[..., None]:
    """Let the function have a batch of a standard queue once more, now and then."""

    def strict(esm: Any, function: Any, event: Any, *rest: Any) -> None:
        *_, queue_name = rest
        if not queue_name.endswith(".fifo") and _chance.random() < strict_aws.MESSAGES_TWICE_SHARE.value:
            lambda_svc._execute_function(function, event)  # noqa: SLF001 - what it answers is not heeded: it comes again
        run(esm, function, event, *rest)

    return strict


# --- SNS ---


def _pending_at_first(subscribe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let an e-mail address wait until its reader confirms; the token is the address."""

    def strict(params: Any) -> Any:
        endpoint, protocol = sns._p(params, "Endpoint"), sns._p(params, "Protocol")  # noqa: SLF001
        topic, error = sns._get_topic(sns._p(params, "TopicArn"), "sns:Subscribe")  # noqa: SLF001
        before = {each["arn"] for each in topic["subscriptions"]} if error is None else set()
        answer = subscribe(params)
        if error is None and protocol == "email":
            for each in topic["subscriptions"]:
                if each["arn"] not in before and each["endpoint"] == endpoint:
                    each |= {"confirmed": False, "token": endpoint}
        return answer

    return strict


def _leaves_a_tombstone(unsubscribe: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def strict(params: Any) -> Any:
        arn = sns._p(params, "SubscriptionArn")  # noqa: SLF001
        topic_arn = sns._sub_arn_to_topic.get(arn)  # noqa: SLF001
        topic = sns._topic_by_arn_any_scope(topic_arn) if topic_arn else None  # noqa: SLF001
        found = [each for each in topic["subscriptions"] if each["arn"] == arn] if topic else []
        if any(not each["confirmed"] for each in found):
            words = "Invalid parameter: Cannot unsubscribe a subscription that is pending confirmation"
            return sns._error("InvalidParameter", words, 400)  # noqa: SLF001
        answer = unsubscribe(params)
        if topic:
            topic.setdefault("tombstones", []).extend(found)
        return answer

    return strict


def _listed(of_topic: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """List what waits and what is gone under the words that AWS has in place of an ARN."""

    def strict(params: Any) -> Any:
        topic, error = sns._get_topic(sns._p(params, "TopicArn"), "sns:ListSubscriptionsByTopic")  # noqa: SLF001
        if error is not None:
            return of_topic(params)
        present = topic["subscriptions"]
        topic["subscriptions"] = [
            *(each if each["confirmed"] else each | {"arn": strict_aws.PENDING_ARN.value} for each in present),
            *(each | {"arn": strict_aws.UNSUBSCRIBED_ARN.value} for each in topic.get("tombstones", [])),
        ]
        try:
            return of_topic(params)
        finally:
            topic["subscriptions"] = present

    return strict


# --- The schedule ---


def _late_within_the_minute(tick: Callable[[], None]) -> Callable[[], None]:
    """Let each call of a schedule come anywhere within its minute."""
    invoke = eventbridge._invoke_target  # noqa: SLF001

    def late(*event: Any) -> None:
        offset = _chance.uniform(0, strict_aws.SCHEDULER_OFFSET_SECONDS.value)
        threading.Timer(offset, contextvars.copy_context().run, (invoke, *event)).start()

    def strict() -> None:
        eventbridge._invoke_target = late  # noqa: SLF001
        try:
            tick()
        finally:
            eventbridge._invoke_target = invoke  # noqa: SLF001

    return strict


if __name__ == "__main__":
    main()
