"""How a finding of cdk-nag is accepted: at the construct it is about, with the reason in words."""

from aws_cdk import Acknowledgment, Validations
from constructs import Construct


def accept(construct: Construct, finding: str, *, reason: str) -> None:
    """Take `finding` (such as "L1") of the AwsSolutions pack out of the report for `construct` and what is below it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding}", reason=reason))
