"""Refusals as RFC 9457 problem documents. Nothing of the refused request is ever repeated in one."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException

from workstation.site.contract import Problem

MEDIA_TYPE = "application/problem+json"

_RETRY_AFTER_S = 10
_FIELD_NAME = re.compile(r"[a-z_]{1,40}|\d{1,6}")
_logger = logging.getLogger(__name__)


class RefusalError(Exception):
    """A request that the server understands and does not carry out.

    Attributes:
        status: HTTP status: 4xx, or 503 when something that the server needs does not answer.
        title: short fixed English phrase, safe to log.
    """

    def __init__(self, status: int, title: str, detail: str = "") -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail


def problem_response(status: int, title: str, detail: str = "") -> Response:
    """Build the answer that carries a problem document."""
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    body = Problem(title=title, status=status, detail=detail).model_dump_json()
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Make every failure of ``app`` a problem document."""
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DataError, _not_storable)
    app.add_exception_handler(SQLAlchemyError, _store_failed)


def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RefusalError):
        raise error
    return problem_response(error.status, error.title, error.detail)


def _invalid(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    # Location and rule only: the value may be a name or an ID number, and so may a key that the caller chose.
    found = (f"{'.'.join(_place(part) for part in item['loc'])}: {item['type']}" for item in error.errors())
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, "request is not valid", "; ".join(found)[:1000])


def _place(part: str | int) -> str:
    text = str(part)
    return text if _FIELD_NAME.fullmatch(text) else "?"


def _http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return problem_response(error.status_code, HTTPStatus(error.status_code).phrase)


def _not_storable(_request: Request, _error: Exception) -> Response:
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, "request holds a value that cannot be stored")


def _store_failed(_request: Request, error: Exception) -> Response:
    _logger.error("the database failed: %s", type(error).__name__)
    answer = problem_response(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer")
    answer.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return answer
