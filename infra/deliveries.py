"""The way to chats and webhooks: the alert topic to the deliver function, and a queue of deliveries for its retries."""

from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.settings import Settings
from infra.wakes import accept_queue_as_source, dead_letters

TRIES: Final = 12  # with the waits of functions/lastseen/aws/deliveries.py, well over an hour
CONCURRENT_DELIVERIES: Final = 3  # with the alerts, half of what a new account may run at once


class Deliveries(Construct):
    """What goes to chats, one message per event and channel, in order for each check; and what could not be handled."""

    def __init__(self, scope: Construct, construct_id: str, *, consumer_timeout: Duration) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letters(self, "DeadLetters", fifo=True)
        self.lost_events = dead_letters(self, "LostEvents")
        self.queue = sqs.Queue(
            self,
            "Queue",
            fifo=True,
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            visibility_timeout=Duration.seconds(6 * consumer_timeout.to_seconds()),
            retention_period=Duration.days(1),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=TRIES),
        )

    def feed(self, consumer: lambda_.Function, *topics: sns.Topic) -> None:
        """Hand events and deliveries to `consumer`. Grants nothing but that the topics may call it, and keep an event.

        It keeps with the lost events what it cannot hand over, for the function or its permission was deleted.
        """
        for topic in topics:
            topic.add_subscription(subscriptions.LambdaSubscription(consumer, dead_letter_queue=self.lost_events))
        feed = lambda_.EventSourceMapping(
            self,
            "Feed",
            target=consumer,
            event_source_arn=self.queue.queue_arn,
            batch_size=1,  # so that a receiver that hangs holds up no other
            max_concurrency=CONCURRENT_DELIVERIES,
            report_batch_item_failures=True,
        )
        accept_queue_as_source(feed)
        # The construct of the CDK would grant more than the one action that stands in stack.py.
        lambda_.CfnEventInvokeConfig(
            self,
            "Lost",
            function_name=consumer.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=Duration.hours(1).to_seconds(),
            destination_config={"onFailure": {"destination": self.lost_events.queue_arn}},
        )


class AmazonQ(Construct):
    """A Slack channel served by Amazon Q Developer, once AWS Chatbot; its workspace is let in by hand, in the console.

    It shows one JSON form only and silently drops all else, so it has a topic of its own.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", display_name="Lastseen for Amazon Q", enforce_ssl=True)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("chatbot.amazonaws.com"),
            description="What people may do from the Slack channel of Lastseen: nothing but read its messages",
        )
        chatbot.SlackChannelConfiguration(
            self,
            "Slack",
            slack_channel_configuration_name=Stack.of(self).stack_name.lower(),  # one of its name in an account
            slack_workspace_id=settings.slack_workspace_id,
            slack_channel_id=settings.slack_channel_id,
            notification_topics=[self.topic],
            role=role,
            guardrail_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AWSDenyAll")],
        )
