"""A published report carries its own digest, a signature over it, and the seal it stands on."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from orders.seal.canonical import canonical
from orders.seal.header import Header
from orders.seal.key import SealKey, is_signed, key_id_of
from orders.seal.key_list import ListedKey, fault_in, is_its_report, is_its_turn, trusted

OUTSIDE: frozenset[str] = frozenset({"digest", "signature"})
"""What is not part of what is signed."""


def signed(report: Mapping[str, Any], key: SealKey) -> dict[str, Any]:
    """The report with `digest` (hex SHA-256 over its canonical JSON) and `signature` (hex Ed25519 over the digest)."""
    content = {name: value for name, value in report.items() if name not in OUTSIDE}
    digest = sha256(canonical(content)).hexdigest()
    return content | {"digest": digest, "signature": key.sign(digest.encode())}


def check_report(report: Mapping[str, Any], public_keys: Collection[str], listed: Sequence[ListedKey]) -> list[str]:
    """What is wrong with a report as it was published; nothing when it holds.

    public_keys: hex, from outside; those that they lead to in the list are believed with them.
    """
    believed = trusted(listed, public_keys)
    content = {name: value for name, value in report.items() if name not in OUTSIDE}
    digest = sha256(canonical(content)).hexdigest()
    wrong = []
    if report.get("digest") != digest:
        wrong.append(f"报告被改过：重新计算的摘要是 {digest}，报告上写的是 {report.get('digest')}")
    signer = next((one for one in believed if is_signed(digest.encode(), str(report.get("signature")), one)), None)
    if signer is None:
        wrong.append("报告的签名不对，或是用另一把钥匙签的")
    elif not is_its_report(listed, key_id_of(signer), datetime.fromisoformat(report["known_at"])):
        wrong.append(f"签报告的钥匙（{key_id_of(signer)}）那时已经不是账本的钥匙")
    if (changed := fault_in(listed)) is not None:
        wrong.append(f"钥匙清单被改过：第 {changed} 把不在它该在的位置")
    if seal := report.get("seal"):
        header = Header(**{name: seal[name] for name in Header.__dataclass_fields__ if name in seal})
        if header.sha256 != seal["sha256"]:
            wrong.append(f"第 {header.number} 号封存的内容被改过")
        if listed and header.programme not in {None, listed[0].programme}:
            wrong.append(f"第 {header.number} 号封存是另一个商城的")
        signers = [one for one in believed if key_id_of(one) == header.key_id]
        if not is_its_turn(listed, header.key_id, header.number):
            wrong.append(f"签第 {header.number} 号封存的钥匙（{header.key_id}）那时不是账本的钥匙")
        elif not any(is_signed(header.written, seal["signature"], one) for one in signers):
            wrong.append(f"第 {header.number} 号封存的签名不对，或是用另一把钥匙签的")
    return wrong
