"""Routes of projects: for requests that are signed with AWS credentials."""

from __future__ import annotations

from dataclasses import replace

from lastseen.api.calls import SIGNED, Call, HttpResponse, Needs, Responds, Route
from lastseen.api.checks import channels_of
from lastseen.api.documents import Document, Time, time_or_none
from lastseen.api.models import NewProjectRequest, ProjectRequest
from lastseen.api.projects import Projects, made
from lastseen.storage.records import Project

LIST = f"{SIGNED}/projects/"
ONE = f"{SIGNED}/projects/{{name}}"


class ProjectDocument(Document):
    """A project."""

    name: str
    created: Time | None
    channels: str
    """What a check gets that is made without channels of its own: `*` all, empty none, or ids with commas between."""


class ProjectList(Document):
    """The projects of the deployment, `default` first."""

    projects: list[ProjectDocument]


def listed(call: Call) -> HttpResponse:
    """Answer with all projects."""
    return HttpResponse(
        document=ProjectList(projects=[_document(each) for each in Projects(call.deployment.store).all()])
    )


def create(call: Call) -> HttpResponse:
    """Make a project."""
    request = call.read_body(NewProjectRequest)
    channels = _channels(call, request, request.name)
    created = Projects(call.deployment.store).create(made(request.name, channels, call.now))
    return HttpResponse(status=201, document=_document(created))


def update(call: Call) -> HttpResponse:
    """Change a project's choices."""
    request = call.read_body(ProjectRequest)
    projects = Projects(call.deployment.store)
    held = projects.one(call.path["name"])
    channels = _channels(call, request, held.name)
    return HttpResponse(
        document=_document(held if channels is None else projects.change(replace(held, channels=channels)))
    )


def delete(call: Call) -> HttpResponse:
    """Remove an empty project."""
    return HttpResponse(
        document=_document(Projects(call.deployment.store).delete(call.path["name"], pause=call.deployment.pause))
    )


def _channels(call: Call, request: ProjectRequest, project: str) -> str | None:
    sent = "channels" in request.model_fields_set
    return channels_of(call.deployment.store, project, request.channels) if sent else None


def _document(project: Project) -> ProjectDocument:
    return ProjectDocument(name=project.name, created=time_or_none(project.created), channels=project.channels)


_UNKNOWN = Responds(description="There is no such project.")

ROUTES = (
    Route(
        method="GET",
        path=LIST,
        handler=listed,
        needs=Needs.SIGNATURE,
        summary="List the projects",
        responses={200: Responds(description="The projects.", document=ProjectList)},
    ),
    Route(
        method="POST",
        path=LIST,
        handler=create,
        needs=Needs.SIGNATURE,
        summary="Create a project",
        body=NewProjectRequest,
        responses={
            201: Responds(description="The project.", document=ProjectDocument),
            409: Responds(description="There is one already."),
        },
    ),
    Route(
        method="POST",
        path=ONE,
        handler=update,
        needs=Needs.SIGNATURE,
        summary="Change what new checks of a project get",
        body=ProjectRequest,
        responses={200: Responds(description="The project.", document=ProjectDocument), 404: _UNKNOWN},
    ),
    Route(
        method="DELETE",
        path=ONE,
        handler=delete,
        needs=Needs.SIGNATURE,
        summary="Delete a project that has neither checks nor channels",
        description="Its keys are revoked.",
        responses={
            200: Responds(description="The project as it was.", document=ProjectDocument),
            404: _UNKNOWN,
            409: Responds(description="It is not empty, or it is `default`."),
        },
    ),
)
