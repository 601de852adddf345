"""`shop demo` as a newcomer runs it: real processes, real HTTP, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orders.balance.identity import Identity
from shop.app.demo.play import disagreements
from shop.app.demo.show import written

PROJECT = Path(__file__).parents[2]
PATIENCE_SECONDS = 300


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def demo(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "STRIPE_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "shop.app.cli", "demo"],
        cwd=folder,
        env=kept
        | {
            "PYTHONPATH": str(PROJECT),
            "STRIPE_SECRET_KEY": "sk_test_never_used",
            "STRIPE_WEBHOOK_SECRET": "whsec_never_used",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A suite in the background of a shell hands down that Ctrl-C is ignored; a terminal does not.
        preexec_fn=_heed_interrupts,  # noqa: PLW1509
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def left_behind(folder: Path) -> list[str]:
    """Command lines of processes that work in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if folder in (process / "cwd").resolve().parents or (process / "cwd").resolve() == folder:
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_the_day_is_played_and_every_fen_agrees(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        printed, _ = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 0, printed
    [line] = re.findall(r"核对通过：.*分毫不差", printed)
    goods, freight, advances, payments, receivables = re.findall(r"¥([\d,.]+)", line)[:5]
    fen = [int(re.sub(r"[,.]", "", one)) for one in (goods, freight, advances, payments, receivables)]
    assert sum(fen[:3]) == sum(fen[3:]) > 0
    shares = re.findall(r"BF[0-9A-Z]{10}\s+¥([\d,.]+)\s+¥([\d,.]+)", printed)
    assert len(shares) == 5
    assert all(due == paid != "0.00" for due, paid in shares)
    assert "按价格保护少收 ¥610.00" in printed
    assert printed.count("500 行") == 2
    assert re.search(r"独立核对：OK .* credited [\d,.]+ yuan", printed)
    assert left_behind(tmp_path) == []


def test_interrupted_it_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "启动网站" in line:  # both are started, and the whole day is still to come
                break
        os.kill(running.pid, signal.SIGSTOP)  # however busy the machine is, the day must not end before we look
        assert len(left_behind(tmp_path)) > 3, "the demo, web, worker and the database"
        os.killpg(running.pid, signal.SIGINT)
        os.kill(running.pid, signal.SIGCONT)
        running.communicate(timeout=PATIENCE_SECONDS)
        assert running.returncode == 130
    assert left_behind(tmp_path) == []


RIGHT = [
    Identity("money", {"goods": 90, "freight": 10, "advances": 0}, {"payments": 100, "receivables": 0}, 0),
    Identity("recognised", {"credited": 70, "unverified": 0, "not_counted": 20}, {"recognised": 90}, 0),
]
REPORT = {
    "totals": {"credited_fen": 70},
    "rows": [{"credited_fen": 30}, {"credited_fen": 40}],
    "not_counted": [{"reason": "recognition_expired", "amount_fen": 20}],
    "recognised_fen": 90,
}


@pytest.mark.parametrize(
    ("identities", "report", "paid_fen", "said"),
    [
        (RIGHT, REPORT, 100, None),
        ([RIGHT[0], Identity("recognised", RIGHT[1].left, {"recognised": 90}, 2)], REPORT, 100, "recognised"),
        ([Identity("money", {"goods": 91}, {"payments": 100}, 0), RIGHT[1]], REPORT, 100, "money"),
        (RIGHT, REPORT | {"totals": {"credited_fen": 71}}, 100, "报表计入合计"),
        (RIGHT, REPORT | {"rows": [{"credited_fen": 30}]}, 100, "报表逐县相加"),
        (RIGHT, REPORT | {"not_counted": []}, 100, "报表不计入"),
        (RIGHT, REPORT | {"recognised_fen": 91}, 100, "报表认定总额"),
        (RIGHT, REPORT, 99, "买家订单实收"),
    ],
)
def test_a_fen_that_differs_is_named(
    identities: list[Identity], report: dict[str, object], paid_fen: int, said: str | None
) -> None:
    wrong = disagreements(identities, report, paid_fen)
    assert [line.partition("：")[0] for line in wrong] == ([said] if said else [])


def test_pieces_are_never_printed_as_money() -> None:
    stock = Identity("owned", {"free": 49_566, "sold": 934}, {"received": 50_500}, 0, "pieces")
    assert written(stock, stock.left) == "在库可售 49,566 件 + 已售 934 件"
