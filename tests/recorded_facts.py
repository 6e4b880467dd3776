"""What `lastseen doctor --deep --facts` wrote at a deployment, held against the table of strict AWS and the promises.

Files from AWS belong into tests/recorded/, as aws-<date>.json. Where one disagrees with the table, the table is wrong:
change the row and its source, and see what breaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lastseen_cli.deep.lateness import PROMISED_SECONDS
from tests import strict_aws


def disagreements(document: dict[str, Any]) -> list[str]:
    """Return in which points the facts are other than what the table says, or a promise is broken."""
    facts = document["facts"]
    return [*_lateness(facts), *_gateway(facts["gateway"]), *_flood(facts["flood"]), *_rest(facts)]


def _lateness(facts: dict[str, Any]) -> Iterator[str]:
    for kind in ("deadlines", "failures"):
        if facts[kind]["arrived"] != facts[kind]["sent"]:
            yield f"{kind}: only {facts[kind]['arrived']} of {facts[kind]['sent']} alerts came"
        elif facts[kind]["p50"] > PROMISED_SECONDS:
            yield f"{kind}: half of the alerts were later than {PROMISED_SECONDS} s"
    longest = 60 + strict_aws.SCHEDULER_OFFSET_SECONDS.value
    if facts["sweeps"].get("max", 0) > longest + 1:
        yield f"sweeps: a gap of {facts['sweeps']['max']} s, and the table allows {longest}"


def _gateway(facts: dict[str, Any]) -> Iterator[str]:
    paths = facts["paths"]
    decodings = sum((paths[odd]["recorded"] or {}).get("kind") == "fail" for odd in ("%2F", "%252F"))
    if decodings != strict_aws.PATH_DECODINGS.value:
        yield f"paths are decoded {decodings} times"
    if paths["%3F"]["recorded"] is None:
        yield "a path is not cut at %3F"
    if not _is(paths["%25"], strict_aws.BAD_PATH):
        yield f"%25 is answered {paths['%25']['status']} {paths['%25']['body']}"
    for body in ("7 MB", "11 MB"):
        if not _is(facts["bodies"][body], strict_aws.LARGE_REQUEST):
            yield f"a body of {body} is answered {facts['bodies'][body]['status']} {facts['bodies'][body]['body']}"


def _flood(facts: dict[str, Any]) -> Iterator[str]:
    if facts["turned_away"] and not _is(facts["turned_away"], strict_aws.TOO_MANY_REQUESTS):
        yield f"a flood is answered {facts['turned_away']['status']} {facts['turned_away']['body']}"


def _rest(facts: dict[str, Any]) -> Iterator[str]:
    if facts["permissions"].get("wrong"):
        yield f"permissions: {facts['permissions']['wrong']}"
    if facts["quotas"]["concurrent_executions"] < strict_aws.CONCURRENT_EXECUTIONS.value:
        yield f"an account with {facts['quotas']['concurrent_executions']} functions at once"
    known = {"confirmed", strict_aws.UNSUBSCRIBED_ARN.value, strict_aws.PENDING_ARN.value}
    unknown = {state.partition(" ")[2] for state in facts["subscriptions"]["states"]} - known
    if unknown:
        yield f"SNS lists {', '.join(sorted(unknown))} in place of an ARN"


def _is(answer: dict[str, Any], row: strict_aws.Row[strict_aws.Refusal]) -> bool:
    return (answer["status"], answer["body"]) == (row.value.status, row.value.body)
