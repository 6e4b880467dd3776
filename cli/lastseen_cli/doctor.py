"""`lastseen doctor`: look at a deployment with its owner's credentials, and report what could cause trouble.

Each examination reads something and returns findings, each with what to do. What the caller may not read, or what a
cloud does not answer, is a warning of its own and stops no other examination. Only trouble makes the exit status 1.
"""

from __future__ import annotations

import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lastseen.core.check import Check
from lastseen.core.schedule import Period, ScheduleError, next_due
from lastseen.core.zones import rules_version
from lastseen.health.canary import CANARY_PROJECT, STALE
from lastseen.storage.documents import CANARY, CHANNELS
from lastseen.storage.errors import CorruptError
from lastseen.storage.items import check_from_item
from lastseen.text.words import span
from lastseen_cli import output, sms
from lastseen_cli.aws import words
from lastseen_cli.deployment import Deployment

SKEW_WARNING, SKEW_TROUBLE = timedelta(seconds=30), timedelta(minutes=5)
"""AWS refuses signatures that are more than five minutes off."""

DEPRECATION_NOTICE = timedelta(days=180)
RUNTIMES = {  # docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    "python3.11": date(2027, 6, 30),
    "python3.12": date(2028, 10, 31),
    "python3.13": date(2029, 6, 30),
    "python3.14": date(2029, 6, 30),
}
ROOMY = 100
"""Functions at once that a deployment of any size should have."""

PING_ROUTE = "ANY /ping/{proxy+}"

NEAR = 0.5
"""The share of the throttle from which the busiest minute is worth a warning: within a minute, pings come in bursts."""

REQUEST_SECONDS = 20

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "AuthorizationErrorException",
}


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    about: str
    says: str
    fix: str = ""


Examination = Callable[[Deployment, datetime], Iterator[Finding]]


def examine(deployment: Deployment, now: datetime) -> list[Finding]:
    """Make every examination."""
    return [finding for about, look in EXAMINATIONS.items() for finding in _guarded(about, look, deployment, now)]


def status(findings: Sequence[Finding]) -> int:
    """Return the exit status."""
    return int(any(finding.level is Level.TROUBLE for finding in findings))


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what was found, for programs."""
    return {"healthy": status(findings) == 0, "findings": [asdict(finding) for finding in findings]}


def _guarded(about: str, look: Examination, deployment: Deployment, now: datetime) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(look(deployment, now))
    except ClientError as error:
        code, operation = error.response["Error"].get("Code", ""), error.operation_name
        if code in _DENIED:
            fix = f"Allow it to look: {operation}."
            found.append(Finding(Level.WARNING, about, "Your credentials may not read this.", fix))
        else:
            found.append(Finding(Level.WARNING, about, f"AWS did not answer {operation}: {words(error)}"))
    except BotoCoreError as error:
        found.append(Finding(Level.WARNING, about, f"This could not be read: {words(error)}"))
    except CorruptError as error:
        found.append(Finding(Level.WARNING, about, f"This could not be read: {error}"))
    return found


# --- Examinations ---


def sweeps(deployment: Deployment, now: datetime) -> Iterator[Finding]:
    """Look when the last ping of the canary came: each sweep pings it through the public URL."""
    about = "sweeps"
    hint = "Look at the schedule and at the logs of the sweep and ping functions; docs/monitoring.md says more."
    for one in deployment.of_type("AWS::Scheduler::Schedule"):
        group, _, name = one.physical_id.rpartition("/")
        schedule = deployment.client("scheduler").get_schedule(Name=name, **({"GroupName": group} if group else {}))
        if schedule.get("State") != "ENABLED":
            yield Finding(
                Level.TROUBLE, about, "The schedule is switched off: nobody looks for silent jobs.", "Enable it."
            )
    record = CANARY.read(deployment.store)
    canary = deployment.store.get(record.check_id, strong=True) if record else None
    if canary is None or canary.last_ping is None:
        yield Finding(Level.TROUBLE, about, "No sweep has pinged yet.", f"Wait two minutes. {hint}")
    elif now - canary.last_ping > STALE:
        ago = span(now - canary.last_ping)
        yield Finding(Level.TROUBLE, about, f"The last sweep pinged {ago} ago; one is expected each minute.", hint)
    else:
        yield Finding(Level.OK, about, f"The last one pinged {span(now - canary.last_ping)} ago.")


def alarms(deployment: Deployment, _now: datetime) -> Iterator[Finding]:
    """Look at the stack's alarms."""
    about = "alarms"
    asked = [one.physical_id for one in deployment.of_type("AWS::CloudWatch::Alarm")]
    if not asked:
        yield Finding(Level.TROUBLE, about, "The stack has no alarms.", "Deploy it again.")
        return
    answer = deployment.client("cloudwatch").describe_alarms(AlarmNames=asked, MaxRecords=100)
    found = {one["AlarmName"]: one for one in answer["MetricAlarms"]}
    wrong = 0
    for name in asked:
        alarm = found.get(name)
        if alarm is None:
            yield Finding(Level.TROUBLE, about, f"{name} is gone.", "Deploy the stack again, or repair its drift.")
        elif not alarm.get("ActionsEnabled", True):
            yield Finding(
                Level.TROUBLE, about, f"{name} notifies nobody: its actions are switched off.", "Enable its actions."
            )
        elif alarm["StateValue"] == "ALARM":
            yield Finding(Level.TROUBLE, about, f"{name} is in alarm. {alarm.get('AlarmDescription', '')}".strip())
        else:
            continue
        wrong += 1
    if not wrong:
        yield Finding(Level.OK, about, f"All {len(asked)} are on and quiet.")


