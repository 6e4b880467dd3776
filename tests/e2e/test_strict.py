"""The journeys once more, where AWS is at its worst: what tests/strict_aws.py lists, on the emulator.

What the gateway turns away, clients send again, as curl does with --retry: so does this client.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests import strict_aws
from tests.conftest import Figure, Local
from tests.e2e import errands, test_channels, test_journey, test_keys, test_pages
from tests.e2e.conftest import STRICT, Deployed, deployment
from tests.e2e.test_doctor import doctor, environ, left_behind, levels_of
from tests.lastseen.delivery.receiver import listening
from tests.recorded_facts import disagreements

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.timeout(900)]

SECRETS = ("lsw_", "lsr_", "127.0.0.1", "000000000000", "arn:aws")
Journey = Callable[..., None]
JOURNEYS: tuple[Journey, ...] = (
    test_journey.test_a_job_goes_silent_and_recovers_and_fails_and_people_hear_of_each,
    test_journey.test_a_run_that_hangs_is_told_as_stuck,
    test_journey.test_a_hundred_pings_at_once_are_all_taken_and_all_counted,
    test_channels.test_an_alert_goes_from_a_job_to_a_chat_and_a_webhook_that_the_check_names,
    test_channels.test_a_test_tells_whether_it_arrived,
    test_keys.test_the_first_key_is_made_from_aws_credentials_alone,
    test_keys.test_a_project_is_made_used_and_deleted_from_aws_credentials_alone,
    test_pages.test_a_person_signs_in_sees_a_check_pauses_it_and_signs_out,
    test_pages.test_a_read_only_key_shows_no_ping_url,
    *errands.ERRANDS["ping"],
    *errands.ERRANDS["alert"],
)


@pytest.fixture(scope="module")
def strict() -> Iterator[Deployed]:
    with deployment(STRICT) as made, httpx.Client(transport=_Persistent(), timeout=60) as http:
        yield replace(made, http=http)


def as_local(strict: Deployed) -> Local:
    url, keys = strict.live.url, strict.live.keys
    return Local(f"{url}/ping", f"{url}/api", keys.write, keys.read, keys.ping, environment={}, log=Path())


def test_each_journey_holds_where_aws_is_at_its_worst(strict: Deployed, subtests: pytest.Subtests) -> None:
    for journey in JOURNEYS:
        with subtests.test(journey.__name__), listening() as receiver:
            known = {"deployed": strict, "receiver": receiver, "local": as_local(strict)}
            journey(**{name: known[name] for name in inspect.signature(journey).parameters})


def test_a_path_that_the_gateway_changes_reaches_no_other_check(strict: Deployed) -> None:
    url = strict.create("odd-paths")
    uuid = url.rpartition("/")[2]
    for odd, status, pings in (
        ("", 200, 1),
        ("%3Fx", 200, 2),
        ("%2Ffail", 200, 3),
        ("%25done", 400, 3),
        ("%FF", 404, 3),
    ):
        assert strict.http.get(f"{strict.live.url}/ping/{uuid}{odd}").status_code == status, odd
        assert strict.check(url)["n_pings"] == pings, odd
    assert strict.check(url)["status"] == "down"


def test_the_gateway_turns_a_flood_away_in_its_own_words_and_no_ping_with_it(strict: Deployed) -> None:
    url = strict.create("in-a-flood")
    gateway, route = strict.cloud.client("apigatewayv2"), "ANY /iam/{proxy+}"
    [api] = strict.live.stack.of_type("AWS::ApiGatewayV2::Api")
    stage = {"ApiId": api.physical_id, "StageName": "$default"}
    before = gateway.get_stage(**stage)["RouteSettings"]
    few = {"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 5}  # this machine sends no more than fifty a second
    gateway.update_stage(**stage, RouteSettings=before | {route: few})
    with httpx.Client(timeout=60) as impatient:
        answers = [impatient.get(f"{strict.live.url}/iam/x") for _ in range(40)]
    gateway.update_stage(**stage, RouteSettings=before)
    assert {answer.status_code for answer in answers} == {403, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.text == strict_aws.TOO_MANY_REQUESTS.value.body
    assert "access-control-allow-origin" not in refused.headers
    assert httpx.get(url, timeout=60).status_code == 200


def test_an_answer_or_a_request_beyond_the_limits_is_refused_in_the_gateways_words(strict: Deployed) -> None:
    url = strict.create("large")
    for size, status in ((5_000_000, 413), (11_000_000, 413), (4_000_000, 200)):
        assert strict.http.post(url, content=b"\xff" * size).status_code == status, size


def test_a_mail_that_nobody_confirmed_or_somebody_unsubscribed_is_known_as_such(strict: Deployed) -> None:
    made = strict.api("POST", "/channels/", {"name": "mail", "target": "ops@example.com", "default": False})
    assert made.status_code == 201, made.text

    def state() -> str:
        return str(strict.api("GET", "/channels/mail").json()["state"])

    assert state() == "pending"
    confirmed = strict.api("POST", "/channels/mail/confirm", {"token": "ops@example.com"})
    assert confirmed.status_code == 200, confirmed.text
    assert state() == "on"
    sns, topic = strict.cloud.client("sns"), strict.live.stack.output("ChannelsTopicArn")
    [arn] = [
        each["SubscriptionArn"]
        for each in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        if each["Endpoint"] == "ops@example.com"
    ]
    sns.unsubscribe(SubscriptionArn=arn)  # as a mail scanner does, that follows every link
    assert state() == "pending"
    assert strict.api("DELETE", "/channels/mail").status_code == 200
    again = strict.api("POST", "/channels/", {"name": "mail", "target": "ops@example.com", "default": False})
    assert again.status_code == 201, again.text


def test_the_deep_doctor_measures_a_deployment_writes_facts_without_secrets_and_leaves_nothing(
    strict: Deployed, tmp_path: Path, figure: Figure
) -> None:
    file = tmp_path / "facts.json"
    command = doctor(strict, "--deep", "--yes", "--deadlines", "2", "--facts", str(file))
    done = subprocess.run(command, env=environ(strict), capture_output=True, text=True, check=False, timeout=800)
    document = json.loads(done.stdout)
    levels, recorded = levels_of(document["findings"]), json.loads(file.read_text())
    facts = recorded["facts"]
    assert disagreements(recorded) == []
    for about in ("versions", "quotas", "permissions", "gateway", "flood", "sweep gaps", "SMS settings", "failures"):
        assert levels[about] == ["ok"], (about, document["findings"])
    assert "10 of 10: sweeps" in done.stderr
    assert facts["deadlines"]["sent"] == facts["deadlines"]["arrived"] == 2
    assert facts["failures"]["sent"] == facts["failures"]["arrived"] == 10
    assert 0 < facts["deadlines"]["min"] <= facts["deadlines"]["p50"] <= facts["deadlines"]["max"] < 60
    figure(f"lateness of deadlines {facts['deadlines']}, of failures {facts['failures']}")
    assert facts["permissions"]["wrong"] == []
    assert facts["permissions"]["granted"] > 70
    assert facts["permissions"]["denied"] > 50
    assert facts["versions"]["inside"]["botocore"]
    assert facts["gateway"]["bodies"]["binary"]["recorded"]["body_is_the_same"] is True
    assert facts["gateway"]["methods"]["preflight"]["recorded"] is None
    assert any("Not here: there are no SMS settings" in finding["says"] for finding in document["findings"])
    assert [secret for secret in SECRETS if secret in file.read_text()] == []
    assert left_behind(strict) == []


class _Persistent(httpx.BaseTransport):
    """Sends again what the gateway has turned away, as every client of ours does."""

    TRIES = 8

    def __init__(self) -> None:
        self._transport = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        for attempt in range(self.TRIES):
            answer = self._transport.handle_request(request)
            answer.read()
            if answer.status_code not in {429, 503} or attempt == self.TRIES - 1:
                break
            time.sleep(0.2 * 2**attempt)
        return answer

    def close(self) -> None:
        self._transport.close()
