"""The CDK app: settings from the context, one stack, checked by cdk-nag. `cdk synth` runs it; so does plain Python."""

import infra  # noqa: F401 - first of all: puts Node on PATH, which aws_cdk starts on import

# isort: split

import os
from typing import Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.settings import BadSettingError, settings_from
from infra.stack import LastseenStack


def lastseen(context: dict[str, Any] | None = None) -> App:
    """Build the app; `context` adds to what the CDK was given. A finding of cdk-nag makes its synth fail."""
    app = App(context=context)
    region = os.environ.get("CDK_DEFAULT_REGION", "")  # noqa: TID251 - the CDK's command line tells it that way
    LastseenStack(app, "Lastseen", settings=settings_from(app.node.get_all_context(), region=region))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return app


if __name__ == "__main__":
    try:
        lastseen().synth()
    except BadSettingError as error:
        raise SystemExit(f"Error: {error}") from None
