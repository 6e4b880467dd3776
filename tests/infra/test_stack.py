"""The template's promises. What they are for stands in infra/; here is what a deployment really asks of AWS."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension
from syrupy.matchers import path_value

from lastseen.aws.deliveries import TRIES
from tests.simulation.clockwork import SECOND
from tests.simulation.world import Feed

Resources = dict[str, dict[str, Any]]
FUNCTIONS = ("ping", "sweep", "alert", "deliver", "api")


def of_type(template: dict[str, Any], kind: str) -> Resources:
    return {name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == kind}


def function(template: dict[str, Any], name: str) -> dict[str, Any]:
    functions = of_type(template, "AWS::Lambda::Function").values()
    return next(one for one in functions if one["Handler"] == f"{name}.handler")


def grants(template: dict[str, Any], role: str) -> set[tuple[str, str]]:
    """Return what a role may do, as (action, logical id of the one resource it may be done to)."""
    found = set()
    for policy in of_type(template, "AWS::IAM::Policy").values():
        if {"Ref": role} in policy["Roles"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                found |= {(action, _target(statement["Resource"])) for action in actions}
    return found


def _target(resource: Any) -> str:
    """Return the logical id without its hash; a joined ARN has none and fails here."""
    if resource == "*":
        return "*"
    assert isinstance(resource, dict), f"{resource} is no single resource of this stack"
    name = resource["Ref"] if "Ref" in resource else resource["Fn::GetAtt"][0]
    return str(name)[:-8]


def role_of(template: dict[str, Any], name: str) -> str:
    return str(function(template, name)["Role"]["Fn::GetAtt"][0])


def on(resource: str, *actions: str) -> Iterator[tuple[str, str]]:
    return ((action, resource) for action in actions)


def feed_of(template: dict[str, Any], name: str) -> dict[str, Any]:
    """Return how the queue of this name is handed to its function."""
    [feed] = [one for key, one in of_type(template, "AWS::Lambda::EventSourceMapping").items() if key.startswith(name)]
    return feed


CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
OWN_LOG = ("logs:CreateLogStream", "logs:PutLogEvents")
GRANTS = {
    "ping": {
        *on("FunctionsPingLog", *OWN_LOG),
        *on("TablesChecks", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        *on("TablesNames", "dynamodb:GetItem", "dynamodb:UpdateItem"),
        *on("TablesHistory", "dynamodb:PutItem"),
        *on("TablesSettings", "dynamodb:GetItem"),
        *on("WakesQueue", "sqs:SendMessage"),
    },
    "sweep": {
        *on("FunctionsSweepLog", *OWN_LOG),
        *on("TablesChecks", "dynamodb:Scan", "dynamodb:GetItem", "dynamodb:PutItem"),
        *on("TablesNames", "dynamodb:UpdateItem"),
        *on("TablesSettings", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
        *on("WakesQueue", "sqs:SendMessage"),
        *on("DeliveriesQueue", "sqs:SendMessage"),
        *on("AlertsTopic", "sns:Publish", "sns:ListSubscriptionsByTopic"),
        *on("EachMinuteDeadLetters", "sqs:SendMessage"),
        *on("ChannelsTopicOfChannels", "sns:Publish", "sns:ListSubscriptionsByTopic"),
    },
    "alert": {
        *on("FunctionsAlertLog", *OWN_LOG),
        *on("TablesChecks", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"),
        *on("TablesNames", "dynamodb:GetItem", "dynamodb:Query"),
        *on("TablesHistory", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"),
        *on("TablesSettings", "dynamodb:GetItem", "dynamodb:Query"),
        *on("WakesQueue", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        *on("DeliveriesQueue", "sqs:SendMessage"),
        *on("AlertsTopic", "sns:Publish"),
        *on("ChannelsTopicOfChannels", "sns:Publish"),
    },
    "deliver": {
        *on("FunctionsChatLog", *OWN_LOG),
        *on("TablesSettings", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
        *on("DeliveriesQueue", "sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"),
        *on("DeliveriesQueue", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"),
        *on("DeliveriesLostEvents", "sqs:SendMessage"),
        *on("AlertsTopic", "sns:Publish"),
        *on("ChannelsTopicOfChannels", "sns:Publish"),
    },
    "api": {
        *on("FunctionsApiLog", *OWN_LOG),
        *on("TablesChecks", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"),
        *on("TablesChecks", "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem"),
        *on("TablesNames", "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:Query"),
        *on("TablesHistory", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
        *on("TablesSettings", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Query"),
        *on("WakesQueue", "sqs:SendMessage"),
        *on("AlertsTopic", "sns:ListSubscriptionsByTopic"),
        *on(
            "ChannelsTopicOfChannels",
            "sns:Subscribe",
            "sns:ConfirmSubscription",
            "sns:ListSubscriptionsByTopic",
            "sns:Publish",
        ),
        *on("*", "sns:Unsubscribe"),  # AWS knows no resource for it
    },
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_just_this(template: dict[str, Any], name: str) -> None:
    role = role_of(template, name)
    assert grants(template, role) == GRANTS[name]
    assert "ManagedPolicyArns" not in of_type(template, "AWS::IAM::Role")[role]


def test_the_schedule_may_start_the_sweep_and_leave_dead_letters_and_no_more(template: dict[str, Any]) -> None:
    [role] = [name for name in of_type(template, "AWS::IAM::Role") if name.startswith("EachMinute")]
    assert grants(template, role) == {
        ("lambda:InvokeFunction", "FunctionsSweep"),
        ("sqs:SendMessage", "EachMinuteDeadLetters"),
    }


def test_there_are_no_roles_but_those(template: dict[str, Any]) -> None:
    assert len(of_type(template, "AWS::IAM::Role")) == len(FUNCTIONS) + 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_an_entry_file(template: dict[str, Any], name: str) -> None:
    module, attribute = function(template, name)["Handler"].split(".")
    entry = Path(__file__).parents[2] / "functions" / f"{module}.py"
    assert f"def {attribute}(" in entry.read_text()


@pytest.mark.parametrize(
    ("name", "memory", "timeout"),
    [("ping", 256, 10), ("sweep", 512, 50), ("alert", 1769, 60), ("deliver", 512, 60), ("api", 512, 29)],
)
def test_a_function_runs_on_arm_and_logs_only_what_matters(
    template: dict[str, Any], name: str, memory: int, timeout: int
) -> None:
    found = function(template, name)
    assert found["Architectures"] == ["arm64"]
    assert found["Runtime"] == "python3.13"
    assert (found["MemorySize"], found["Timeout"]) == (memory, timeout)
    assert found["LoggingConfig"]["LogFormat"] == "JSON"
    assert found["LoggingConfig"]["SystemLogLevel"] == "WARN"
    assert "TracingConfig" not in found
    assert "ReservedConcurrentExecutions" not in found  # a new account's quota of ten would refuse it


def test_all_functions_share_one_asset(template: dict[str, Any]) -> None:
    keys = {one["Code"]["S3Key"] for one in of_type(template, "AWS::Lambda::Function").values()}
    assert len(keys) == 1


def test_only_ping_goes_without_the_settings_of_powertools(template: dict[str, Any]) -> None:
    told = {name: function(template, name)["Environment"]["Variables"] for name in FUNCTIONS}
    assert "POWERTOOLS_SERVICE_NAME" not in told["ping"]
    assert [told[name]["POWERTOOLS_SERVICE_NAME"] for name in FUNCTIONS[1:]] == ["sweep", "alert", "deliver", "api"]
    assert told["alert"]["POWERTOOLS_METRICS_NAMESPACE"] == "Lastseen"
    assert set(told["ping"]) == {
        *(
            "CHECKS_TABLE",
            "NAMES_TABLE",
            "HISTORY_TABLE",
            "SETTINGS_TABLE",
            "WAKES_QUEUE_URL",
            "TOPIC_ARN",
            "CHANNELS_TOPIC_ARN",
        ),
        *("PING_URL", "API_URL", "SITE_URL", "HISTORY_DAYS", "BODY_LIMIT", "ALLOW_PRIVATE_TARGETS", "URL_SUFFIX"),
        *("CHECKS_PER_PROJECT", "PINGED_CHECKS_PER_DAY"),
    }
    assert (told["ping"]["HISTORY_DAYS"], told["ping"]["BODY_LIMIT"]) == ("90", "10000")


def test_logs_are_forgotten_after_two_weeks(template: dict[str, Any]) -> None:
    groups = of_type(template, "AWS::Logs::LogGroup").values()
    assert [group["RetentionInDays"] for group in groups] == [14] * (len(FUNCTIONS) + 1)


def test_the_access_log_names_the_route_and_never_the_path(template: dict[str, Any]) -> None:
    [stage] = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert logged["route"] == "$context.routeKey"
    assert not any("path" in value.lower() or "query" in value.lower() for value in logged.values())


def test_pings_are_throttled_apart_from_the_rest_so_that_nobody_turns_them_away_by_flooding_pages(
    template: dict[str, Any], synthesize: Callable[..., dict[str, Any]]
) -> None:
    for made, pings in (
        (template, (50, 200)),
        (synthesize(ping_throttle_rate=300, ping_throttle_burst=900), (300, 900)),
    ):
        [stage] = [one for one in made["Resources"].values() if one["Type"] == "AWS::ApiGatewayV2::Stage"]
        rate, burst = pings
        assert stage["Properties"]["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 200}
        assert stage["Properties"]["RouteSettings"] == {
            "ANY /ping/{proxy+}": {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
        }
        [route] = [
            name
            for name, one in of_type(made, "AWS::ApiGatewayV2::Route").items()
            if one["RouteKey"] == "ANY /ping/{proxy+}"
        ]
        assert route in stage["DependsOn"]  # AWS refuses settings of a route that is not there yet


def test_the_access_log_does_not_need_room_in_the_policy_that_all_logged_apis_of_an_account_share(
    template: dict[str, Any],
) -> None:
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert [one["LogGroupName"] for one in groups.values() if "LogGroupName" in one] == [
        "/aws/vendedlogs/Lastseen-access"
    ]
    [stage] = of_type(template, "AWS::ApiGatewayV2::Stage").values()
    named = groups[stage["AccessLogSettings"]["DestinationArn"]["Fn::GetAtt"][0]]
    assert named["LogGroupName"].startswith("/aws/vendedlogs/")


def test_machines_that_speak_ipv6_only_can_ping(
    template: dict[str, Any], synthesize: Callable[..., dict[str, Any]]
) -> None:
    [api] = of_type(template, "AWS::ApiGatewayV2::Api").values()
    assert api["IpAddressType"] == "dualstack"
    made = synthesize(domain="ping.example.com", certificate_arn=CERTIFICATE)
    [domain] = of_type(made, "AWS::ApiGatewayV2::DomainName").values()
    assert domain["DomainNameConfigurations"][0]["IpAddressType"] == "dualstack"


def test_only_the_iam_routes_ask_for_a_signature(template: dict[str, Any]) -> None:
    routes = {
        one["RouteKey"]: one["AuthorizationType"] for one in of_type(template, "AWS::ApiGatewayV2::Route").values()
    }
    assert routes == {
        "ANY /ping/{proxy+}": "NONE",
        "ANY /api/{proxy+}": "NONE",
        "ANY /badge/{proxy+}": "NONE",
        "ANY /b/{proxy+}": "NONE",
        "ANY /": "NONE",
        "ANY /{proxy+}": "NONE",
        "ANY /iam/{proxy+}": "AWS_IAM",
    }


def test_tables_have_the_keys_of_the_store_and_no_index(template: dict[str, Any]) -> None:
    tables = of_type(template, "AWS::DynamoDB::GlobalTable")
    keys = {name[:-8]: [key["AttributeName"] for key in one["KeySchema"]] for name, one in tables.items()}
    assert keys == {
        "TablesChecks": ["id"],
        "TablesNames": ["project", "slug"],
        "TablesHistory": ["id", "event"],
        "TablesSettings": ["kind", "name"],
    }
    for name, table in tables.items():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert "GlobalSecondaryIndexes" not in table
        expires = {"AttributeName": "ttl", "Enabled": True} if name.startswith("TablesHistory") else None
        assert table.get("TimeToLiveSpecification") == expires


def test_data_is_guarded_unless_it_is_for_throwing_away(template: dict[str, Any], throwaway: dict[str, Any]) -> None:
    for made, guarded in ((template, True), (throwaway, False)):
        tables = [one for one in made["Resources"].values() if one["Type"] == "AWS::DynamoDB::GlobalTable"]
        assert len(tables) == 4
        for table in tables:
            [replica] = table["Properties"]["Replicas"]
            assert replica["DeletionProtectionEnabled"] is guarded
            assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": guarded}
            assert table["DeletionPolicy"] == ("Retain" if guarded else "Delete")


def test_the_sweep_starts_each_minute_and_a_call_that_fails_is_repeated_within_it(template: dict[str, Any]) -> None:
    [schedule] = of_type(template, "AWS::Scheduler::Schedule").values()
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 2}
    assert schedule["Target"]["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith("EachMinuteDeadLetters")
    Template.from_json(template).has_resource_properties(
        "AWS::Lambda::EventInvokeConfig", {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    )


def test_a_wake_stays_hidden_for_six_times_as_long_as_the_alert_function_may_take(template: dict[str, Any]) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    [wakes] = [one for name, one in queues.items() if name.startswith("WakesQueue")]
    assert wakes["VisibilityTimeout"] >= 6 * function(template, "alert")["Timeout"]
    assert wakes["RedrivePolicy"]["maxReceiveCount"] == 5
    assert wakes["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0].startswith("WakesDeadLetters")


def test_one_bad_wake_fails_alone(template: dict[str, Any]) -> None:
    feed = feed_of(template, "Wakes")
    assert feed["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_no_feed_gathers_messages_for_an_alert_waits_for_each_of_them(template: dict[str, Any]) -> None:
    """With a window Lambda may wait up to 20 s on a quiet queue, however short it is; without, ten is AWS's limit."""
    feeds = of_type(template, "AWS::Lambda::EventSourceMapping")
    assert len(feeds) == 2
    for feed in feeds.values():
        assert not feed.get("MaximumBatchingWindowInSeconds")
        assert feed["BatchSize"] <= 10


