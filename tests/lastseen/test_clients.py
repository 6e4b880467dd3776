import shutil
from pathlib import Path

import pytest
from botocore.loaders import Loader
from botocore.stub import Stubber

from infra import models
from lastseen.clients import Clients


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    models.write(folder)
    return folder


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def test_a_client_knows_just_the_operations_that_were_shipped(pages: Path) -> None:
    client = Clients(pages).make("dynamodb")
    assert set(client.meta.service_model.operation_names) == set(models.OPERATIONS["dynamodb"])
    assert client.meta.endpoint_url == "https://dynamodb.us-east-1.amazonaws.com"


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
def test_it_finds_the_endpoint_of_every_partition(pages: Path, monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    short, whole = Clients(pages), Clients(pages / "nowhere")
    for service in models.OPERATIONS:
        assert short.make(service).meta.endpoint_url == whole.make(service).meta.endpoint_url


def test_it_reads_and_writes_as_the_whole_model_would(pages: Path) -> None:
    client = Clients(pages).make("dynamodb")
    with Stubber(client) as aws:
        aws.add_response("get_item", {"Item": {"id": {"S": "1"}, "b": {"B": b"\0"}}})
        aws.add_client_error("update_item", "ConditionalCheckFailedException", http_status_code=400)
        assert client.get_item(TableName="t", Key={"id": {"S": "1"}})["Item"]["b"] == {"B": b"\0"}
        with pytest.raises(client.exceptions.ConditionalCheckFailedException):
            client.update_item(TableName="t", Key={"id": {"S": "1"}})


def test_a_page_that_is_missing_is_read_from_the_runtime(pages: Path, tmp_path: Path) -> None:
    some = tmp_path / "models"
    shutil.copytree(pages, some, ignore=shutil.ignore_patterns("partitions.json"))
    assert Clients(some).make("sqs").meta.endpoint_url == "https://sqs.us-east-1.amazonaws.com"


def test_pages_that_do_not_suit_the_runtime_lose_no_ping(tmp_path: Path) -> None:
    version = Loader().determine_latest_version("dynamodb", "service-2")
    (tmp_path / "dynamodb" / version).mkdir(parents=True)
    (tmp_path / "dynamodb" / version / "service-2.json").write_text('{"from": "another world"}')
    client = Clients(tmp_path).make("dynamodb")
    assert "BatchGetItem" in client.meta.service_model.operation_names
