"""What a deployment may choose: the CDK context, parsed and checked in this one place.

Nothing else in infra/ reads the context. The defaults stand in cdk.json too, where a user sees them; those here serve a
plain `python app.py`, which does not read that file. A test keeps the two equal.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

MAX_BODY_BYTES: Final = 100_000
LOG_DAYS: Final[Mapping[int, str]] = {  # what CloudWatch offers, by its name in the CDK
    1: "ONE_DAY",
    3: "THREE_DAYS",
    5: "FIVE_DAYS",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    60: "TWO_MONTHS",
    90: "THREE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    731: "TWO_YEARS",
}
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")


class BadSettingError(ValueError):
    """A context value that cannot be used; the text names the key and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One deployment's choices."""

    stack_name: str = "Lastseen"  # another one for a second deployment in the same region
    arch: str = "arm64"  # the processor of the functions
    python: str = "3.13"  # whose binary wheels and byte code are bundled; the Lambda runtime stays python3.13
    alert_emails: tuple[str, ...] = ()
    ops_emails: tuple[str, ...] = ()  # a second contact, for trouble of Lastseen itself
    heartbeat_url: str = ""  # of a monitor outside, pinged by each sweep; a secret
    history_days: int = 90  # 0 keeps flips only
    body_limit: int = 10_000  # bytes kept of a ping's body
    checks_per_project: int = 20_000
    pinged_checks_per_day: int = 2_000  # that first pings may create in a project; 0: none
    log_days: int = 14
    ping_throttle_rate: int = 50  # pings a second, about
    ping_throttle_burst: int = 200
    throttle_rate: int = 50  # requests a second to each other route, about
    throttle_burst: int = 200
    dashboard: bool = False  # of CloudWatch: three are free in an account, each further one is $3 a month
    alarm_after: int = 5  # failed answers, or pings turned away, in five minutes
    reserved_concurrency: int = 0  # of ping; 0 = none, for new accounts have 10 in all and must keep them unreserved
    domain: str = ""
    certificate_arn: str = ""
    site_url: str = ""  # public base address, if it is neither the API's own nor `domain`: a proxy in front
    slack_workspace_id: str = ""  # of a workspace that Amazon Q Developer may post to; with slack_channel_id
    slack_channel_id: str = ""
    allow_private_targets: bool = False  # channels may lead to private addresses: for a local deployment
    throwaway: bool = False  # no deletion protection, no backups; all data goes with the stack
    tables: tuple[str, ...] = ()  # that an earlier deployment left: checks, names, history, settings

    def __post_init__(self) -> None:
        """Refuse choices of which one lacks the other, or that contradict each other."""
        if bool(self.domain) != bool(self.certificate_arn):
            raise BadSettingError(
                "A custom domain needs both: -c domain=ping.example.com -c certificate_arn=arn:aws:acm:..."
            )
        if bool(self.slack_workspace_id) != bool(self.slack_channel_id):
            raise BadSettingError(
                "Amazon Q in Slack needs both: -c slack_workspace_id=T07EA123LEP -c slack_channel_id=C07EZ1ABC23"
            )
        if self.tables and self.throwaway:
            raise BadSettingError(
                "tables and throwaway contradict each other: tables that were kept are not for throwing."
            )

    def refuse_in(self, region: str) -> None:
        """Refuse what AWS does not offer in this region. Raises BadSettingError."""
        if self.slack_workspace_id and region.startswith(_WITHOUT_AMAZON_Q):
            raise BadSettingError(
                f"slack_workspace_id: Amazon Q Developer, which would post to Slack, does not exist in {region}. Leave "
                "it out; after the deploy: lastseen channels create slack --to slack://TokenA/TokenB/TokenC"
            )
        certified = self.certificate_arn.split(":")[3] if self.certificate_arn else region
        if certified != region:
            raise BadSettingError(
                f"certificate_arn is of {certified}, the deployment goes to {region}: a custom domain needs a "
                "certificate of its own region."
            )


def settings_from(context: Mapping[str, Any], *, region: str = "") -> Settings:
    """Parse the context; a key that is absent takes its default. `region`: where it will be deployed, if known.

    Raises BadSettingError.
    """
    chosen = {}
    for field in fields(Settings):
        value = context.get(field.name)
        if value is not None:
            chosen[field.name] = _PARSERS[field.name](field.name, value)
    settings = Settings(**chosen)
    if region:
        settings.refuse_in(region)
    return settings


