"""AWS clients that start fast, for the ping function: a ping is where a cold start costs.

They are botocore's own, reading the few pages of its service models that ship beside us (infra/models.py) in place of
all that the runtime has. Where those pages are missing, or do not suit the runtime's botocore, the runtime's serve.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

log = logging.getLogger(__name__)

MODELS = Path(__file__).parent.parent / "models"

SETTINGS = Config(
    connect_timeout=1,  # seconds until a call that hangs is made again: botocore's own 60 outlive the function
    read_timeout=3,
    user_agent="lastseen",  # botocore's own is put together anew, twice, for every call: a tenth of its CPU
    parameter_validation=False,  # another tenth; the tests make the same calls with it
)


class Clients:
    """Makes low-level clients of one session."""

    def __init__(self, models: Path = MODELS) -> None:
        self._models = models
        self._session = self._short() if models.is_dir() else botocore.session.get_session()

    def make(self, service: str) -> Any:
        """Return a client of a service."""
        try:
            return self._session.create_client(service, config=SETTINGS)
        except Exception:
            if not self._models.is_dir():
                raise
            log.exception("The shipped models do not suit this botocore; its own are read, which takes longer.")
            return botocore.session.get_session().create_client(service, config=SETTINGS)

    def _short(self) -> Any:
        session = botocore.session.get_session()
        session.register_component("data_loader", _ShortLoader(extra_search_paths=[str(self._models)]))
        return session


class _ShortLoader(Loader):
    """Looks into our folder first and into botocore's last; asked for services, it names ours without a search."""

    def list_available_services(self, type_name: str) -> list[str]:
        ours = Path(self.search_paths[0])
        known = [folder.name for folder in ours.iterdir() if folder.is_dir()]
        return known if type_name == "service-2" else super().list_available_services(type_name)
