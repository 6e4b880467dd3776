"""The CDK app: settings from the context, one stack, checked by cdk-nag. `cdk synth` runs it; so does plain Python."""

import infra  # noqa: F401 - first of all: puts Node on PATH, which aws_cdk starts on import

# isort: split

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.settings import settings_from
from infra.stack import LastseenStack

app = App()
LastseenStack(app, "Lastseen", settings=settings_from(app.node.get_all_context()))
Validations.of(app).add_plugins(AwsSolutionsChecks(app))
app.synth()
