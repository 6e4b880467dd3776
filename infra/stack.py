"""Lastseen as one stack: its parts, its routes and every grant, all on this page.

The detail of a part is in the file of its name; a permission is in none of them.
"""

from collections.abc import Mapping

from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import Alarms
from infra.dashboard import Dashboard
from infra.deliveries import AmazonQ, Deliveries
from infra.functions import Functions
from infra.nag import accept
from infra.schedule import MinuteHand
from infra.settings import Settings
from infra.tables import Tables
from infra.topic import AlertTopic
from infra.wakes import Wakes
from infra.web import Web

ALERT_TIMEOUT = Duration.minutes(1)
DELIVER_TIMEOUT = Duration.minutes(1)


class LastseenStack(Stack):
    """Everything that runs in the user's account."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.stack_name,
            description="Lastseen: alerts people when a background job goes silent",
            termination_protection=not settings.throwaway,
        )
        self.tables = Tables(self, "Tables", throwaway=settings.throwaway, kept=settings.tables)
        self.topic = AlertTopic(self, "Alerts", emails=settings.alert_emails).topic
        self.channels_topic = AlertTopic(self, "Channels", topic_id="TopicOfChannels").topic  # why two: aws/topic.py
        self.wakes = Wakes(self, "Wakes", consumer_timeout=ALERT_TIMEOUT)
        self.deliveries = Deliveries(self, "Deliveries", consumer_timeout=DELIVER_TIMEOUT)
        self.web = Web(self, "Web", settings=settings)
        self._add_functions(settings)
        self.minute_hand = MinuteHand(self, "EachMinute", sweep=self.sweep)
        self._grant()
        self._connect(settings)
        if settings.slack_workspace_id:
            amazon_q = AmazonQ(self, "AmazonQ", settings=settings).topic
            amazon_q.grant_publish(self.deliver)
            self.deliver.add_environment("CHATBOT_TOPIC_ARN", amazon_q.topic_arn)
        self._watch(settings)
        self._output()

    def _add_functions(self, settings: Settings) -> None:
        functions = Functions(self, "Functions", settings=settings, environment=self._environment(settings))
        self.ping = functions.add(
            "ping",
            does="Records a ping",
            memory_mb=256,
            timeout=Duration.seconds(10),
            reserved=settings.reserved_concurrency,
        )
        self.ping.add_environment("URL_SUFFIX", Aws.URL_SUFFIX)  # it has no botocore client to know each partition
        self.sweep = functions.add(
            "sweep", does="Looks for deadlines", memory_mb=512, timeout=Duration.seconds(50), asynchronous=True
        )
        # A whole CPU: in a storm it is CPU that the last alert waits for, and idle it costs nothing.
        self.alert = functions.add("alert", does="Decides, records, notifies", memory_mb=1769, timeout=ALERT_TIMEOUT)
        self.deliver = functions.add(
            "deliver",
            construct_id="Chat",  # its first name; another would replace the function, and what is on its way to it
            does="Posts to chats, webhooks and incident tools",
            memory_mb=512,
            timeout=DELIVER_TIMEOUT,
        )
        for publisher in (self.sweep, self.alert, self.deliver):  # and what is for channels, into the queue
            publisher.add_environment("DELIVERIES_QUEUE_URL", self.deliveries.queue.queue_url)
        self.api = functions.add(
            "api", does="Management API, badges, dashboard", memory_mb=512, timeout=Duration.seconds(29)
        )

    def _environment(self, settings: Settings) -> dict[str, str]:
        return {
            "CHECKS_TABLE": self.tables.checks.table_name,
            "NAMES_TABLE": self.tables.names.table_name,
            "HISTORY_TABLE": self.tables.history.table_name,
            "SETTINGS_TABLE": self.tables.settings.table_name,
            "WAKES_QUEUE_URL": self.wakes.queue.queue_url,
            "TOPIC_ARN": self.topic.topic_arn,
            "CHANNELS_TOPIC_ARN": self.channels_topic.topic_arn,
            "PING_URL": f"{self.web.site_url}/ping",
            "API_URL": f"{self.web.site_url}/api",
            "SITE_URL": self.web.site_url,
            "HISTORY_DAYS": str(settings.history_days),
            "BODY_LIMIT": str(settings.body_limit),
            "CHECKS_PER_PROJECT": str(settings.checks_per_project),
            "PINGED_CHECKS_PER_DAY": str(settings.pinged_checks_per_day),
            "ALLOW_PRIVATE_TARGETS": str(settings.allow_private_targets).lower(),
        }

    def _grant(self) -> None:
        """Every permission, save that each function writes its own log.

        One taken away breaks an errand of tests/e2e: test_grants.py tries it, and names those that the emulator does
        not look at.
        """
        tables, wakes, topics = self.tables, self.wakes.queue, (self.topic, self.channels_topic)
        for topic in topics:
            topic.grant_publish(self.alert)
            topic.grant_publish(self.sweep)
            topic.grant_publish(self.deliver)  # a channel that is lost
            self.sweep.add_to_role_policy(_statement("sns:ListSubscriptionsByTopic", topic.topic_arn))  # once a day

        tables.checks.grant(self.ping, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        tables.names.grant(self.ping, "dynamodb:GetItem", "dynamodb:UpdateItem")
        tables.history.grant(self.ping, "dynamodb:PutItem")
        tables.settings.grant(self.ping, "dynamodb:GetItem")
        wakes.grant(self.ping, "sqs:SendMessage")

        tables.checks.grant(self.sweep, "dynamodb:Scan")
        wakes.grant(self.sweep, "sqs:SendMessage")
        # The sweep's canary, and what is known of our hearing.
        tables.checks.grant(self.sweep, "dynamodb:GetItem", "dynamodb:PutItem")
        tables.names.grant(self.sweep, "dynamodb:UpdateItem")
        tables.settings.grant(self.sweep, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query")
        self.minute_hand.dead_letters.grant(self.sweep, "sqs:SendMessage")  # a sweep that failed

        tables.checks.grant(self.alert, "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem")
        tables.names.grant(self.alert, "dynamodb:GetItem", "dynamodb:Query")  # what else is down
        tables.history.grant(self.alert, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query")
        tables.settings.grant(self.alert, "dynamodb:GetItem", "dynamodb:Query")
        wakes.grant(self.alert, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")

        deliveries = self.deliveries
        tables.settings.grant(self.deliver, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query")
        for publisher in (self.sweep, self.alert):
            deliveries.queue.grant(publisher, "sqs:SendMessage")
        deliveries.queue.grant(self.deliver, "sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage")
        deliveries.queue.grant(self.deliver, "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility")
        deliveries.lost_events.grant(self.deliver, "sqs:SendMessage")

        rows = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
        tables.checks.grant(self.api, *rows, "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem")
        tables.names.grant(self.api, "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Query")
        tables.history.grant(self.api, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query")
        tables.settings.grant(self.api, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Query")
        wakes.grant(self.api, "sqs:SendMessage")
        # Channels: e-mail and SMS are subscriptions; a test goes the whole way.
        for action in ("sns:Subscribe", "sns:ConfirmSubscription", "sns:Publish"):
            self.api.add_to_role_policy(_statement(action, self.channels_topic.topic_arn))
        for topic in topics:
            self.api.add_to_role_policy(_statement("sns:ListSubscriptionsByTopic", topic.topic_arn))
        self.api.add_to_role_policy(_statement("sns:Unsubscribe", "*"))
        if isinstance(self.api.role, Construct):
            why = "AWS knows no resource for sns:Unsubscribe; whoever has a subscription's ARN has its secret."
            accept(self.api.role, "IAM5[Resource::*]", reason=why)

        scheduler, undelivered = self.minute_hand.role, self.minute_hand.dead_letters
        scheduler.add_to_policy(_statement("lambda:InvokeFunction", self.sweep.function_arn))
        scheduler.add_to_policy(_statement("sqs:SendMessage", undelivered.queue_arn))

    def _connect(self, settings: Settings) -> None:
        """Who calls whom."""
        # Apart from the rest, so that nobody turns pings away by flooding the pages.
        for_pings = (settings.ping_throttle_rate, settings.ping_throttle_burst)
        self.web.route(self.ping, ["/ping/{proxy+}"], throttle=for_pings)
        self.web.route(self.api, ["/api/{proxy+}", "/badge/{proxy+}", "/b/{proxy+}", "/", "/{proxy+}"])
        self.web.route(self.api, ["/iam/{proxy+}"], signed=True)  # mints first keys for those with AWS credentials
        self.wakes.feed(self.alert)
        self.deliveries.feed(self.deliver, self.topic, self.channels_topic)
        self.alert.node.add_dependency(self.deliver)  # nothing is published for channels before anybody listens

    def _watch(self, settings: Settings) -> None:
        """Who is notified when Lastseen itself falls silent."""
        contacts = [self.topic]
        if settings.ops_emails:  # a topic of its own, since the first may be what is broken
            contacts.append(AlertTopic(self, "Operations", emails=settings.ops_emails).topic)
        if settings.domain:  # between the deployment and the domain's DNS record, jobs still ping here
            self.sweep.add_environment("API_PING_URL", f"{self.web.api.api_endpoint}/ping")
        if settings.heartbeat_url:
            self.sweep.add_environment("HEARTBEAT_URL", settings.heartbeat_url)
        dead_letters = {
            "Wakes": self.wakes.dead_letters,
            "Deliveries": self.deliveries.dead_letters,
            "Events": self.deliveries.lost_events,
        }
        lost_sweeps = self.minute_hand.dead_letters
        alarms = Alarms(
            self,
            "Alarms",
            contacts=contacts,
            api=self.web.api,
            ping=self.ping,
            wakes=self.wakes.queue,
            topics={"": self.topic, "Channel": self.channels_topic},
            functions={"Sweep": self.sweep, "Alert": self.alert, "Deliver": self.deliver},
            dead_letters=dead_letters,
            lost_sweeps=lost_sweeps,
            after=settings.alarm_after,
        )
        if settings.dashboard:
            self._show(alarms, {**dead_letters, "Sweeps": lost_sweeps})

    def _show(self, alarms: Alarms, dead_letters: Mapping[str, sqs.Queue]) -> None:
        Dashboard(
            self,
            "Dashboard",
            alarms=alarms.alarms,
            api=self.web.api,
            wakes=self.wakes.queue,
            topics={"": self.topic, "Channel": self.channels_topic},
            functions={
                "ping": self.ping,
                "sweep": self.sweep,
                "alert": self.alert,
                "deliver": self.deliver,
                "api": self.api,
            },
            tables={"checks": self.tables.checks, "history": self.tables.history},
            dead_letters=dead_letters,
        )

    def _output(self) -> None:
        site = self.web.site_url
        outputs = {
            "PingUrl": f"{site}/ping",
            "ApiUrl": f"{site}/api",
            "DashboardUrl": f"{site}/",
            "TopicArn": self.topic.topic_arn,
            "ChannelsTopicArn": self.channels_topic.topic_arn,
            "WakesQueueUrl": self.wakes.queue.queue_url,
            "DeliveriesQueueUrl": self.deliveries.queue.queue_url,
            "ChecksTable": self.tables.checks.table_name,
            "NamesTable": self.tables.names.table_name,
            "HistoryTable": self.tables.history.table_name,
            "SettingsTable": self.tables.settings.table_name,
        }
        if self.web.domain:
            outputs["DomainTarget"] = self.web.domain.regional_domain_name
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)


def _statement(action: str, resource: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=[action], resources=[resource])
