"""A check that is deleted while it is down: those who saw that begin see its end first, whatever is cut off."""

from __future__ import annotations

from contextlib import suppress

import pytest

from lastseen.core.channel import DEPLOYMENT, Channel, Via
from lastseen.core.check import Kind, Status
from lastseen.storage.documents import CHANNELS
from tests.lastseen.api.world import ID, World
from tests.times import minutes

CHAT = Channel(id="chat", project="default", name="chat", via=Via.CHAT, target="slack://", default=False)


class KilledError(BaseException):
    """The process ends here; nobody can catch it."""


@pytest.fixture
def world() -> World:
    """A check that failed, of which its channel was notified; it is on the list no more."""
    world = World()
    CHANNELS.write(world.store, CHAT)
    world.check(channels="chat")
    world.ping(kind=Kind.FAIL)
    world.alerts([ID])
    world.topic.published.clear()
    return world


def reasons(world: World) -> list[str]:
    return [str(message.document["reason"]) for message in world.topic.published]


def test_those_who_saw_a_check_go_down_see_that_it_was_deleted(world: World) -> None:
    world.now += minutes(5)
    deleted = world.send("DELETE", f"/api/v3/checks/{ID}")
    assert (deleted.status, deleted.json()["status"]) == (200, "down")
    assert world.get(f"/api/v3/checks/{ID}").status == 404
    [message] = world.topic.published
    assert message.attributes["channel_ids"] == ["chat", DEPLOYMENT]
    assert message.subject == "DELETED: backup was deleted"
    assert "is not watched now. This incident is over, although the job did not succeed." in message.email
    assert message.event.ends
    assert message.event.incident == f"{message.event.id.partition(':')[0]}:1"


def test_what_was_not_announced_yet_is_before_a_check_is_deleted(world: World) -> None:
    world.ping()  # its recovery is still on its way
    assert world.send("DELETE", f"/api/v3/checks/{ID}").status == 503  # nobody was woken: the sweep would do it
    world.alerts([ID])
    assert world.send("DELETE", f"/api/v3/checks/{ID}").status == 200
    assert reasons(world) == ["pinged"]


def test_a_check_of_which_nobody_was_notified_is_deleted_in_silence() -> None:
    world = World()
    world.check(status=Status.UP)
    assert world.send("DELETE", f"/api/v3/checks/{ID}").status == 200
    assert (world.topic.published, world.waited) == ([], [])


def test_a_check_whose_end_cannot_be_announced_stays_and_is_deleted_later(world: World) -> None:
    def refused(_call: str, _when: str) -> None:
        raise OSError("SNS is away")

    world.topic.hook = refused
    answer = world.send("DELETE", f"/api/v3/checks/{ID}")
    assert (answer.status, answer.error) == (
        503,
        "People are still to be notified that its incident is over. The check is paused; delete it again in a minute.",
    )
    assert world.status() is Status.PAUSED
    world.topic.hook = lambda _call, _when: None
    world.alerts([ID])
    assert world.send("DELETE", f"/api/v3/checks/{ID}").status == 200
    assert reasons(world) == ["deleted"]


STEPS = [(call, when) for call in ("save", "announce", "delete") for when in ("before", "after")]


@pytest.mark.parametrize("step", STEPS, ids="-".join)
def test_killed_at_any_step_the_end_is_told_and_the_check_can_be_deleted(step: tuple[str, str], world: World) -> None:
    def killed(call: str, when: str) -> None:
        if (call, when) == step:
            world.store.hook = lambda _call, _when: None
            raise KilledError

    world.store.hook = killed
    with suppress(KilledError):
        world.send("DELETE", f"/api/v3/checks/{ID}")
    if ID in world.store.checks:
        world.alerts([ID])  # as the sweep has it, within a minute
        assert world.send("DELETE", f"/api/v3/checks/{ID}").status == 200
    assert set(reasons(world)) == {"deleted"}
    assert ID not in world.store.checks


def test_a_check_that_goes_down_again_meanwhile_ends_once_more(world: World) -> None:
    def fails_again(call: str, when: str) -> None:
        if (call, when) == ("delete", "before"):
            world.store.hook = lambda _call, _when: None
            world.ping(kind=Kind.FAIL)

    world.store.hook = fails_again
    assert world.send("DELETE", f"/api/v3/checks/{ID}").status == 200
    assert reasons(world) == ["deleted", "failed", "deleted"]
