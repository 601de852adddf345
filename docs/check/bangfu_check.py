"""Check a Bangfu report or ledger export without Bangfu: one file, Python 3.11 and the `cryptography` library.

    python bangfu_check.py report FILE --public-key HEX [--keys FILE] [--published FILE]
    python bangfu_check.py ledger FILE --public-key HEX [--published FILE]

The public key must come from somewhere else than the file. Where the shop has changed its key since, or had another one
then, --keys (what /api/v1/credit/keys answers; a ledger brings its own) leads from yours to the others: each handing
over is signed by both. Where a key was lost, nothing leads over it: give --public-key for both sides. --published:
lines of `<seal number> <sha256>` as they were made known at the time. Exit code 0: everything holds; 1: what does not
is named; 2: it could not be read.

How it works: a report's digest is SHA-256 over its canonical JSON (RFC 8785) without `digest` and `signature`; the
digest and the seal are signed with Ed25519. A ledger's leaf is SHA-256 over an entry's line; a seal's root is SHA-256
over its leaves in order; each seal names the one before it.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEADER = ("number", "format", "entries", "root", "previous", "sealed_at", "key_id")
HEADER_2 = (*HEADER, "events", "events_root")  # of seals since format 2: the log of events, which stays in the house
HEADER_3 = (*HEADER_2, "programme")  # since format 3: whose it is
KEY = ("programme", "number", "public_key", "previous", "since", "first_seal", "reason")
REPORTS_STAY = timedelta(hours=1)  # after a handing over: clocks differ, and a report was being made
MOST = 20  # entries named one by one; what is wrong with a hundred thousand is wrong with the file


def canonical(value: object) -> str:
    """RFC 8785 for values without fractions."""
    if isinstance(value, float):
        raise ValueError("a fraction stands where only whole numbers may stand")  # noqa: TRY004
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(inner)}" for key, inner in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def is_signed(message: bytes, signature: str, public_hex: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def written_of(key: dict) -> bytes:
    return canonical({name: key[name] for name in KEY}).encode()


def is_handed_over(key: dict) -> bool:
    """By the one before it, to this one."""
    written = written_of(key)
    return is_signed(written, key["signed_by_itself"], key["public_key"]) and is_signed(
        written, key["signed_by_previous"], key["previous"]
    )


class Keys:
    """The public key that is known from elsewhere, and those that it leads to."""

    def __init__(self, public_keys: list[str]) -> None:
        self.believed = set(public_keys)
        self.listed: list[dict] = []
        self.wrong: list[str] = []

    def read(self, listed: list[dict]) -> None:
        """Of each: what is signed, by the key itself and by the one before it. A second list may only be longer."""
        shorter, longer = sorted((self.listed, listed), key=len)
        self.listed = longer
        if longer[: len(shorter)] != shorter:
            self.wrong.append("two lists of keys that differ")
        if (fault := self.fault()) is not None:
            self.wrong.append(f"the list of keys was changed: number {fault} does not stand where it says")
        if self.wrong:
            return
        for one in (*longer, *reversed(longer)):
            if is_handed_over(one) and {one["public_key"], one["previous"]} & self.believed:
                self.believed |= {one["public_key"], one["previous"]}

    def fault(self) -> int | None:
        """The number of the first key that does not follow the one before it."""
        before: dict | None = None
        for number, one in enumerate(self.listed, 1):
            right = one["number"] == number and is_signed(written_of(one), one["signed_by_itself"], one["public_key"])
            if before is None:
                right = right and not one["previous"]
            else:
                right = right and one["previous"] == before["public_key"] and one["programme"] == before["programme"]
                right = right and before["since"] <= one["since"] and before["first_seal"] <= one["first_seal"]
                right = right and (is_handed_over(one) or (one["reason"] != "" and not one["signed_by_previous"]))
            if not right or one["public_key"] in {other["public_key"] for other in self.listed[: number - 1]}:
                return one["number"]
            before = one
        return None

    def is_of(self, programme: str | None) -> bool:
        """Seals since format 3 say whose they are."""
        return not self.listed or programme in {None, self.listed[0]["programme"]}

    def named(self, key_id: str) -> str | None:
        return next((one for one in self.believed if key_id_of(one) == key_id), None)

    def may_sign(self, key_id: str, seal: int) -> bool:
        for one, after in zip(self.listed, [*self.listed[1:], None], strict=False):
            if key_id_of(one["public_key"]) == key_id:
                return one["first_seal"] <= seal and (after is None or seal < after["first_seal"])
        return True

    def may_report(self, public_hex: str, known_at: str) -> bool:
        for one, after in zip(self.listed, self.listed[1:], strict=False):
            if one["public_key"] == public_hex:
                return datetime.fromisoformat(known_at) <= datetime.fromisoformat(after["since"]) + REPORTS_STAY
        return True

    def signer(self, message: bytes, signature: str) -> str | None:
        return next((one for one in self.believed if is_signed(message, signature, one)), None)


def key_id_of(public_hex: str) -> str:
    return sha256(bytes.fromhex(public_hex)).hexdigest()[:16]


def check_seal(seal: dict, signature: str, keys: Keys, published: dict[int, str]) -> tuple[str, list[str]]:
    """The seal's own SHA-256, and what is wrong with it."""
    names = {1: HEADER, 2: HEADER_2}.get(seal["format"], HEADER_3)
    written = canonical({name: seal[name] for name in names}).encode()
    digest, number, wrong = sha256(written).hexdigest(), seal["number"], []
    if not keys.is_of(seal.get("programme")):
        wrong.append(f"seal {number}: of another programme")
    public_hex = keys.named(seal["key_id"])
    if public_hex is None:
        wrong.append(f"seal {number}: signed with another key ({seal['key_id']})")
    elif not keys.may_sign(seal["key_id"], number):
        wrong.append(f"seal {number}: its key ({seal['key_id']}) was not the ledger's then")
    elif not is_signed(written, signature, public_hex):
        wrong.append(f"seal {number}: the signature is wrong")
    if published.get(number, digest) != digest:
        wrong.append(f"seal {number}: published as {published[number]}, now {digest}")
    return digest, wrong


