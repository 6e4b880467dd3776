"""The topic that carries alerts to people and chats.

No KMS key: `alias/aws/sns` silently stops CloudWatch alarms, and a key of our own costs a dollar a month; alerts are no
secrets.
"""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.nag import accept


class AlertTopic(Construct):
    """A topic over TLS only, with its e-mail subscribers. Each must confirm by the mail that AWS sends.

    `topic_id`: of its own for a second topic that the same function subscribes to.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, emails: Sequence[str] = (), topic_id: str = "Topic"
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, topic_id, display_name="Lastseen", enforce_ssl=True)
        for email in emails:
            subscription = self.topic.add_subscription(subscriptions.EmailSubscription(email))
            why = "A mail that SNS could not hand over rings the alarm NotificationsFailed; nobody would read its copy."
            accept(subscription, "SNSRedrivePolicy", reason=why, pack="Serverless")
        # The TLS rule replaces the policy that a topic is born with, and by which alarms might publish. An alarm says
        # itself that it begins; EventBridge says that it has ended (alarms.py).
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[
                    iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                    iam.ServicePrincipal("events.amazonaws.com"),
                ],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
