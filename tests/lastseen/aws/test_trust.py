"""Certificates: Amazon's authorities first, all known ones where these do not do, and nobody else's ever."""

from __future__ import annotations

import re
import ssl
import subprocess
from pathlib import Path
from typing import Any

import certifi
import pytest

from lastseen.aws import trust
from lastseen.aws.client import SQS, Aws, DynamoDB
from lastseen.aws.connections import LostError
from tests.lastseen.aws.test_client import ENVIRONMENT, KEY, Wire, listening

AMAZON = re.compile("^(Amazon Root CA|Starfield Services Root Certificate Authority)")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates, each its own authority: for this host, and for another one."""
    folder = tmp_path_factory.mktemp("tls")
    for name, subject in (("here", "IP:127.0.0.1"), ("elsewhere", "DNS:elsewhere.example.com")):
        line = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -addext subjectAltName={subject}"
        files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem")]
        subprocess.run(["openssl", *line.split(), *files], check=True, capture_output=True)
    return folder


def identity(certificates: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
    return context


def at(wire: Wire, **variables: str) -> Aws:
    return Aws({**ENVIRONMENT, "AWS_ENDPOINT_URL": wire.url, **variables})


def names_of(authorities: str) -> dict[bytes, str]:
    """Return the certificates of a file, each with its name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authorities)
    subjects: list[Any] = [known["subject"] for known in context.get_ca_certs()]
    common = [dict(pair for part in subject for pair in part) for subject in subjects]
    names = [names.get("commonName", "") for names in common]
    return dict(zip(context.get_ca_certs(binary_form=True), names, strict=True))


def test_amazons_authorities_are_those_that_certifi_knows_and_no_other() -> None:
    known = names_of(certifi.where())
    assert names_of(trust.AMAZON) == {each: name for each, name in known.items() if AMAZON.match(name)}
    assert len(names_of(trust.AMAZON)) == 5


def test_what_amazon_signed_needs_no_other_authority(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "AMAZON", str(certificates / "here.pem"))
    monkeypatch.delattr(certifi, "where")
    with listening(identity(certificates, "here")) as wire:
        dynamodb = DynamoDB(at(wire))
        assert [dynamodb.get_item(**KEY) for _ in range(5)] == [{}] * 5
        assert len(wire.connections) == 1


def test_what_another_authority_signed_is_trusted_at_once_and_by_every_service(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = certificates / "whole.pem"
    whole.write_text(Path(certifi.where()).read_text() + (certificates / "here.pem").read_text())
    wheres = iter([str(whole)])
    monkeypatch.setattr(certifi, "where", lambda: next(wheres))  # it is asked once
    pauses: list[float] = []
    with listening(identity(certificates, "here")) as wire:
        aws = at(wire)
        assert DynamoDB(aws, pause=pauses.append).get_item(**KEY) == {}
        assert SQS(aws, pause=pauses.append).send_message_batch(QueueUrl="q", Entries=[]) == {}
    assert (list(wheres), pauses) == ([], [])


@pytest.mark.parametrize(
    ("name", "bundle"),
    [
        ("here", None),  # nobody known signed it
        ("here", "elsewhere"),  # somebody signed it, but none of those who were chosen
        ("elsewhere", "elsewhere"),  # it is another host's
    ],
)
def test_a_stranger_gets_no_request(name: str, bundle: str | None, certificates: Path) -> None:
    variables = {"AWS_CA_BUNDLE": str(certificates / f"{bundle}.pem")} if bundle else {}
    with listening(identity(certificates, name)) as wire:
        with pytest.raises(LostError, match="CERTIFICATE_VERIFY_FAILED"):
            DynamoDB(at(wire, **variables), pause=lambda _: None).get_item(**KEY)
        assert wire.asked == []
