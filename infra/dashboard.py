"""A CloudWatch dashboard: what is wrong, then what comes in, what is looked at, what goes out.

It shows metrics only, and no logs: log queries are paid for each time that somebody looks. Three dashboards an account
are free and each further one is $3 a month, so a deployment has one only if it asks for it (`-c dashboard=true`).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import own_metric

_Own = Callable[..., cloudwatch.Metric]
"""`own_metric`, of this stack."""

_THIRD: Final = 8  # of the 24 columns that CloudWatch has
_SUM, _MAX = cloudwatch.Stats.SUM, cloudwatch.Stats.MAXIMUM
_FIVE = Duration.minutes(5)


class Dashboard(Construct):
    """One page on which a person on call sees where the trouble is."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alarms: Sequence[cloudwatch.IAlarm],
        api: apigw.HttpApi,
        wakes: sqs.Queue,
        topics: Mapping[str, sns.ITopic],
        functions: Mapping[str, lambda_.Function],
        tables: Mapping[str, dynamodb.ITableV2],
        dead_letters: Mapping[str, sqs.Queue],
    ) -> None:
        super().__init__(scope, construct_id)
        board = cloudwatch.Dashboard(
            self,
            "Board",
            dashboard_name=f"{Stack.of(self).stack_name}-{Stack.of(self).region}",
            default_interval=Duration.hours(6),
        )
        board.add_widgets(cloudwatch.AlarmStatusWidget(alarms=list(alarms), title="Alarms", width=24, height=3))
        own = partial(own_metric, self)
        board.add_widgets(*_coming_in(api, functions, own))
        board.add_widgets(*_looked_at(wakes, functions["sweep"], own))
        board.add_widgets(*_going_out(topics, dead_letters, own))
        board.add_widgets(*_underneath(functions, tables))


def _coming_in(api: apigw.HttpApi, functions: Mapping[str, lambda_.Function], own: _Own) -> list[cloudwatch.IWidget]:
    latency = [api.metric_latency(period=_FIVE, statistic=statistic, label=statistic) for statistic in ("p50", "p99")]
    return [
        _graph(
            "Requests",
            functions["ping"].metric_invocations(period=_FIVE, statistic=_SUM, label="pings"),
            functions["api"].metric_invocations(period=_FIVE, statistic=_SUM, label="API and pages"),
        ),
        _graph(
            "Refused, failed",
            api.metric_client_error(period=_FIVE, statistic=_SUM, label="4xx"),
            api.metric_server_error(period=_FIVE, statistic=_SUM, label="5xx"),
            own("sweep", "CanaryLost").with_(label="own pings lost"),
        ),
        _graph("Time to answer, ms", *latency),
    ]


def _looked_at(wakes: sqs.Queue, sweep: lambda_.Function, own: _Own) -> list[cloudwatch.IWidget]:
    oldest = wakes.metric_approximate_age_of_oldest_message(period=_FIVE, statistic=_MAX, label="oldest")
    return [
        _graph(
            "Sweeps",
            own("sweep", "SweepCompleted").with_(label="completed"),
            sweep.metric_duration(period=_FIVE, statistic=_MAX, label="slowest, ms"),
        ),
        _graph(
            "Checks",
            own("sweep", "ChecksSwept", statistic=_MAX).with_(label="watched"),
            own("sweep", "WakesSent").with_(label="woken"),
        ),
        _graph("Age of wakes, s", oldest),
    ]


def _going_out(
    topics: Mapping[str, sns.ITopic], dead_letters: Mapping[str, sqs.Queue], own: _Own
) -> list[cloudwatch.IWidget]:
    named = [(f"{name.lower()} " if name else "", topic) for name, topic in topics.items()]
    return [
        _graph(
            "Alerts",
            own("alert", "Alerts").with_(label="alerts"),
            own("alert", "BrokenChecks").with_(label="broken checks"),
            own("deliver", "DeliveriesFailing").with_(label="tries of chats that fail"),
            *(
                topic.metric_number_of_notifications_delivered(period=_FIVE, statistic=_SUM, label=f"{name}delivered")
                for name, topic in named
            ),
            *(
                topic.metric_number_of_notifications_failed(period=_FIVE, statistic=_SUM, label=f"{name}not delivered")
                for name, topic in named
            ),
        ),
        _graph(
            "From deadline to notification, s",
            own("alert", "AlertLateness", statistic="p50").with_(label="p50"),
            own("alert", "AlertLateness", statistic="p99").with_(label="p99"),
        ),
        _graph(
            "Dead letters",
            *(
                queue.metric_approximate_number_of_messages_visible(period=_FIVE, statistic=_MAX, label=name.lower())
                for name, queue in dead_letters.items()
            ),
        ),
    ]


def _underneath(
    functions: Mapping[str, lambda_.Function], tables: Mapping[str, dynamodb.ITableV2]
) -> list[cloudwatch.IWidget]:
    return [
        _graph(
            "Errors of functions",
            *(one.metric_errors(period=_FIVE, statistic=_SUM, label=name) for name, one in functions.items()),
        ),
        _graph(
            "Throttled, and running at once",
            *(one.metric_throttles(period=_FIVE, statistic=_SUM, label=name) for name, one in functions.items()),
            *(
                one.metric("ConcurrentExecutions", period=_FIVE, statistic=_MAX, label=f"{name} at once")
                for name, one in functions.items()
            ),
        ),
        _graph(
            "Units of the tables",
            *(
                one.metric_consumed_write_capacity_units(period=_FIVE, statistic=_SUM, label=f"{name}, written")
                for name, one in tables.items()
            ),
            tables["checks"].metric_consumed_read_capacity_units(period=_FIVE, statistic=_SUM, label="checks, read"),
        ),
    ]


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        width=_THIRD,
        height=6,
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
    )