def dead_letters(deployment: Deployment, _now: datetime) -> Iterator[Finding]:
    """Look for what Lastseen gave up on."""
    about = "dead letters"
    queues = [
        one
        for one in deployment.of_type("AWS::SQS::Queue")
        if "DeadLetters" in one.logical_id or "LostEvents" in one.logical_id
    ]
    waiting = 0
    for one in queues:
        asked = ["ApproximateNumberOfMessages"]
        answer = deployment.client("sqs").get_queue_attributes(QueueUrl=one.physical_id, AttributeNames=asked)
        count = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        waiting += count
        if count:
            name = one.physical_id.rsplit("/", 1)[-1]
            fix = "Look at the log of the function that it is for; then redrive or purge the queue."
            yield Finding(Level.TROUBLE, about, f"{count} in {name}.", fix)
    if not waiting:
        yield Finding(Level.OK, about, f"None in {len(queues)} queues.")


def subscriptions(deployment: Deployment, _now: datetime) -> Iterator[Finding]:
    """Look whether alerts reach somebody."""
    about = "subscriptions"
    listed: list[dict[str, str]] = []
    for topic in deployment.of_type("AWS::SNS::Topic"):
        pages = (
            deployment.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic.physical_id)
        )
        listed += [one for page in pages for one in page["Subscriptions"]]
    pending = [one for one in listed if one["SubscriptionArn"] == "PendingConfirmation"]
    confirmed = {one["SubscriptionArn"] for one in listed if one["SubscriptionArn"].startswith("arn:")}
    for one in pending:
        fix = "Let its owner follow the link in the mail from AWS; subscribe it again if that mail is gone."
        yield Finding(Level.TROUBLE, about, f"{one['Endpoint']} was never confirmed, so nothing is sent there.", fix)
    for made in deployment.of_type("AWS::SNS::Subscription"):
        if made.physical_id.startswith("arn:") and made.physical_id not in confirmed:
            says = (
                "A subscription of the stack was removed: somebody, or a mail scanner, followed its unsubscribe link."
            )
            yield Finding(
                Level.TROUBLE, about, says, "Take the address out of alert_emails, deploy, and put it in again."
            )
    people = [one for one in listed if one["SubscriptionArn"] in confirmed and one["Protocol"] != "lambda"]
    if people:
        yield Finding(Level.OK, about, f"{len(people)} confirmed.")
    elif not _has_channels(deployment):
        fix = "Deploy with -c alert_emails=you@example.com, or: lastseen channels create"
        yield Finding(Level.TROUBLE, about, "Nobody would get an alert.", fix)
    else:
        fix = "Alarms of AWS itself go to subscribers only: deploy with -c alert_emails=... or -c ops_emails=..."
        yield Finding(Level.WARNING, about, "Only chats and webhooks get alerts.", fix)


def _has_channels(deployment: Deployment) -> bool:
    """Return whether any project has a channel."""
    pages = deployment.client("dynamodb").get_paginator("scan").paginate(TableName=deployment.output("SettingsTable"))
    return any(item["kind"]["S"].startswith(f"{CHANNELS.kind}#") for page in pages for item in page["Items"])


def text_messages(deployment: Deployment, _now: datetime) -> Iterator[Finding]:
    """Look whether text messages can arrive, if any channel sends them."""
    about = "SMS"
    if not sms.is_used(deployment.store):
        return
    found = sms.settings(deployment.client("sns"))
    if found.sandbox:
        says = "The account is in the SMS sandbox: only numbers that were verified there get messages."
        yield Finding(Level.TROUBLE, about, says, "SNS console, Text messaging: exit the SMS sandbox.")
    says = f"Up to {found.limit_usd:g} USD a month are spent on messages; beyond that AWS drops them without a word."
    if found.limit_usd <= sms.DEFAULT_LIMIT_USD:
        yield Finding(Level.WARNING, about, says, "Service Quotas, SNS: ask for a higher SMS spend limit, then set it.")
    elif not found.sandbox:
        sender = "" if found.has_sender else " No sender id is set, which some countries ask for."
        yield Finding(Level.OK, about, says + sender)


