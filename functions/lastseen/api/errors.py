"""Why a request is refused: the exceptions, each with its status.

ApiError
+-- BadRequestError       400, the first thing that is wrong
+-- UnauthorizedError     401
+-- ForbiddenError        403
+-- UnknownError          404
+-- RefusedError          409
+-- TooManyError          429, the same request can be sent again later
"""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """A request that is refused, with the words for the client."""

    status = 500
    headers: Mapping[str, str] = {}


class BadRequestError(ApiError):
    """The request is wrong; the text names the field and what it should be."""

    status = 400


class UnauthorizedError(ApiError):
    """There is no key, or not one that may do this."""

    status = 401


class ForbiddenError(ApiError):
    """The thing belongs to another project."""

    status = 403


class UnknownError(ApiError):
    """There is no such thing."""

    status = 404


class RefusedError(ApiError):
    """It is not possible in the present state."""

    status = 409


class TooManyError(ApiError):
    """Too many of these at once; the same request can be sent again later."""

    status = 429
    headers: Mapping[str, str] = {"Retry-After": "10"}