def test_the_simulation_hands_wakes_out_as_the_template_does(template: dict[str, Any]) -> None:
    feed = feed_of(template, "Wakes")
    assumed = Feed()
    assert feed["BatchSize"] == assumed.batch == 10
    assert feed.get("MaximumBatchingWindowInSeconds", 0) * SECOND == assumed.window
    assert feed["ScalingConfig"] == {"MaximumConcurrency": assumed.at_once} == {"MaximumConcurrency": 2}


def test_deliveries_keep_their_order_and_end_among_the_dead_letters(template: dict[str, Any]) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    [queue] = [one for name, one in queues.items() if name.startswith("DeliveriesQueue")]
    assert queue["FifoQueue"] is True
    assert queue["VisibilityTimeout"] >= 6 * function(template, "deliver")["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == TRIES
    assert queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0].startswith("DeliveriesDeadLetters")
    feed = feed_of(template, "Deliveries")
    assert (feed["BatchSize"], feed["ScalingConfig"]) == (1, {"MaximumConcurrency": 3})
    assert feed["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_sweep_that_failed_is_kept_with_those_that_could_not_be_started(template: dict[str, Any]) -> None:
    [config] = [
        one
        for name, one in of_type(template, "AWS::Lambda::EventInvokeConfig").items()
        if name.startswith("FunctionsSweep")
    ]
    destination = config["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    assert destination.startswith("EachMinuteDeadLetters")


def test_an_event_that_a_topic_cannot_hand_over_is_kept(template: dict[str, Any]) -> None:
    hand_over = [one for one in of_type(template, "AWS::SNS::Subscription").values() if one["Protocol"] == "lambda"]
    [kept_in] = {one["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] for one in hand_over}
    assert kept_in.startswith("DeliveriesLostEvents")
    [policy] = [
        one["PolicyDocument"]["Statement"]
        for one in of_type(template, "AWS::SQS::QueuePolicy").values()
        if one["Queues"] == [{"Ref": kept_in}]
    ]
    allowed = [one for one in policy if one["Effect"] == "Allow"]
    assert {(one["Action"], one["Principal"]["Service"]) for one in allowed} == {
        ("sqs:SendMessage", "sns.amazonaws.com")
    }
    topics = {one["Condition"]["ArnEquals"]["aws:SourceArn"]["Ref"][:-8] for one in allowed}
    assert topics == {"AlertsTopic", "ChannelsTopicOfChannels"}


def test_an_event_that_cannot_be_fanned_out_is_kept(template: dict[str, Any]) -> None:
    Template.from_json(template).has_resource_properties(
        "AWS::Lambda::EventInvokeConfig",
        {
            "MaximumRetryAttempts": 2,
            "DestinationConfig": {
                "OnFailure": {"Destination": {"Fn::GetAtt": [Match.string_like_regexp("^DeliveriesLostEvents"), "Arn"]}}
            },
        },
    )
    feeds = [one for one in of_type(template, "AWS::SNS::Subscription").values() if one["Protocol"] == "lambda"]
    assert [feed["Endpoint"]["Fn::GetAtt"][0].startswith("FunctionsChat") for feed in feeds] == [True, True]
    assert all("FilterPolicy" not in feed for feed in feeds)


def test_nothing_is_published_for_channels_before_the_deliver_function_listens(template: dict[str, Any]) -> None:
    [alert] = [
        one
        for key, one in template["Resources"].items()
        if key.startswith("FunctionsAlert") and one["Type"] == "AWS::Lambda::Function"
    ]
    listens = {key for key, one in of_type(template, "AWS::SNS::Subscription").items() if one["Protocol"] == "lambda"}
    assert listens <= set(alert["DependsOn"])


def test_amazon_q_hears_on_a_topic_of_its_own_if_it_is_asked_for(
    template: dict[str, Any], synthesize: Callable[..., dict[str, Any]]
) -> None:
    assert not of_type(template, "AWS::Chatbot::SlackChannelConfiguration")
    made = synthesize(slack_workspace_id="T07EA123LEP", slack_channel_id="C07EZ1ABC23")
    [slack] = of_type(made, "AWS::Chatbot::SlackChannelConfiguration").values()
    [topic] = [name for name in of_type(made, "AWS::SNS::Topic") if name.startswith("AmazonQTopic")]
    assert slack["SnsTopicArns"] == [{"Ref": topic}]
    assert function(made, "deliver")["Environment"]["Variables"]["CHATBOT_TOPIC_ARN"] == {"Ref": topic}


def test_the_topic_and_the_queues_refuse_plain_text(template: dict[str, Any]) -> None:
    policies = [
        *of_type(template, "AWS::SQS::QueuePolicy").values(),
        *of_type(template, "AWS::SNS::TopicPolicy").values(),
    ]
    assert len(policies) == 8
    for policy in policies:
        refused = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
        assert [one["Condition"] for one in refused] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_alarms_of_this_account_may_use_the_topic(template: dict[str, Any]) -> None:
    Template.from_json(template).has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": "sns:Publish",
                                "Principal": {"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]},
                                "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
                            }
                        )
                    ]
                )
            }
        },
    )
    topics = of_type(template, "AWS::SNS::Topic").values()
    assert all("KmsMasterKeyId" not in topic for topic in topics)  # alias/aws/sns would silence the alarms