def check_report(file: Path, keys: Keys, published: dict[int, str]) -> list[str]:
    report = json.loads(file.read_text(encoding="utf-8"))
    said = report.pop("digest", None)
    signature = report.pop("signature", None)
    digest = sha256(canonical(report).encode()).hexdigest()
    wrong = []
    if said != digest:
        wrong.append(f"the report was changed: its digest is {digest}, it claims {said}")
    signer = keys.signer(digest.encode(), str(signature))
    if signer is None:
        wrong.append("the report's signature is wrong, or was made with another key")
    elif not keys.may_report(signer, report["known_at"]):
        wrong.append(f"the report's key ({key_id_of(signer)}) was the ledger's no more when this was known")
    seal = report.get("seal")
    if seal is None:
        print("note: nothing was sealed yet when this report was made")
    else:
        own, of_seal = check_seal(seal, seal["signature"], keys, published)
        wrong += of_seal
        if seal["sha256"] != own:
            wrong.append(f"seal {seal['number']}: its content was changed")
    wrong += keys.wrong
    if not wrong:
        period, totals = report["period"], report["totals"]
        credited = f"{totals['credited_fen'] // 100:,}.{totals['credited_fen'] % 100:02d}"
        known = report["known_at"] + (f" (asked for {asked})" if (asked := report.get("known_at_asked")) else "")
        print(f"OK  {period['from']} … {period['to']}, known at {known}: credited {credited} yuan")
        print(f"    digest {digest}" + (f", on seal {seal['number']}" if seal else ""))
    return wrong


def read_head(lines: Iterator[bytes]) -> tuple[list[dict], bytes]:
    """The keys that a ledger lists (since `bangfu-ledger 2`), and the line after them."""
    if next(lines, b"") not in {b"bangfu-ledger 1\n", b"bangfu-ledger 2\n"}:
        raise ValueError("not a ledger export")
    listed = []
    for line in lines:
        if not line.startswith(b"key\t"):
            return listed, line
        _, written, own, before = line.rstrip(b"\n").split(b"\t")
        listed.append(json.loads(written) | {"signed_by_itself": own.decode(), "signed_by_previous": before.decode()})
    return listed, b""


def check_ledger(file: Path, keys: Keys, published: dict[int, str]) -> list[str]:
    wrong: list[str] = []
    entries = seals = unnamed = 0
    previous, seal, root, seen = "0" * 64, None, sha256(), 0

    def close() -> None:
        if seal is not None and (seen != seal["entries"] or root.hexdigest() != seal["root"]):
            wrong.append(f"seal {seal['number']}: it had {seal['entries']} entries, here are {seen}, or other ones")

    with file.open("rb") as lines:
        listed, first = read_head(lines)
        keys.read(listed)
        for line in chain([first] if first else [], lines):
            if line.startswith(b"seal\t"):
                close()
                _, written, signature = line.rstrip(b"\n").split(b"\t")
                seal, root, seen, seals = json.loads(written), sha256(), 0, seals + 1
                digest, of_seal = check_seal(seal, signature.decode(), keys, published)
                wrong += of_seal
                if seal["previous"] != previous or seal["number"] != seals:
                    wrong.append(f"seal {seal['number']}: it does not follow the one before it")
                previous = digest
                continue
            if seal is None:
                wrong.append("entries stand before the first seal")
                break
            kept, entry = line.rstrip(b"\n").split(b"\t", 1)
            leaf = sha256(entry).digest()
            root.update(leaf)
            entries, seen = entries + 1, seen + 1
            if leaf.hex().encode() != kept:
                unnamed += 1
                if unnamed <= MOST:
                    entry_id = entry.partition(b"\t")[0].decode()
                    wrong.append(f"entry {entry_id}: changed after it was sealed")
    close()
    wrong += [f"seal {number}: published, but missing here" for number in published if number > seals]
    wrong += keys.wrong
    if not wrong:
        print(f"OK  {entries:,} entries in {seals:,} seals; the last one is {previous}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a Bangfu report or ledger export offline.")
    parser.add_argument("what", choices=("report", "ledger"))
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--public-key", required=True, action="append", help="64 hex digits, from outside; again for each that is known"
    )
    parser.add_argument("--keys", type=Path, help="what /api/v1/credit/keys answers")
    parser.add_argument("--published", type=Path, help="lines of: seal number, sha256")
    asked = parser.parse_args()
    try:
        lines = asked.published.read_text().split("\n") if asked.published else []
        published = {int(number): digest for number, digest in (line.split() for line in lines if line.strip())}
        keys = Keys([one.strip().lower() for one in asked.public_key])
        if asked.keys:
            keys.read(json.loads(asked.keys.read_text(encoding="utf-8"))["items"])
        check = check_report if asked.what == "report" else check_ledger
        wrong = check(asked.file, keys, published)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"could not be read: {error}", file=sys.stderr)
        return 2
    for one in wrong:
        print(f"BAD {one}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
