"""Turns the demo main site's content into HTML. Every value is escaped in one place."""

from __future__ import annotations

from html import escape
from importlib import resources
from string import Template

from workstation.drill.evaluation_record import BIDDERS, CRITERIA, Bidder, Form, Record, total
from workstation.site.contract import TicketHolder

_FOLDER = resources.files("workstation.drill") / "pages"


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def read(name: str) -> str:
    """Return a file of the page folder."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def evaluation(holder: TicketHolder, record: Record, bidder: Bidder, *, nonce: str, notice: Markup) -> str:
    """Return the page on which the expert scores ``bidder``."""
    form = record.load(holder.project_id, holder.alias, bidder.key)
    content = _fill(
        "form.html",
        notice=notice,
        key=bidder.key,
        name=bidder.name,
        price=f"{bidder.price_yuan:,}",
        period=str(bidder.period_days),
        rows=_rows(form),
        sum=f"{total(form):.1f}",
        nonce=nonce,
    )
    return _page("评分", holder, record, content, current=bidder.key)


def report(holder: TicketHolder, record: Record) -> str:
    """Return the report page: the expert's own sums, best first."""
    forms = [(bidder, record.load(holder.project_id, holder.alias, bidder.key)) for bidder in BIDDERS]
    forms.sort(key=lambda item: total(item[1]), reverse=True)
    rows = [
        _fill(
            "report_row.html",
            rank=str(rank) if form else "-",
            name=bidder.name,
            price=f"{bidder.price_yuan:,}",
            period=str(bidder.period_days),
            sum=f"{total(form):.1f}" if form else "-",
            state="已评分" if form else "待评分",
        )
        for rank, (bidder, form) in enumerate(forms, start=1)
    ]
    content = _fill("report.html", rows=Markup("".join(rows)), alias=holder.alias, role=holder.role)
    return _page("评标报告", holder, record, content, current="")


def saved_notice(bidder: Bidder) -> Markup:
    """Return the line that confirms a save."""
    return _fill("notice.html", kind="ok", text=f"{bidder.name}的评分已保存。")


def error_notice(text: str) -> Markup:
    """Return the line that says what is wrong with a form."""
    return _fill("notice.html", kind="bad", text=text)


def message(heading: str, text: str, *, is_refusal: bool) -> str:
    """Return a page that says one thing."""
    body = _fill(
        "message.html",
        kind="bad" if is_refusal else "ok",
        sign="!" if is_refusal else "✓",
        heading=heading,
        text=text,
    )
    return _fill("layout.html", title=heading, account="", body=body)


def login(refused: str) -> str:
    """Return the login form; ``refused`` says why the last account was not taken."""
    return _fill("layout.html", title="登录", account="", body=_fill("login.html", refused=refused))


def _page(title: str, holder: TicketHolder, record: Record, content: Markup, *, current: str) -> str:
    account = _fill("account.html", alias=holder.alias, role=holder.role, booth=holder.booth_label)
    bidders = [
        _fill(
            "bidder.html",
            key=bidder.key,
            name=bidder.name,
            current=" current" if bidder.key == current else "",
            state="已评分" if record.load(holder.project_id, holder.alias, bidder.key) else "待评分",
        )
        for bidder in BIDDERS
    ]
    body = _fill(
        "evaluation.html",
        bidders=Markup("".join(bidders)),
        report_current="" if current else " current",
        project=holder.project_name,
        project_id=holder.project_id,
        content=content,
    )
    return _fill("layout.html", title=title, account=account, body=body)


def _rows(form: Form) -> Markup:
    rows = []
    for criterion in CRITERIA:
        score = form.get(criterion.key)
        rows.append(
            _fill(
                "row.html",
                key=criterion.key,
                name=criterion.name,
                basis=criterion.basis,
                weight=str(criterion.weight),
                points="" if score is None else f"{score.points:g}",
                comment="" if score is None else score.comment,
            )
        )
    return Markup("".join(rows))


def _fill(page: str, /, **values: str) -> Markup:
    ready = {key: value if isinstance(value, Markup) else escape(value) for key, value in values.items()}
    return Markup(Template(read(page)).substitute(ready))
