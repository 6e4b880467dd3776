"""Options and arguments that several commands share, as Typer reads them."""

from __future__ import annotations

from typing import Annotated

import typer

ApiUrl = Annotated[
    str,
    typer.Option(
        envvar="LASTSEEN_API_URL",
        help="The API, like https://host/api. Without it: what the stack Lastseen of your AWS account tells.",
        show_default=False,
    ),
]
ApiKey = Annotated[
    str,
    typer.Option(
        envvar="LASTSEEN_API_KEY",
        help="A key of the project; better in the variable. Without it: your AWS credentials.",
        show_default=False,
    ),
]
InProject = Annotated[
    str,
    typer.Option(
        "--project", envvar="LASTSEEN_PROJECT", help="With AWS credentials: the project.", show_default="default"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Which = Annotated[str, typer.Argument(metavar="CHECK", help="A check's UUID, unique key, slug or name.")]
Stack = Annotated[str, typer.Option(envvar="LASTSEEN_STACK", help="The CloudFormation stack of the deployment.")]
