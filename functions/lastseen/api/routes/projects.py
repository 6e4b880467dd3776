"""Routes of projects: for requests that are signed with AWS credentials."""

from __future__ import annotations

from dataclasses import replace

from lastseen.api.calls import SIGNED, Answer, Call, Needs, Route, Told
from lastseen.api.checks import channels_of
from lastseen.api.documents import Document, Time, iso
from lastseen.api.models import NewProjectRequest, ProjectRequest
from lastseen.api.projects import Projects, made
from lastseen.storage.projects import Project

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


def listed(call: Call) -> Answer:
    """Answer with all projects."""
    return Answer(document=ProjectList(projects=[_document(each) for each in Projects(call.deployment.store).all()]))


def create(call: Call) -> Answer:
    """Make a project."""
    request = call.read(NewProjectRequest)
    channels = _channels(call, request, request.name)
    created = Projects(call.deployment.store).create(made(request.name, channels, call.now))
    return Answer(status=201, document=_document(created))


def update(call: Call) -> Answer:
    """Change a project's choices."""
    request = call.read(ProjectRequest)
    projects = Projects(call.deployment.store)
    held = projects.one(call.at["name"])
    channels = _channels(call, request, held.name)
    return Answer(document=_document(held if channels is None else projects.change(replace(held, channels=channels))))


def delete(call: Call) -> Answer:
    """Remove an empty project."""
    return Answer(document=_document(Projects(call.deployment.store).delete(call.at["name"])))


def _channels(call: Call, request: ProjectRequest, project: str) -> str | None:
    sent = "channels" in request.model_fields_set
    return channels_of(call.deployment.store, project, request.channels) if sent else None


def _document(project: Project) -> ProjectDocument:
    return ProjectDocument(name=project.name, created=iso(project.created), channels=project.channels)


_UNKNOWN = Told(says="There is no such project.")

ROUTES = (
    Route(
        method="GET",
        path=LIST,
        does=listed,
        needs=Needs.SIGNATURE,
        says="List the projects",
        answers={200: Told(says="The projects.", document=ProjectList)},
    ),
    Route(
        method="POST",
        path=LIST,
        does=create,
        needs=Needs.SIGNATURE,
        says="Create a project",
        body=NewProjectRequest,
        answers={201: Told(says="The project.", document=ProjectDocument), 409: Told(says="There is one already.")},
    ),
    Route(
        method="POST",
        path=ONE,
        does=update,
        needs=Needs.SIGNATURE,
        says="Change what new checks of a project get",
        body=ProjectRequest,
        answers={200: Told(says="The project.", document=ProjectDocument), 404: _UNKNOWN},
    ),
    Route(
        method="DELETE",
        path=ONE,
        does=delete,
        needs=Needs.SIGNATURE,
        says="Delete a project that has neither checks nor channels",
        more="Its keys are revoked.",
        answers={
            200: Told(says="The project as it was.", document=ProjectDocument),
            404: _UNKNOWN,
            409: Told(says="It is not empty, or it is `default`."),
        },
    ),
)
