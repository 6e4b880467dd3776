"""How a finding of cdk-nag is accepted: at the construct it is about, with the reason in words."""

from typing import Literal

from aws_cdk import Acknowledgment, Validations
from constructs import Construct

Pack = Literal["AwsSolutions", "Serverless"]


def accept(construct: Construct, finding: str, *, reason: str, pack: Pack = "AwsSolutions") -> None:
    """Take `finding` (such as "L1") of a pack of rules out of the report for `construct` and what is below it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"{pack}::{pack}-{finding}", reason=reason))
