"""Who watches the watcher: alarms to the alert topic.

Never on metrics of DynamoDB: alarms there ignore what is said about missing data. Up to ten alarms are free.
"""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

_BREACHING = cloudwatch.TreatMissingData.BREACHING
_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD


class Alarms(Construct):
    """An alarm for each way in which Lastseen can fall silent itself."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic,
        sweep: lambda_.Function,
        functions: Mapping[str, lambda_.Function],
        dead_letters: Mapping[str, sqs.Queue],
    ) -> None:
        super().__init__(scope, construct_id)
        self._action = actions.SnsAction(topic)
        minute, five_minutes = Duration.minutes(1), Duration.minutes(5)
        self._alarm(
            "SweepMissing",
            "No sweep ran for three minutes: silent jobs go unnoticed. Look at the schedule and the sweep function.",
            sweep.metric_invocations(period=minute, statistic="Sum"),
            _BELOW,
            periods=3,
            missing=_BREACHING,
        )
        for name, function in functions.items():
            self._alarm(
                f"{name}Errors",
                f"The {name.lower()} function of Lastseen failed. Its log group holds the error.",
                function.metric_errors(period=five_minutes, statistic="Sum"),
            )
        for name, queue in dead_letters.items():
            self._alarm(
                f"{name}DeadLetters",
                f"Lastseen gave up on {name.lower()}: they wait among the dead letters. It ends when those are gone.",
                queue.metric_approximate_number_of_messages_visible(period=five_minutes, statistic="Maximum"),
            )

    def _alarm(
        self,
        name: str,
        description: str,
        metric: cloudwatch.Metric,
        comparison: cloudwatch.ComparisonOperator = _AT_LEAST,
        *,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = _FINE,
    ) -> None:
        alarm = metric.create_alarm(
            self,
            name,
            alarm_description=description,
            threshold=1,
            evaluation_periods=periods,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
