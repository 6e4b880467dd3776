"""Who watches the watcher: an alarm for each way in which Lastseen can fall silent itself.

Each notifies the alert topic, and a second contact if there is one, since the first may be what is broken. That it has
ended is sent by a rule of EventBridge: an action of the alarm itself would run as well when a new alarm becomes OK for
the first time, so that the first deployment would greet people with a mail for each.

Never on metrics of DynamoDB: alarms there ignore what is said about missing data. No metric math, no composite alarms:
every alarm stands on a metric that somebody emits, which a test looks after. docs/monitoring.md says what to do for
each.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.nag import accept

OLD_WAKE: Final = Duration.minutes(10)
"""A wake waits for its deadline for about two minutes at most, and one that failed once is hidden for six."""

LOST_SWEEPS: Final = 3
"""In five minutes; one alone is healed by the next minute, and two are by the one after."""

_BREACHING = cloudwatch.TreatMissingData.BREACHING
_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_MINUTE, _FIVE = Duration.minutes(1), Duration.minutes(5)


def own_metric(
    scope: Construct, service: str, name: str, *, period: Duration = _FIVE, statistic: str = cloudwatch.Stats.SUM
) -> cloudwatch.Metric:
    """Return a metric that one of our functions emits: its dimension `service` is the function's name.

    Its namespace is the stack's name, so that two stacks in a region do not count for each other.
    """
    return cloudwatch.Metric(
        namespace=Stack.of(scope).stack_name,
        metric_name=name,
        dimensions_map={"service": service},
        period=period,
        statistic=statistic,
    )


class Alarms(Construct):
    """All alarms, in the order in which they stand on the dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        contacts: Sequence[sns.ITopic],
        api: apigw.HttpApi,
        ping: lambda_.Function,
        wakes: sqs.Queue,
        topics: Mapping[str, sns.ITopic],
        functions: Mapping[str, lambda_.Function],
        dead_letters: Mapping[str, sqs.Queue],
        lost_sweeps: sqs.Queue,
        after: int,
    ) -> None:
        """Make the alarms.

        `functions`: those whose errors no client sees; `dead_letters`: the queues of what waits for a person;
        `lost_sweeps`: of what the next minute heals; `after`: how many failed answers, or pings turned away, within
        five minutes are too many.
        """
        super().__init__(scope, construct_id)
        self._actions = [actions.SnsAction(contact) for contact in contacts]
        self.alarms: list[cloudwatch.IAlarm] = []
        self._watch_the_sweep(lost_sweeps)
        self._watch_hearing(api, ping, after)
        self._watch_alerts(wakes, topics)
        self._watch_deliveries()
        for name, function in functions.items():
            self._alarm(
                f"{name}Errors",
                f"The {name.lower()} function failed. Its log group holds the error.",
                function.metric_errors(period=_FIVE, statistic=cloudwatch.Stats.SUM),
            )
        for name, queue in dead_letters.items():
            self._alarm(
                f"{name}DeadLetters",
                f"Lastseen gave up on {name.lower()}: they wait among the dead letters. It ends when those are gone.",
                queue.metric_approximate_number_of_messages_visible(period=_FIVE, statistic=cloudwatch.Stats.MAXIMUM),
            )
        self._say_when_they_end(contacts)

    def _say_when_they_end(self, contacts: Sequence[sns.ITopic]) -> None:
        """Notify the contacts of each alarm that was on and is OK again. The topics' policy lets the rule."""
        text = {
            "inputPathsMap": {"alarm": "$.detail.alarmName", "at": "$.time", "why": "$.detail.state.reason"},
            "inputTemplate": '"OK: <alarm> has ended at <at>. <why>"',
        }
        rule = events.CfnRule(
            self,
            "Ended",
            description="Says when an alarm of Lastseen has ended",
            event_pattern={
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "resources": [alarm.alarm_arn for alarm in self.alarms],
                "detail": {"state": {"value": ["OK"]}, "previousState": {"value": ["ALARM"]}},
            },
            targets=[
                {"id": f"Contact{number}", "arn": contact.topic_arn, "inputTransformer": text}
                for number, contact in enumerate(contacts)
            ],
        )
        why = "EventBridge tries for a day; and that an alarm has ended stands in CloudWatch, whatever is sent."
        accept(rule, "EventBusDLQ", reason=why, pack="Serverless")

    def _watch_the_sweep(self, lost_sweeps: sqs.Queue) -> None:
        self._alarm(
            "SweepMissing",
            "No sweep was completed for three minutes: silent jobs go unnoticed. Look at the schedule, and at the log "
            "of the sweep function.",
            own_metric(self, "sweep", "SweepCompleted", period=_MINUTE),
            _BELOW,
            periods=3,
            missing=_BREACHING,
        )
        # What arrives there, not what lies there: the next sweep makes up for it, so no person has to end the alarm.
        self._alarm(
            "SweepsDeadLetters",
            f"{LOST_SWEEPS} sweeps within five minutes could not be started, or failed. The dead letters hold the "
            "reason. It ends by itself.",
            lost_sweeps.metric_number_of_messages_sent(period=_FIVE, statistic=cloudwatch.Stats.SUM),
            threshold=LOST_SWEEPS,
        )

    def _watch_hearing(self, api: apigw.HttpApi, ping: lambda_.Function, after: int) -> None:
        self._alarm(
            "CanaryLost",
            "Lastseen did not hear its own ping through the public URL for three minutes: pings of jobs may be lost. "
            "Look at the HTTP API, a custom domain's DNS record and certificate, and the log of the ping function.",
            own_metric(self, "sweep", "CanaryLost", period=_MINUTE),
            periods=3,
        )
        self._alarm(
            "ServerErrors",
            f"The HTTP API answered with 5xx, {after} times or more in five minutes: pings may be lost unless the jobs "
            "retry. Look at the access log.",
            api.metric_server_error(period=_FIVE, statistic=cloudwatch.Stats.SUM),
            threshold=after,
        )
        self._alarm(
            "PingThrottles",
            f"{after} pings or more in five minutes were turned away because no more functions may run at once. Ask "
            "for a higher Lambda quota: Concurrent executions; `lastseen doctor` says which.",
            ping.metric_throttles(period=_FIVE, statistic=cloudwatch.Stats.SUM),
            threshold=after,
        )

    def _watch_alerts(self, wakes: sqs.Queue, topics: Mapping[str, sns.ITopic]) -> None:
        self._alarm(
            "WakesOld",
            f"A wake has waited for more than {OLD_WAKE.to_minutes():.0f} minutes: alerts are late. Look at the log of "
            "the alert function, and whether it is throttled.",
            wakes.metric_approximate_age_of_oldest_message(period=_MINUTE, statistic=cloudwatch.Stats.MAXIMUM),
            threshold=OLD_WAKE.to_seconds(),
            periods=3,
        )
        for name, topic in topics.items():
            self._alarm(
                f"{name}NotificationsFailed",
                "SNS could not deliver an alert to a subscriber. Look at the subscriptions of this topic.",
                topic.metric_number_of_notifications_failed(period=_FIVE, statistic=cloudwatch.Stats.SUM),
            )
        self._alarm(
            "BrokenChecks",
            "A check's item, schedule or log, or a channel, is broken: it may not be watched, or not be notified. The "
            "alert function's log names it.",
            own_metric(self, "alert", "BrokenChecks"),
        )

    def _watch_deliveries(self) -> None:
        self._alarm(
            "DeliveriesFailing",
            "A chat or webhook hangs or is away; it is tried again for over an hour. The deliver log names it.",
            # Longer than the longest wait between two tries, so that the alarm does not end in between.
            own_metric(self, "deliver", "DeliveriesFailing", period=Duration.minutes(20)),
        )

    def _alarm(
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        comparison: cloudwatch.ComparisonOperator = _AT_LEAST,
        *,
        threshold: float = 1,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = _FINE,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{Stack.of(self).stack_name}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        for action in self._actions:
            alarm.add_alarm_action(action)
        self.alarms.append(alarm)
