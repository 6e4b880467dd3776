import json
from dataclasses import asdict
from pathlib import Path

import pytest

from infra.settings import BadSettingError, Settings, settings_from
from lastseen.core.limits import CHECKS_PER_PROJECT, PINGED_CHECKS_PER_DAY


def test_cdk_json_shows_the_very_defaults() -> None:
    shown = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]
    assert set(shown) == set(asdict(Settings()))
    assert settings_from(shown) == Settings()


def test_the_limits_of_checks_have_the_defaults_of_the_program() -> None:
    settings = Settings()
    assert (settings.checks_per_project, settings.pinged_checks_per_day) == (CHECKS_PER_PROJECT, PINGED_CHECKS_PER_DAY)


def test_every_choice_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
    assert [name for name in asdict(Settings()) if f"`{name}`" not in page] == []


def test_what_the_command_line_gives_as_text_becomes_what_it_means() -> None:
    settings = settings_from(
        {"alert_emails": " a@example.com,b@example.com,a@example.com ", "throwaway": "True", "history_days": "30"}
    )
    assert settings.alert_emails == ("a@example.com", "b@example.com")
    assert settings.throwaway is True
    assert settings.history_days == 30


def test_the_cdks_own_context_is_left_alone() -> None:
    assert settings_from({"aws:cdk:bundling-stacks": []}) == Settings()


@pytest.mark.parametrize(
    ("key", "value", "mend"),
    [
        ("arch", "amd64", "arm64, x86_64"),
        ("python", "3.9", "3.11, 3.12, 3.13"),
        ("alert_emails", "ops", "a@example.com"),
        ("history_days", "-1", "from 0 to 3650"),
        ("history_days", "many", "from 0 to 3650"),
        ("body_limit", 100_001, "from 0 to 100000"),
        ("checks_per_project", 0, "from 1 to"),
        ("pinged_checks_per_day", -1, "from 0 to"),
        ("log_days", 8, "7, 14"),
        ("throttle_rate", 0, "from 1 to"),
        ("ping_throttle_rate", 0, "from 1 to"),
        ("alarm_after", 0, "from 1 to"),
        ("stack_name", "my stack", "Lastseen-staging"),
        ("tables", "one,two", "<checks>,<names>,<history>,<settings>"),
        ("tables", "L-TablesNames1,L-TablesChecks1,L-TablesHistory1,L-TablesSettings1", "in this order"),
        ("throwaway", "yes", "true, false"),
        ("domain", "https://example.com", "ping.example.com"),
        ("certificate_arn", "abc", "arn:aws:acm:"),
        ("ops_emails", "ops", "a@example.com"),
        ("heartbeat_url", "monitor.example.com/x", "https://monitor.example.com/"),
        ("site_url", "https://example.com/", "no slash at the end"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_mend(key: str, value: object, mend: str) -> None:
    with pytest.raises(BadSettingError) as refused:
        settings_from({key: value})
    assert key in str(refused.value)
    assert mend in str(refused.value)


def test_a_heartbeat_url_is_a_secret_even_where_it_is_wrong() -> None:
    with pytest.raises(BadSettingError) as refused:
        settings_from({"heartbeat_url": "htps://monitor.example.org/secret"})
    assert "secret" not in str(refused.value)


def test_a_domain_without_its_certificate_is_refused() -> None:
    with pytest.raises(BadSettingError, match="certificate_arn="):
        settings_from({"domain": "ping.example.com"})


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-north-1"])
def test_what_a_partition_lacks_is_refused_with_what_to_do_instead(region: str) -> None:
    slack = {"slack_workspace_id": "T07EA123LEP", "slack_channel_id": "C07EZ1ABC23"}
    with pytest.raises(BadSettingError, match=rf"(?s){region}.*lastseen channels create"):
        settings_from(slack, region=region)
    assert settings_from(slack, region="eu-central-1").slack_channel_id == "C07EZ1ABC23"


def test_a_certificate_of_another_region_is_refused() -> None:
    domain = {"domain": "ping.example.com", "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}
    with pytest.raises(BadSettingError, match=r"of us-east-1.*eu-west-1"):
        settings_from(domain, region="eu-west-1")
    assert settings_from(domain, region="us-east-1").domain == "ping.example.com"


def test_tables_that_were_kept_are_not_for_throwing() -> None:
    with pytest.raises(BadSettingError, match="contradict"):
        settings_from({"tables": "checks,names,history,settings", "throwaway": "true"})
