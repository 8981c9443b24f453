"""The demo main site (主场电子评标系统 演示): what the locked browser opens in a drill. Own process, own origin."""

from __future__ import annotations

import argparse
import logging
import secrets
import sys
import threading
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

import requests
from fastapi import Cookie, FastAPI, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from workstation.drill import main_site_pages as pages
from workstation.drill.accounts import known_account
from workstation.drill.evaluation_record import BIDDERS, Bidder, FormError, Record, parse_form
from workstation.site.contract import TicketHolder, TicketRedemption
from workstation.site.server.listener import Listener
from workstation.site.transport import bounded_session, exchange

COOKIE = "main_site_session"

_SITE_TIMEOUT_S = 5.0
_MAX_FORM_BYTES = 64 * 1024

SessionCookie = Annotated[str, Cookie(alias=COOKIE)]


class SiteAwayError(Exception):
    """The site server gave no answer, so nobody knows whether the ticket is good."""


class TicketOffice:
    """Redeems tickets at the site server.

    Args:
        site_url: of the site server.
        token: the main site's bearer token.
    """

    def __init__(self, site_url: str, token: str) -> None:
        self._url = f"{site_url.rstrip('/')}/v1/tickets/redeem"
        self._token = token
        self._session = bounded_session(None)

    def redeem(self, ticket: str) -> TicketHolder | None:
        """Return to whom the ticket was issued, ``None`` for one that is used, expired or forged.

        Raises:
            SiteAwayError: no valid answer. A ticket whose reply was lost is used up; the expert asks for another.
        """
        try:
            body = TicketRedemption(ticket=ticket).model_dump_json()
        except ValidationError:
            return None
        request = requests.Request(
            "POST",
            self._url,
            data=body.encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        try:
            response, reply = exchange(self._session, request, timeout_s=_SITE_TIMEOUT_S, total_s=2 * _SITE_TIMEOUT_S)
        except (requests.RequestException, OSError) as error:
            raise SiteAwayError(type(error).__name__) from error
        if response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY}:
            return None
        try:
            return TicketHolder.model_validate_json(reply)
        except ValidationError:
            raise SiteAwayError(f"status {response.status_code}") from None


class Sessions:
    """Who is logged in, by the value of the session cookie. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: dict[str, TicketHolder] = {}

    def open(self, holder: TicketHolder) -> str:
        """Log a person in, once: a session of the same person elsewhere ends. Return the cookie's value."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            for known, other in list(self._holders.items()):
                if (other.project_id, other.alias) == (holder.project_id, holder.alias):
                    del self._holders[known]
            self._holders[cookie] = holder
        return cookie

    def holder(self, cookie: str) -> TicketHolder | None:
        """Return who has this cookie."""
        with self._lock:
            return self._holders.get(cookie)

    def close_all(self) -> None:
        """Log everybody out."""
        with self._lock:
            self._holders.clear()

    def close(self, cookie: str) -> None:
        """Log out. Idempotent."""
        with self._lock:
            self._holders.pop(cookie, None)


def create_app(office: TicketOffice) -> FastAPI:
    """Build the demo main site."""
    app = FastAPI(title="Demo main site", docs_url=None, redoc_url=None, openapi_url=None)
    _add_ticket_doors(app, office, sessions := Sessions())
    _add_account_door(app, sessions)
    _add_session(app, sessions)
    _add_evaluation(app, sessions, Record())

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/style.css")
    def style() -> Response:
        return Response(pages.read("style.css"), media_type="text/css", headers=_HEADERS)

    return app


def _by_ticket(office: TicketOffice, sessions: Sessions, ticket: str, target: str = "/evaluation") -> Response:
    try:
        holder = office.redeem(ticket)
    except SiteAwayError:
        text = "暂时无法核验入场凭证，请稍候重新进入，或呼叫管理员。"
        return _html(pages.message("请稍候", text, is_refusal=True), HTTPStatus.BAD_GATEWAY)
    if holder is None:
        text = "入场凭证无效、已使用或已过期。请返回工位程序重新进入。"
        return _html(pages.message("未能进入评标系统", text, is_refusal=True), HTTPStatus.FORBIDDEN)
    return _logged_in(sessions, holder, target)


def _add_ticket_doors(app: FastAPI, office: TicketOffice, sessions: Sessions) -> None:
    @app.get("/enter")
    def enter(ticket: str = "", authorization: Annotated[str, Header()] = "") -> Response:
        return _by_ticket(office, sessions, ticket or authorization.removeprefix("Bearer "))

    @app.post("/enter")
    async def enter_by_form(request: Request) -> Response:
        fields = await _fields(request)
        return await run_in_threadpool(_by_ticket, office, sessions, fields.get("ticket", ""))

    @app.get("/initiate")
    def initiate(request: Request, iss: str = "", login_hint: str = "", target_link_uri: str = "") -> Response:
        # We are our own issuer; a target elsewhere would make an open redirector of us (OpenID Connect Core 4).
        own = f"{request.url.scheme}://{request.url.netloc}"
        if iss != own or (target_link_uri and not target_link_uri.startswith(f"{own}/")):
            text = "登录请求的来源或目标不符。"
            return _html(pages.message("未能进入评标系统", text, is_refusal=True), HTTPStatus.BAD_REQUEST)
        query = urlencode({"login_hint": login_hint, "target": target_link_uri.removeprefix(own) or "/evaluation"})
        return RedirectResponse(f"/authorize?{query}", HTTPStatus.SEE_OTHER, headers=_HEADERS)

    @app.get("/authorize")
    def authorize(login_hint: str = "", target: str = "/evaluation") -> Response:
        is_ours = target.startswith("/") and not target.startswith(("//", "/\\"))
        return _by_ticket(office, sessions, login_hint, target if is_ours else "/evaluation")