def tables(deployment: Deployment, _now: datetime) -> Iterator[Finding]:
    """Look whether data can be restored, and whether old history goes."""
    about = "tables"
    dynamodb = deployment.client("dynamodb")
    unrestorable, unprotected = [], []
    for output_name in ("ChecksTable", "NamesTable", "HistoryTable", "SettingsTable"):
        name = deployment.output(output_name)
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        if recovery != "ENABLED":
            unrestorable.append(name)
        if not dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            unprotected.append(name)
    history = deployment.output("HistoryTable")
    expiry = dynamodb.describe_time_to_live(TableName=history)["TimeToLiveDescription"].get("TimeToLiveStatus")
    keeping, again = "Deploy without -c throwaway=true.", "Deploy the stack again."
    if unrestorable:
        says = f"Point-in-time recovery is off: what is lost stays lost in {', '.join(unrestorable)}."
        yield Finding(Level.TROUBLE, about, says, keeping)
    if unprotected:
        says = f"Deletion protection is off: one call deletes {', '.join(unprotected)}."
        yield Finding(Level.TROUBLE, about, says, keeping)
    if expiry not in {"ENABLED", "ENABLING"}:
        yield Finding(Level.TROUBLE, about, f"TTL is off: {history} keeps everything forever.", again)
    elif not unrestorable and not unprotected:
        yield Finding(Level.OK, about, "Restorable to any second, protected, and old history expires.")


def concurrency(deployment: Deployment, now: datetime) -> Iterator[Finding]:
    """Compare what Lambda may run at once with the herd of jobs that start in one minute."""
    about = "concurrency"
    limit = deployment.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    count, herd, at = _herd(deployment, now)
    fix = "Ask for more: Service Quotas, AWS Lambda, Concurrent executions (1,000 is free). Let jobs retry meanwhile."
    crowd = f"{herd} of {count} checks expect a ping at {at:%H:%M} UTC" if at else f"There are {count} checks"
    says = f"{crowd}; Lambda may run {limit} functions at once."
    if herd >= limit:
        yield Finding(Level.TROUBLE, about, says, fix)
    elif limit < ROOMY:
        yield Finding(Level.WARNING, about, says, fix)
    else:
        yield Finding(Level.OK, about, says)


def _herd(deployment: Deployment, now: datetime) -> tuple[int, int, datetime | None]:
    """Return how many checks there are, and the most that expect a ping in the same minute of a schedule, and when."""
    count, minutes = 0, Counter[datetime]()
    for check in _checks(deployment):
        count += 1
        if isinstance(check.schedule, Period):
            continue  # it pings when it likes
        try:
            due = next_due(check.schedule, now)
        except ScheduleError:
            continue
        if due:
            minutes[due.replace(second=0, microsecond=0)] += 1
    at = max(minutes, key=minutes.__getitem__, default=None)
    return count, minutes[at] if at else 0, at


def _checks(deployment: Deployment) -> Iterator[Check]:
    pages = deployment.client("dynamodb").get_paginator("scan").paginate(TableName=deployment.output("ChecksTable"))
    for page in pages:
        for item in page["Items"]:
            try:
                check = check_from_item(item)
            except CorruptError:
                continue  # an alarm is about those
            if check.project != CANARY_PROJECT:
                yield check


def throttle(deployment: Deployment, now: datetime) -> Iterator[Finding]:
    """Compare the throttle of pings with the API's busiest minute of the last day."""
    about = "throttle"
    for api in deployment.of_type("AWS::ApiGatewayV2::Api"):
        stages = deployment.client("apigatewayv2").get_stages(ApiId=api.physical_id)["Items"]
        rate = next(filter(None, map(_ping_rate, stages)), None)
        if rate is None:
            says = "The API has no throttle: a stranger can make you pay for ten thousand requests a second."
            yield Finding(Level.WARNING, about, says, "Deploy the stack again.")
            continue
        busiest = _busiest_minute(deployment, api.physical_id, now) / 60
        says = (
            f"The busiest minute of the last day had {busiest:.1f} requests a second; the throttle lets {rate:g} pass."
        )
        if busiest >= NEAR * rate:
            fix = f"Deploy with -c ping_throttle_rate={round(4 * busiest)}: what is turned away is a lost ping."
            yield Finding(Level.TROUBLE if busiest >= rate else Level.WARNING, about, says, fix)
        else:
            yield Finding(Level.OK, about, says)


