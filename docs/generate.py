"""Writes the generated parts of the documentation: state diagram, error codes. Run by ``./dev docs``."""

from __future__ import annotations

import json
import re
from pathlib import Path

from drivers.errors import ErrorCode
from workstation.evaluation.page_api import json_schema
from workstation.journey.diagram import mermaid
from workstation.ui.messages import Language, Messages

DOCS = Path(__file__).parent


def architecture(text: str) -> str:
    """Return the architecture with the current state diagram in its place."""
    block = f"<!-- diagram -->\n```mermaid\n{mermaid()}```\n<!-- /diagram -->"
    return re.sub(r"<!-- diagram -->.*?<!-- /diagram -->", lambda _: block, text, flags=re.DOTALL)


def error_codes() -> str:
    """Return docs/operator/errors.md."""
    chinese, english = Messages(Language.ZH_CN), Messages(Language.EN)
    lines = [
        "# Error codes",
        "",
        "What the expert reads, and what the site administrator does. Generated from `workstation/ui/messages` by",
        "`./dev docs`; a code is never reused. A screen may say it in its own words (`[launching] E-501`).",
    ]
    for code in ErrorCode:
        lines += ["", f"## {code}", ""]
        lines += [f"- 专家: {chinese.expert(code)}", f"- 管理员: {chinese.admin(code)}"]
        lines += [f"- Expert: {english.expert(code)}", f"- Administrator: {english.admin(code)}"]
    return "\n".join(lines) + "\n"


def page_bridge(text: str) -> str:
    """Return the page bridge's description with the current schema in its place."""
    schema = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    block = f"<!-- schema -->\n```json\n{schema}\n```\n<!-- /schema -->"
    return re.sub(r"<!-- schema -->.*?<!-- /schema -->", lambda _: block, text, flags=re.DOTALL)


def main() -> None:
    """Write every generated part."""
    page = DOCS / "architecture.md"
    page.write_text(architecture(page.read_text(encoding="utf-8")), encoding="utf-8")
    bridge = DOCS / "page-bridge.md"
    bridge.write_text(page_bridge(bridge.read_text(encoding="utf-8")), encoding="utf-8")
    (DOCS / "operator" / "errors.md").write_text(error_codes(), encoding="utf-8")


if __name__ == "__main__":
    main()
