"""The values of `discover`: a job as its source has it, a remark on a line, and the check that a job comes to. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from lastseen.core.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Job:
    """One scheduled job, where it stands, and what is known of it before a check is made of it."""

    place: str  # the file, as messages name it
    line: int
    name: str
    schedule: str
    tz: str
    slug: str = ""  # where the job is watched already, or its scheduler decides it; else made from the name
    hint: str = ""  # what may distinguish it from jobs of the same name
    watched: bool = False
    ours: bool = False  # watched by what `discover` writes
    late_seconds: int = 0  # how much later than its time its scheduler may start it
    skips: bool = False  # its scheduler skips what the clocks skip, as the schedule itself does not say

    @property
    def where(self) -> str:
        """Return file:line."""
        return f"{self.place}:{self.line}"


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a line. `is_fault`: there may be a job that is not watched."""

    where: str
    text: str
    is_fault: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source says."""

    jobs: tuple[Job, ...] = ()
    remarks: tuple[Remark, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Proposal:
    """The check that a job comes to. `due`: its schedule, understood; None if the job is watched in its own way."""

    job: Job
    slug: str
    due: Schedule
    grace: int
