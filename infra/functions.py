"""The functions: one asset for all, one role and one log group for each. Grants stand in stack.py, never here."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.bundle import bundled
from infra.logs import log_group
from infra.nag import accept
from infra.settings import Settings

_ARCHITECTURES: Final = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}


class Functions(Construct):
    """Makes functions that share the code, the settings and the environment of this deployment."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, environment: Mapping[str, str]
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._environment = environment
        self._code = bundled(arch=settings.arch, python=settings.python)
        runtime = "Python 3.13 starts 80 to 100 ms sooner than 3.14 and is supported until the same day."
        accept(self, "L1", reason=runtime)
        accept(self, "LambdaLatestVersion", reason=runtime, pack="Serverless")
        accept(
            self,
            "LambdaDLQ",
            reason="The two that are called without waiting have a destination for what failed, the queues a redrive "
            "policy, and a client of the API gets its answer.",
            pack="Serverless",
        )
        accept(
            self,
            "LambdaTracing",
            reason="A trace costs more than its ping, and a ping that starts later; the logs say what was called.",
            pack="Serverless",
        )

    def add(
        self,
        name: str,
        *,
        does: str,
        construct_id: str = "",
        memory_mb: int,
        timeout: Duration,
        asynchronous: bool = False,
        reserved: int = 0,
    ) -> lambda_.Function:
        """Add the function whose entry is `handler` in functions/<name>.py; its role may write its own log, no more.

        `construct_id`: what CloudFormation knows it by, if that is not its name.

        `asynchronous`: AWS calls it without waiting; a late or failed call is dropped, not repeated.
        """
        construct_id = construct_id or name.title()
        log = log_group(self, f"{construct_id}Log", days=self._settings.log_days)
        role = iam.Role(
            self,
            f"{construct_id}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {name} of Lastseen may do",
        )
        log.grant_write(role)
        return lambda_.Function(
            self,
            construct_id,
            description=does,
            code=self._code,
            handler=f"{name}.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_ARCHITECTURES[self._settings.arch],
            memory_size=memory_mb,
            timeout=timeout,
            role=role,
            environment={**self._environment, **_powertools(name, namespace=Stack.of(self).stack_name)},
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            # START, END and REPORT lines would cost four times what the computing costs.
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            tracing=lambda_.Tracing.DISABLED,
            reserved_concurrent_executions=reserved or None,
            retry_attempts=0 if asynchronous else None,
            max_event_age=Duration.seconds(60) if asynchronous else None,
        )


def _powertools(name: str, *, namespace: str) -> dict[str, str]:
    if name == "ping":  # starts faster without
        return {}
    return {"POWERTOOLS_SERVICE_NAME": name, "POWERTOOLS_METRICS_NAMESPACE": namespace}