def test_each_address_is_subscribed_by_mail(template: dict[str, Any], throwaway: dict[str, Any]) -> None:
    def addresses(made: dict[str, Any]) -> list[str]:
        found = of_type(made, "AWS::SNS::Subscription").values()
        return sorted(one["Endpoint"] for one in found if one["Protocol"] == "email")

    assert addresses(template) == []
    assert addresses(throwaway) == ["a@example.com", "b@example.com"]


def test_the_outputs_tell_where_it_is(template: dict[str, Any]) -> None:
    api = {"Fn::GetAtt": [next(iter(of_type(template, "AWS::ApiGatewayV2::Api"))), "ApiEndpoint"]}
    outputs = {name: one["Value"] for name, one in template["Outputs"].items()}
    assert outputs["PingUrl"] == {"Fn::Join": ["", [api, "/ping"]]}
    assert outputs["ApiUrl"] == {"Fn::Join": ["", [api, "/api"]]}
    assert outputs["DashboardUrl"] == {"Fn::Join": ["", [api, "/"]]}
    assert set(outputs) == {
        *("PingUrl", "ApiUrl", "DashboardUrl", "TopicArn", "ChannelsTopicArn", "WakesQueueUrl", "DeliveriesQueueUrl"),
        *("ChecksTable", "NamesTable", "HistoryTable", "SettingsTable"),
    }


