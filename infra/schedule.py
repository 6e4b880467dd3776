"""The minute hand: EventBridge Scheduler starts the sweep."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from infra.wakes import dead_letters


class MinuteHand(Construct):
    """Each minute one sweep. A call that failed is repeated within that minute; the next minute's replaces it."""

    def __init__(self, scope: Construct, construct_id: str, *, sweep: lambda_.Function) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
            ),
            description="Lets the schedule of Lastseen start the sweep",
        )
        self.dead_letters = dead_letters(self, "DeadLetters")
        self._keep_what_failed(sweep)
        self.schedule = scheduler.Schedule(
            self,
            "Schedule",
            description="Starts the sweep of Lastseen",
            schedule=scheduler.ScheduleExpression.rate(Duration.minutes(1)),
            target=targets.LambdaInvoke(
                sweep,
                max_event_age=Duration.seconds(60),
                retry_attempts=2,  # so that one throttled call is no dead letter; two sweeps in a minute do no harm
                dead_letter_queue=self.dead_letters,
                role=self.role.without_policy_updates(),  # its grants stand in stack.py
            ),
        )

    def _keep_what_failed(self, sweep: lambda_.Function) -> None:
        """Send a sweep that failed, or was never let in, to the dead letters. Grants nothing.

        The property is set on what the CDK makes for an asynchronous function, whose own way would grant more than the
        one action that stands in stack.py.
        """
        invoked = sweep.node.find_child("EventInvokeConfig").node.default_child
        if not isinstance(invoked, lambda_.CfnEventInvokeConfig):
            raise TypeError("The sweep is not invoked asynchronously any more: look how the CDK says so.")
        lost = lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=self.dead_letters.queue_arn)
        invoked.destination_config = lambda_.CfnEventInvokeConfig.DestinationConfigProperty(on_failure=lost)
