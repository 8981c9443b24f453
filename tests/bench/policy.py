"""Origin policy: what one decision costs with the most rules that a pack may have."""

from __future__ import annotations

import time
from pathlib import Path

from kiosk_config.pack.model import OriginRule
from tests.bench.report import Row, show
from workstation.evaluation.policy import OriginPolicy, Use

RULES = 200
ROUNDS = 50
REPEATS = 200
STRANGERS = 2000
LIMIT_US = 20.0


def run(_directory: Path) -> None:
    """Measure addresses of every kind against 200 rules, a third each plain, with subdomains and with paths."""
    policy = OriginPolicy(_rules())
    rows = [_cost(policy, what, [url] * REPEATS, use) for what, url, use in _addresses()]
    # Fewer are remembered than come by here, so each is new when its turn comes again.
    strangers = [f"https://n{number}.{'a.' * 18}zone2.example.gov.cn:8198/x" for number in range(STRANGERS)]
    rows.append(_cost(policy, "a host never seen before, 20 names below a rule's", strangers, Use.SUB_RESOURCE))
    show(f"Origin policy, {RULES} rules", rows)


def _rules() -> list[OriginRule]:
    rules = []
    for number in range(RULES):
        origin = f"https://host{number}.zone{number % 7}.example.gov.cn:{8000 + number}"
        paths = tuple(f"/part{index}/of/it" for index in range(8)) if number % 3 == 2 else ()
        rules.append(OriginRule(origin=origin, subdomains=number % 3 != 0, paths=paths))
    return rules


def _addresses() -> tuple[tuple[str, str, Use], ...]:
    host = "host198.zone2.example.gov.cn:8198"
    limited = "host197.zone1.example.gov.cn:8197"
    tail = "/" + "segment/" * 30 + "page?" + "q" * 500
    return (
        ("plain rule", f"https://{host}/index.html", Use.SUB_RESOURCE),
        ("plain rule, 750 letters", f"https://{host}{tail}", Use.SUB_RESOURCE),
        (
            "last of eight paths, 20 names below the host",
            f"https://{'a.' * 20}{limited}/part7/of/it/x",
            Use.SUB_RESOURCE,
        ),
        ("path refused, 750 letters", f"https://{limited}{tail}", Use.SUB_RESOURCE),
        ("origin refused, 20 names deep", f"https://{'a.' * 20}elsewhere.example/", Use.MAIN_FRAME),
        ("WebSocket", f"wss://{host}/live", Use.WEBSOCKET),
        ("unreadable", f"https://user@{host}/", Use.MAIN_FRAME),
    )


def _cost(policy: OriginPolicy, what: str, urls: list[str], use: Use) -> Row:
    samples = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for url in urls:
            policy.decide(url, use)
        samples.append(1e6 * (time.perf_counter() - started) / len(urls))
    return Row(what=what, samples=samples, unit="us", limit=LIMIT_US)