def _one_of(*allowed: str) -> Callable[[str, Any], str]:
    def parse(key: str, value: Any) -> str:
        if str(value) not in allowed:
            raise BadSettingError(f"{key}={value!r} is not known. Use one of: {', '.join(allowed)}.")
        return str(value)

    return parse


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def parse(key: str, value: Any) -> int:
        if not re.fullmatch(r"\d{1,9}", str(value)) or not low <= int(value) <= high:
            raise BadSettingError(f"{key}={value!r} is not allowed. Use a whole number from {low} to {high}.")
        return int(value)

    return parse


def _log_days(key: str, value: Any) -> int:
    return int(_one_of(*map(str, LOG_DAYS))(key, value))


def _flag(key: str, value: Any) -> bool:
    return _one_of("true", "false")(key, str(value).lower()) == "true"


def _emails(key: str, value: Any) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in str(value).split(",") if part.strip())
    for address in addresses:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address):
            raise BadSettingError(f"{key}: {address!r} is no e-mail address. Use {key}=a@example.com,b@example.com.")
    return tuple(dict.fromkeys(addresses))


def _tables(key: str, value: Any) -> tuple[str, ...]:
    names = tuple(part.strip() for part in str(value).split(",") if part.strip())
    # The CDK names a table after its place, so that of another place gives itself away.
    misplaced = [
        name
        for name, place in zip(names, TABLES, strict=False)
        for other in TABLES
        if other != place and f"Tables{other}" in name
    ]
    if (names and len(names) != len(TABLES)) or misplaced or any(not re.fullmatch(r"[\w.-]{3,255}", n) for n in names):
        raise BadSettingError(
            f"{key}={value!r}: name the four tables in this order: {','.join(f'<{name.lower()}>' for name in TABLES)}. "
            "They were printed by the deploy as ChecksTable, NamesTable, HistoryTable, SettingsTable."
        )
    return names


def _matching(pattern: str, example: str) -> Callable[[str, Any], str]:
    def parse(key: str, value: Any) -> str:
        if value and not re.fullmatch(pattern, str(value)):
            raise BadSettingError(f"{key}={value!r} does not look right. Write it like {example}")
        return str(value)

    return parse


def _secret_url(key: str, value: Any) -> str:
    if value and not re.fullmatch(r"https?://[^/\s]+\S*", str(value)):
        raise BadSettingError(f"{key} does not look right. Write it like https://monitor.example.com/...")
    return str(value)


TABLES: Final = ("Checks", "Names", "History", "Settings")
_WITHOUT_AMAZON_Q: Final = ("cn-", "us-gov-", "us-iso", "eu-isoe-")  # beginnings of regions

_PARSERS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "stack_name": _matching(r"[A-Za-z][A-Za-z0-9-]{0,99}", "Lastseen-staging"),
    "arch": _one_of("arm64", "x86_64"),
    "python": _one_of(*PYTHONS),
    "alert_emails": _emails,
    "ops_emails": _emails,
    "heartbeat_url": _secret_url,
    "history_days": _whole(0, 3650),
    "body_limit": _whole(0, MAX_BODY_BYTES),
    "checks_per_project": _whole(1, 1_000_000),
    "pinged_checks_per_day": _whole(0, 1_000_000),
    "log_days": _log_days,
    "ping_throttle_rate": _whole(1, 10_000),
    "ping_throttle_burst": _whole(1, 5_000),
    "throttle_rate": _whole(1, 10_000),
    "throttle_burst": _whole(1, 5_000),
    "dashboard": _flag,
    "alarm_after": _whole(1, 1_000_000),
    "reserved_concurrency": _whole(0, 1_000),
    "domain": _matching(r"([a-z0-9-]+\.)+[a-z]{2,}", "ping.example.com"),
    "certificate_arn": _matching(r"arn:aws[a-z-]*:acm:.+", "arn:aws:acm:us-east-1:123456789012:certificate/..."),
    "site_url": _matching(r"https?://[^/\s]+", "https://ping.example.com (no slash at the end)"),
    "slack_workspace_id": _matching(r"[A-Z0-9]{8,20}", "T07EA123LEP"),
    "slack_channel_id": _matching(r"[A-Z0-9]{8,20}", "C07EZ1ABC23"),
    "allow_private_targets": _flag,
    "throwaway": _flag,
    "tables": _tables,
}
