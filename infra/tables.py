"""The four tables. What their items hold is the business of functions/lastseen/storage/store.py alone."""

from collections.abc import Sequence

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra.settings import TABLES


class Tables(Construct):
    """On-demand tables without indexes; guarded against deletion and restorable to any second, unless thrown away.

    `kept`: the names of those that an earlier deployment left, in the order of TABLES; they are used as they are, and
    stay outside of the stack.
    """

    def __init__(self, scope: Construct, construct_id: str, *, throwaway: bool, kept: Sequence[str]) -> None:
        super().__init__(scope, construct_id)
        self._throwaway = throwaway
        self._kept = dict(zip(TABLES, kept, strict=True)) if kept else {}
        self.checks = self._table("Checks", "id")
        self.names = self._table("Names", "project", "slug")
        self.history = self._table("History", "id", "event", expires_by="ttl")
        self.settings = self._table("Settings", "kind", "name")

    def _table(
        self, name: str, key: str, sort: str | None = None, *, expires_by: str | None = None
    ) -> dynamodb.ITableV2:
        if name in self._kept:
            return dynamodb.TableV2.from_table_name(self, name, self._kept[name])

        def text(attribute: str) -> dynamodb.Attribute:
            return dynamodb.Attribute(name=attribute, type=dynamodb.AttributeType.STRING)

        return dynamodb.TableV2(
            self,
            name,
            partition_key=text(key),
            sort_key=text(sort) if sort else None,
            time_to_live_attribute=expires_by,
            billing=dynamodb.Billing.on_demand(),
            deletion_protection=not self._throwaway,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=not self._throwaway
            ),
            removal_policy=RemovalPolicy.DESTROY if self._throwaway else RemovalPolicy.RETAIN,
        )