def test_the_canary_knows_the_apis_own_address_beside_a_custom_domain(
    template: dict[str, Any], synthesize: Callable[..., dict[str, Any]]
) -> None:
    """Between the deployment and the domain's DNS record, jobs still ping there."""
    assert "API_PING_URL" not in json.dumps(template)
    made = synthesize(domain="ping.example.com", certificate_arn=CERTIFICATE)
    api = {"Fn::GetAtt": [next(iter(of_type(made, "AWS::ApiGatewayV2::Api"))), "ApiEndpoint"]}
    variables = {name: function(made, name)["Environment"]["Variables"] for name in FUNCTIONS}
    assert variables["sweep"]["API_PING_URL"] == {"Fn::Join": ["", [api, "/ping"]]}
    assert variables["sweep"]["PING_URL"] == "https://ping.example.com/ping"
    assert [name for name in FUNCTIONS if "API_PING_URL" in variables[name]] == ["sweep"]


def test_a_custom_domain_is_mapped_and_is_what_people_are_told(synthesize: Callable[..., dict[str, Any]]) -> None:
    made = synthesize(domain="ping.example.com", certificate_arn=CERTIFICATE)
    [domain] = of_type(made, "AWS::ApiGatewayV2::DomainName").values()
    assert domain["DomainName"] == "ping.example.com"
    assert domain["DomainNameConfigurations"][0]["CertificateArn"] == CERTIFICATE
    assert len(of_type(made, "AWS::ApiGatewayV2::ApiMapping")) == 1
    assert made["Outputs"]["PingUrl"]["Value"] == "https://ping.example.com/ping"
    assert "DomainTarget" in made["Outputs"]
    assert function(made, "alert")["Environment"]["Variables"]["SITE_URL"] == "https://ping.example.com"


