"""The HTTP API: throttling, a log that never sees a ping address, and the custom domain. Routes are listed in stack.py.

CORS is answered by the functions: which origins may call depends on the route.
"""

import json
from collections.abc import Sequence
from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.logs import log_group
from infra.nag import accept
from infra.settings import Settings

# routeKey ("ANY /ping/{proxy+}") and never the path: the path of a ping is its credential.
# Short, since at half a dollar per gigabyte a line costs as much as a tenth of its ping.
LOGGED: Final = {
    "at": "$context.requestTimeEpoch",
    "id": "$context.requestId",
    "route": "$context.routeKey",
    "status": "$context.status",
    "ms": "$context.responseLatency",
    "ip": "$context.identity.sourceIp",
    "error": "$context.error.responseType",
}


class Web(Construct):
    """The API and its one stage, without routes yet."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.api = apigw.HttpApi(
            self,
            "Api",
            api_name=Stack.of(self).stack_name,
            create_default_stage=False,
            ip_address_type=apigw.IpAddressType.DUAL_STACK,  # there are clusters that speak IPv6 only
        )
        self.domain = self._domain(settings) if settings.domain else None
        self._resource = self._stage(settings)
        self.site_url = settings.site_url or (
            f"https://{settings.domain}" if settings.domain else self.api.api_endpoint
        )
        accept(
            self.api,
            "APIG4",
            reason="A ping address is its own credential, badges are public, functions check keys; /iam is signed.",
        )
        self._integrations: dict[str, HttpLambdaIntegration] = {}

    def route(
        self,
        function: lambda_.Function,
        paths: Sequence[str],
        *,
        signed: bool = False,
        throttle: tuple[int, int] | None = None,
    ) -> None:
        """Send every method of `paths` to `function`; `signed`: only for callers whose AWS role may invoke the API.

        `throttle`: rate and burst of each of these routes alone, in place of what the stage sets for each of them.
        """
        name = function.node.id
        integration = self._integrations.setdefault(name, HttpLambdaIntegration(name, function))
        for path in paths:
            routes = self.api.add_routes(
                path=path,
                methods=[apigw.HttpMethod.ANY],
                integration=integration,
                authorizer=HttpIamAuthorizer() if signed else None,
            )
            if throttle:
                rate, burst = throttle
                limits = {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
                self._resource.add_property_override(f"RouteSettings.ANY {path}", limits)
                self._resource.node.add_dependency(*routes)  # AWS refuses settings of a route that it does not know

    def _stage(self, settings: Settings) -> apigw.CfnStage:
        stage = apigw.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigw.ThrottleSettings(rate_limit=settings.throttle_rate, burst_limit=settings.throttle_burst),
            domain_mapping=apigw.DomainMappingOptions(domain_name=self.domain) if self.domain else None,
        )
        resource = stage.node.default_child
        if not isinstance(resource, apigw.CfnStage):
            raise TypeError("The stage of the HTTP API is no CfnStage any more: look how the CDK sets its access log.")
        # API Gateway adds each group that it writes to to one policy of the account, which may have 5,120 characters; a
        # stage whose group does not fit is refused. Only groups of this name are written to without.
        log = log_group(
            self, "AccessLog", days=settings.log_days, name=f"/aws/vendedlogs/{Stack.of(self).stack_name}-access"
        )
        resource.access_log_settings = apigw.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn,
            format=json.dumps(LOGGED),
        )
        return resource

    def _domain(self, settings: Settings) -> apigw.DomainName:
        certificate = acm.Certificate.from_certificate_arn(self, "Certificate", settings.certificate_arn)
        return apigw.DomainName(
            self,
            "Domain",
            domain_name=settings.domain,
            certificate=certificate,
            ip_address_type=apigw.IpAddressType.DUAL_STACK,
        )
