"""The few pages of botocore's service models that the ping function needs, to ship beside it.

A client of botocore reads the model of its whole service, endpoints of all services, and looks through hundreds of
folders. With these pages alone it starts in a sixth of the time (tests/bench shows the figures). They are cut from the
installed botocore, whose version pyproject pins; functions/lastseen/clients.py falls back on the runtime's own.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from botocore.loaders import Loader

OPERATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "dynamodb": ("GetItem", "PutItem", "TransactWriteItems", "UpdateItem"),
    "sqs": ("SendMessageBatch",),
}
"""What the ping function calls. A test holds it against the function's grants."""


def write(folder: Path) -> None:
    """Write the pages in the layout of botocore's data folder."""
    loader = Loader()
    for service, operations in OPERATIONS.items():
        version = loader.determine_latest_version(service, "service-2")
        model = loader.load_service_model(service, "service-2", version)
        rules = loader.load_service_model(service, "endpoint-rule-set-1", version)
        _dump(folder / service / version / "service-2.json", _cut(model, operations))
        _dump(folder / service / version / "endpoint-rule-set-1.json", rules)
    _dump(folder / "endpoints.json", _endpoints(loader.load_data("endpoints")))
    for name in ("partitions", "_retry", "sdk-default-configuration"):
        _dump(folder / f"{name}.json", loader.load_data(name))


def _cut(model: Mapping[str, Any], operations: Iterable[str]) -> dict[str, Any]:
    kept = {name: model["operations"][name] for name in operations}
    return {"metadata": model["metadata"], "operations": _bare(kept), "shapes": _bare(_reached(model, kept))}


def _reached(model: Mapping[str, Any], operations: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shapes that the operations lead to."""
    reached: dict[str, Any] = {}
    ahead = _shapes_in(operations)
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached[name] = model["shapes"][name]
            ahead |= _shapes_in(reached[name])
    return dict(sorted(reached.items()))


def _shapes_in(part: Any) -> set[str]:
    """Return the shapes that a part of a model names."""
    if isinstance(part, list):
        return set().union(*map(_shapes_in, part))
    if not isinstance(part, dict):
        return set()
    named = {part["shape"]} if isinstance(part.get("shape"), str) else set()
    return named.union(*map(_shapes_in, part.values()))


def _bare(part: Any) -> Any:
    """Return a part of a model without its prose."""
    if isinstance(part, list):
        return [_bare(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {name: _bare(each) for name, each in part.items() if not (name == "documentation" and isinstance(each, str))}


def _endpoints(everything: Mapping[str, Any]) -> dict[str, Any]:
    partitions = [
        partition | {"services": {name: each for name, each in partition["services"].items() if name in OPERATIONS}}
        for partition in everything["partitions"]
    ]
    return {**everything, "partitions": partitions}


def _dump(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True))