def _add_account_door(app: FastAPI, sessions: Sessions) -> None:
    @app.get("/login")
    def login_form() -> Response:
        return _html(pages.login(""), HTTPStatus.OK)

    @app.post("/login")
    async def login(request: Request) -> Response:
        fields = await _fields(request)
        holder = known_account(fields.get("user", ""), fields.get("password", ""))
        if holder is None:
            return _html(pages.login("用户名或密码不正确。"), HTTPStatus.OK)
        return _logged_in(sessions, holder, "/evaluation")


def _add_session(app: FastAPI, sessions: Sessions) -> None:
    @app.get("/session")
    def session(cookie: SessionCookie = "") -> Response:
        return Response(status_code=HTTPStatus.UNAUTHORIZED if sessions.holder(cookie) is None else HTTPStatus.OK)

    @app.post("/drill/time-out")
    def time_out() -> dict[str, str]:
        """End every session, as the idle time-out of a main site does after lunch."""
        sessions.close_all()
        return {"status": "ok"}

    @app.post("/logout")
    def logout(cookie: SessionCookie = "") -> Response:
        sessions.close(cookie)
        response = _html(pages.message("您已退出评标系统", "可以关闭本页。", is_refusal=False), HTTPStatus.OK)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response


def _add_evaluation(app: FastAPI, sessions: Sessions, record: Record) -> None:
    @app.get("/evaluation")
    def evaluation(bidder: str = "a", saved: str = "", cookie: SessionCookie = "") -> Response:
        holder = sessions.holder(cookie)
        if holder is None:
            return _not_logged_in()
        chosen = _bidder(bidder)
        notice = pages.saved_notice(chosen) if saved else pages.Markup("")
        return _evaluation_page(holder, record, chosen, notice, HTTPStatus.OK)

    @app.post("/evaluation")
    async def save(request: Request, bidder: str = "a", cookie: SessionCookie = "") -> Response:
        holder = sessions.holder(cookie)
        if holder is None:
            return _not_logged_in()
        chosen = _bidder(bidder)
        try:
            form = parse_form(await _fields(request))
        except FormError as error:
            notice = pages.error_notice(str(error))
            return _evaluation_page(holder, record, chosen, notice, HTTPStatus.UNPROCESSABLE_ENTITY)
        record.save(holder.project_id, holder.alias, chosen.key, form)
        return RedirectResponse(f"/evaluation?bidder={chosen.key}&saved=1", HTTPStatus.SEE_OTHER, headers=_HEADERS)

    @app.get("/report")
    def report(cookie: SessionCookie = "") -> Response:
        holder = sessions.holder(cookie)
        return _not_logged_in() if holder is None else _html(pages.report(holder, record), HTTPStatus.OK)


_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _html(content: str, status: HTTPStatus, nonce: str = "") -> HTMLResponse:
    script = f"'nonce-{nonce}'" if nonce else "'none'"
    own = "style-src 'self'; connect-src 'self'; form-action 'self'"
    policy = f"default-src 'none'; {own}; script-src {script}; base-uri 'none'"
    return HTMLResponse(content, status, headers={**_HEADERS, "Content-Security-Policy": policy})


def _evaluation_page(
    holder: TicketHolder, record: Record, bidder: Bidder, notice: pages.Markup, status: HTTPStatus
) -> Response:
    nonce = secrets.token_urlsafe(16)
    return _html(pages.evaluation(holder, record, bidder, nonce=nonce, notice=notice), status, nonce)


def _logged_in(sessions: Sessions, holder: TicketHolder, target: str) -> Response:
    response = RedirectResponse(target, HTTPStatus.SEE_OTHER, headers=_HEADERS)
    response.set_cookie(COOKIE, sessions.open(holder), httponly=True, samesite="strict")
    return response


def _not_logged_in() -> Response:
    text = "登录已结束。请返回工位程序重新进入。"
    return _html(pages.message("未登录", text, is_refusal=True), HTTPStatus.FORBIDDEN)


def _bidder(key: str) -> Bidder:
    return next((bidder for bidder in BIDDERS if bidder.key == key), BIDDERS[0])


async def _fields(request: Request) -> dict[str, str]:
    """Read a URL-encoded form, bounded."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_FORM_BYTES:
            raise FormError("提交的内容过长。")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise FormError("提交的内容无法识别。") from None


def main(arguments: list[str] | None = None) -> int:
    """Run the demo main site. Returns 2 when it cannot start, with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="python -m workstation.drill.main_site", description=__doc__)
    parser.add_argument("--site", required=True, help="URL of the site server")
    parser.add_argument("--token", required=True, help="the main site's token at the site server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--end-with-stdin", action="store_true", help="end when standard input closes")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    listener = Listener(host=options.host, port=options.port, end_with_stdin=options.end_with_stdin)
    try:
        listener.serve(create_app(TicketOffice(options.site, options.token)))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"main site cannot start: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
