"""Options and arguments that several commands share, as Typer reads them."""

from __future__ import annotations

from typing import Annotated

import typer

from lastseen_cli.complete import channel_names, check_names, context_names

ACCESS = "Access"
"""The panel of a command's help in which the options of all stand."""

InContext = Annotated[
    str,
    typer.Option(
        "--context",
        envvar="LASTSEEN_CONTEXT",
        help="A deployment and key that `lastseen login` stored. Without it: the current one.",
        show_default=False,
        autocompletion=context_names,
        rich_help_panel=ACCESS,
    ),
]
ApiUrl = Annotated[
    str,
    typer.Option(
        envvar="LASTSEEN_API_URL",
        help="The API, like https://host/api. Without any: that of the stack Lastseen in your AWS account.",
        show_default=False,
        rich_help_panel=ACCESS,
    ),
]
ApiKey = Annotated[
    str,
    typer.Option(
        envvar="LASTSEEN_API_KEY",
        help="A key of the project; better in the variable. Without it: your AWS credentials.",
        show_default=False,
        rich_help_panel=ACCESS,
    ),
]
InProject = Annotated[
    str,
    typer.Option(
        "--project",
        envvar="LASTSEEN_PROJECT",
        help="With AWS credentials: the project.",
        show_default="default",
        rich_help_panel=ACCESS,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ContextName = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Its name: lastseen context ls", autocompletion=context_names, show_default=False
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
CheckName = Annotated[
    str,
    typer.Argument(
        metavar="CHECK",
        help="A check's slug, name, UUID or unique key.",
        autocompletion=check_names,
        show_default=False,
    ),
]
ChannelName = Annotated[
    str, typer.Argument(metavar="CHANNEL", help="Its name or id: lastseen channels list", autocompletion=channel_names)
]
Stack = Annotated[str, typer.Option(envvar="LASTSEEN_STACK", help="The CloudFormation stack of the deployment.")]
