"""Log groups that forget."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import LOG_DAYS


def log_group(scope: Construct, construct_id: str, *, days: int, name: str | None = None) -> logs.LogGroup:
    """Make a log group that keeps its lines for `days` and goes when the stack goes. `name`: if it has to have one."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=logs.RetentionDays[LOG_DAYS[days]],
        removal_policy=RemovalPolicy.DESTROY,
    )
