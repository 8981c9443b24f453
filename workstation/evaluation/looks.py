"""The scripts that look into a page and type into its login form, and what they answer. Pure text.

Each runs in a script world of its own: the page's changes to ``document`` and to prototypes are not seen there, and
the marks left on ``globalThis`` are gone with the document.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from kiosk_config.pack.model import AccountForm

from .entry import Entry
from .marks import origin_of

_LOOK = """(() => {
  const find = (selector) => {
    try { return selector === "" ? document.documentElement : document.querySelector(selector); }
    catch { return null; }
  };
  const isSeen = (element) => element !== null && element.getClientRects().length > 0;
  const [arrived, signedOut, form] = %s;
  const parts = form === null ? [] : form.fields.map(find);
  const isForm = form !== null && location.origin === form.origin && parts.every((part) => part !== null);
  return JSON.stringify({
    address: location.href,
    arrived: find(arrived) !== null,
    signed_out: signedOut !== null && find(signedOut) !== null,
    form: isForm,
    typed: globalThis.isTyped === true,
    submitted: globalThis.isSubmitted === true,
    ready: isForm && parts[2].disabled !== true,
    refused: form !== null && form.refused !== "" && isSeen(find(form.refused)),
  });
})()"""

# Setters of the prototype, because frameworks put their own onto the element and would not see the change.
_FILL = """(() => {
  const [origin, user, password, account] = %s;
  if (location.origin !== origin || globalThis.isTyped === true) return;
  const fields = [user, password].map((selector) => document.querySelector(selector));
  if (!fields.every((field) => field instanceof HTMLInputElement)) return;
  const setter = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  fields.forEach((field, at) => {
    field.focus();
    setter.call(field, account[at]);
    for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, {bubbles: true}));
  });
  globalThis.isTyped = true;
})()"""

_SUBMIT = """(() => {
  const [origin, submit] = %s;
  if (location.origin !== origin || globalThis.isSubmitted === true) return;
  globalThis.isSubmitted = true;
  document.querySelector(submit)?.click();
})()"""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look found in one document.

    Attributes:
        address: of the document.
        arrived, signed_out: the element of that mark is there; the address is judged by the caller.
        form: the login form is there, at its origin.
        typed, submitted: that was done in this very document.
        ready: the form's button can be pressed.
        refused: what says that the account was not taken can be seen.
    """

    address: str
    arrived: bool
    signed_out: bool
    form: bool
    typed: bool
    submitted: bool
    ready: bool
    refused: bool


def look(entry: Entry) -> str:
    """Return the script of one look."""
    form = entry.form
    asked = None
    if form is not None:
        fields = [form.user, form.password, form.submit]
        asked = {"origin": origin_of(form.url), "fields": fields, "refused": form.refused}
    signed_out = entry.pack.signed_out
    return _LOOK % json.dumps([entry.pack.arrived.selector, signed_out and signed_out.selector, asked])


def fill(entry: Entry) -> str:
    """Return the script that types the account, "" without form or account. It holds the password: never log it."""
    form, account = entry.form, entry.account
    if form is None or account is None:
        return ""
    return _FILL % json.dumps([origin_of(form.url), form.user, form.password, [account.user, account.password]])


def submit(form: AccountForm) -> str:
    """Return the script that presses the form's button, once a document."""
    return _SUBMIT % json.dumps([origin_of(form.url), form.submit])


def read(answer: object) -> Look | None:
    """Return what a look found, ``None`` when the document went away under it."""
    if not isinstance(answer, str) or not answer:
        return None
    return Look(**json.loads(answer))
