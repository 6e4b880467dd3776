"""Strict AWS: what AWS documents as its worst case, or was seen to do, where emulators are kinder. Data, one row each.

The emulator (tests/e2e/strict_emulator.py) and the simulation (tests/simulation/world.py) can be switched to it; a row
says which of them does. Every promise of README holds there, or says its "while". What no document says for certain is
marked: `lastseen doctor --deep` finds out, for whoever has an account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

EMULATOR, SIMULATION = "emulator", "simulation"


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """One fact about AWS."""

    value: T
    source: str
    played_by: tuple[str, ...]
    certain: bool = True  # False: it follows from documents or from others' reports, and nobody of us has seen it


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the gateway gives by itself: no function ran, and no CORS header is on it."""

    status: int
    body: str


BATCHING_WINDOW_SECONDS = Row(
    20,
    'Lambda developer guide, "Using Lambda with Amazon SQS": with a batch window on a quiet queue Lambda may wait up '
    "to 20 s before it invokes, however short the window is. Others measured 20 s.",
    (SIMULATION,),
)
SCHEDULER_OFFSET_SECONDS = Row(
    59,
    'EventBridge Scheduler user guide: "All schedule types invoke their targets with 60 second precision", that is '
    "anywhere between 1:00:00 and 1:00:59.",
    (EMULATOR, SIMULATION),
)
MESSAGES_TWICE_SHARE = Row(
    0.1,
    'SQS developer guide, "At-least-once delivery": a copy of a message may be received again. How often is not said; '
    "a tenth is far more than anybody reports.",
    (EMULATOR, SIMULATION),
)
RECEIVED_AT_LEAST = Row(
    1,
    "SQS API reference, ReceiveMessage: fewer messages than asked for may be returned, though there are more.",
    (EMULATOR, SIMULATION),
)
EVENTUAL_READS_STALE_SHARE = Row(
    0.2,
    "DynamoDB developer guide, read consistency: an eventually consistent read may not show a recent write. How often "
    "is not said.",
    (SIMULATION,),
)
CONCURRENT_EXECUTIONS = Row(
    10,
    'Lambda developer guide, "Lambda quotas": new accounts have reduced concurrency; 10 is what people report.',
    (EMULATOR,),
    certain=False,
)
THROTTLED_FUNCTION = Row(
    Refusal(503, '{"message":"Service Unavailable"}'),
    "What an HTTP API answers where Lambda may start no more functions: reported so, not documented.",
    (EMULATOR,),
    certain=False,
)
TOO_MANY_REQUESTS = Row(
    Refusal(429, '{"message":"Too Many Requests"}'),
    "API Gateway developer guide, throttling of HTTP APIs: a token bucket for each route, of the rate and burst that "
    "the stage sets, answers 429.",
    (EMULATOR,),
)
FAILED_FUNCTION = Row(
    Refusal(500, '{"message":"Internal Server Error"}'),
    "API Gateway developer guide, Lambda integrations of HTTP APIs: a function that fails, or answers in no form that "
    "the gateway knows.",
    (EMULATOR,),
)
SLOW_FUNCTION = Row(
    Refusal(503, '{"message":"Service Unavailable"}'),
    "API Gateway quotas of HTTP APIs: an integration has 30 seconds; then the answer is 503.",
    (EMULATOR,),
)
INTEGRATION_SECONDS = Row(30, "API Gateway quotas of HTTP APIs: maximum integration timeout, 30 seconds.", (EMULATOR,))
LARGE_REQUEST = Row(
    Refusal(413, '{"message":"Request Entity Too Large"}'),
    "API Gateway quotas of HTTP APIs: payload size, 10 MB.",
    (EMULATOR,),
)
REQUEST_BYTES = Row(10 * 1024 * 1024, "API Gateway quotas of HTTP APIs: payload size, 10 MB.", (EMULATOR,))
EVENT_BYTES = Row(
    6_291_556,
    "Lambda quotas: a synchronous invocation carries 6 MB in each direction; what runs into it names 6,291,556 bytes. "
    "A larger request of a client is refused with 413, a larger answer of a function is a failed function.",
    (EMULATOR,),
)
PATH_DECODINGS = Row(
    2,
    "hotsock/voker, vokerhttp/testdata/ingress-paths.json, captured on AWS in us-west-2 in July 2026: rawPath is "
    "decoded, literal%252Fvalue arrives as literal/value.",
    (EMULATOR,),
    certain=False,
)
PATH_ENDS_AT = Row(
    "?",
    "The same capture: question%3Fvalue arrives as question: what follows a decoded question mark is cut off.",
    (EMULATOR,),
)
BAD_PATH = Row(
    Refusal(400, '{"message":"Bad Request"}'),
    "The same capture: percent%25done is refused before the function runs. Its status and body are not in it.",
    (EMULATOR,),
    certain=False,
)
COOKIES_FIELD = Row(
    "cookies",
    "API Gateway developer guide, Lambda integrations of HTTP APIs, payload format 2.0: the cookies of a request come "
    "in a list of their own, and not among the headers.",
    (EMULATOR,),
)
UNSUBSCRIBED_ARN = Row(
    "Deleted",
    "ansible pull request 20086 and ten public code bases: a subscription that was removed stays in SNS's list for "
    "hours or days under this ARN.",
    (EMULATOR,),
)
PENDING_ARN = Row(
    "PendingConfirmation",
    "SNS API reference, ListSubscriptionsByTopic: a subscription of an e-mail address has this ARN until its reader "
    "has confirmed it; and Unsubscribe refuses it (go-to-k/cdkd issue 1301).",
    (EMULATOR,),
)