def _ping_rate(stage: Mapping[str, Any]) -> float | None:
    """Return how many pings a second a stage lets in: by a limit of that route, or by that of all."""
    limits = {**stage.get("DefaultRouteSettings", {}), **stage.get("RouteSettings", {}).get(PING_ROUTE, {})}
    return limits.get("ThrottlingRateLimit")


def _busiest_minute(deployment: Deployment, api_id: str, now: datetime) -> float:
    points = deployment.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ApiGateway",
        MetricName="Count",
        Dimensions=[{"Name": "ApiId", "Value": api_id}],
        StartTime=now - timedelta(hours=24),
        EndTime=now,
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(max((point["Sum"] for point in points), default=0))


def runtimes(deployment: Deployment, now: datetime) -> Iterator[Finding]:
    """Look for how long AWS will run what the functions run on."""
    about = "runtime"
    used = set()
    for function in deployment.of_type("AWS::Lambda::Function"):
        answer = deployment.client("lambda").get_function_configuration(FunctionName=function.physical_id)
        used.add(answer["Runtime"])
    fix = "Upgrade Lastseen and deploy it again."
    for runtime in sorted(used):
        end = RUNTIMES.get(runtime)
        if end is None:
            yield Finding(Level.WARNING, about, f"{runtime} is not known to this version.", fix)
        elif now.date() >= end:
            yield Finding(Level.TROUBLE, about, f"{runtime} is deprecated since {end}.", fix)
        elif now.date() >= end - DEPRECATION_NOTICE:
            yield Finding(Level.WARNING, about, f"{runtime} is deprecated from {end} on.", fix)
        else:
            yield Finding(Level.OK, about, f"{runtime} is supported until {end}.")


def clock(deployment: Deployment, now: datetime) -> Iterator[Finding]:
    """Compare this machine's clock with AWS's; `now` was read when AWS answered."""
    about = "clock"
    try:
        theirs = parsedate_to_datetime(deployment.clock_header)
    except ValueError:
        yield Finding(Level.WARNING, about, "AWS did not say what time it is.")
        return
    skew = abs(now - theirs)
    says = f"This machine's clock is {span(skew)} off AWS's."
    if skew <= SKEW_WARNING:
        yield Finding(Level.OK, about, says)
    else:
        yield Finding(Level.TROUBLE if skew > SKEW_TROUBLE else Level.WARNING, about, says, "Let NTP set it.")


def zone_rules(deployment: Deployment, now: datetime) -> Iterator[Finding]:
    """Compare the time zone rules that were deployed with those of this version; both are versions such as 2026f."""
    about = "zone rules"
    url = f"{deployment.output('ApiUrl')}/v3/status/"
    try:
        with urllib.request.urlopen(url, timeout=REQUEST_SECONDS) as answer:  # noqa: S310 - the stack's own URL
            deployed = answer.headers.get("Zone-Rules", "")
    except (OSError, ValueError) as error:
        yield Finding(Level.WARNING, about, f"The API did not say which it follows: {error}")
        return
    says, mine = f"Schedules follow the rules of {deployed or 'an unknown version'}.", rules_version()
    if deployed != mine:
        yield Finding(Level.WARNING, about, says, f"Deploy the stack again: this version of Lastseen has {mine}.")
    elif int(deployed[:4]) < now.year - 1:
        fix = "Governments have changed their clocks since: upgrade Lastseen and deploy it again."
        yield Finding(Level.WARNING, about, says, fix)
    else:
        yield Finding(Level.OK, about, says)


EXAMINATIONS: dict[str, Examination] = {
    "clock": clock,
    "zone rules": zone_rules,
    "sweeps": sweeps,
    "alarms": alarms,
    "dead letters": dead_letters,
    "subscriptions": subscriptions,
    "SMS": text_messages,
    "tables": tables,
    "concurrency": concurrency,
    "throttle": throttle,
    "runtime": runtimes,
}


# --- The report ---


def report(findings: Sequence[Finding]) -> None:
    """Print what was found, a line each, and below what is wrong what to do."""
    for finding in findings:
        output.data(f"{finding.level:<8} {finding.about:<14} {finding.says}")
        if finding.fix and finding.level is not Level.OK:
            output.data(f"{'':<8} {'':<14} -> {finding.fix}")
    count = Counter(finding.level for finding in findings)
    summary = f"{count[Level.TROUBLE]} wrong, {count[Level.WARNING]} worth a look"
    output.say(f"\n{summary}." if count[Level.TROUBLE] + count[Level.WARNING] else "\nAll is well.")