def test_choices_reach_the_template(synthesize: Callable[..., dict[str, Any]]) -> None:
    made = synthesize(
        arch="x86_64",
        history_days="0",
        body_limit="500",
        checks_per_project="700",
        pinged_checks_per_day="0",
        log_days="30",
        throttle_rate="7",
        throttle_burst="9",
        reserved_concurrency="5",
        site_url="https://jobs.example.com",
    )
    ping = function(made, "ping")
    told = ping["Environment"]["Variables"]
    [stage] = of_type(made, "AWS::ApiGatewayV2::Stage").values()
    assert ping["Architectures"] == ["x86_64"]
    assert ping["ReservedConcurrentExecutions"] == 5
    assert (told["HISTORY_DAYS"], told["BODY_LIMIT"], told["PING_URL"]) == ("0", "500", "https://jobs.example.com/ping")
    assert (told["CHECKS_PER_PROJECT"], told["PINGED_CHECKS_PER_DAY"]) == ("700", "0")
    assert {one["RetentionInDays"] for one in of_type(made, "AWS::Logs::LogGroup").values()} == {30}
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 7, "ThrottlingBurstLimit": 9}


def test_tables_that_an_earlier_deployment_left_are_used_as_they_are(synthesize: Callable[..., dict[str, Any]]) -> None:
    names = ["Lastseen-TablesChecks8C-1", "Lastseen-TablesNames0A-2", "Lastseen-TablesHistory4F-3", "old-settings"]
    made = synthesize(tables=",".join(names))
    assert of_type(made, "AWS::DynamoDB::GlobalTable") == {}
    variables = function(made, "api")["Environment"]["Variables"]
    assert [variables[f"{table}_TABLE"] for table in ("CHECKS", "NAMES", "HISTORY", "SETTINGS")] == names
    assert [made["Outputs"][f"{table}Table"]["Value"] for table in ("Checks", "Names", "History", "Settings")] == names
    policy = json.dumps(of_type(made, "AWS::IAM::Policy"))
    assert all(f":table/{name}" in policy for name in names)


def test_nothing_else_changed_by_accident(template: dict[str, Any], snapshot: SnapshotAssertion) -> None:
    """If it did on purpose: uv run pytest tests/infra --snapshot-update."""
    masked = path_value({r".*\.S3Key": ".*"}, types=(str,), regex=True, replacer=lambda *_: "<asset>")
    assert template == snapshot(extension_class=JSONSnapshotExtension, matcher=masked)
