"""The key that signs seals. Its public half is published outside of the shop; a stranger checks against that."""

from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from shop.core.errors import Problem
from shop.core.settings import DEVELOPMENT_SEAL_KEY, Settings

DEVELOPMENT_SEED: Final = bytes.fromhex(DEVELOPMENT_SEAL_KEY)


class SealKeyWrong(Problem):
    status: ClassVar[int] = 500
    code: ClassVar[str] = "seal_key_wrong"
    title: ClassVar[str] = "SEAL_KEY 不是 64 位十六进制"


@dataclass(frozen=True, slots=True)
class SealKey:
    """Signatures and keys are hex: 128 and 64 digits. before: the one that hands over to it."""

    private: Ed25519PrivateKey
    before: "SealKey | None" = None

    @classmethod
    def of(cls, seed: bytes, before: "SealKey | None" = None) -> Self:
        """seed: 32 bytes. Raises ValueError for another length."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed), before)

    @property
    def public_hex(self) -> str:
        return self.private.public_key().public_bytes_raw().hex()

    @property
    def key_id(self) -> str:
        """The first 16 hex digits of the public key's SHA-256: which key it was."""
        return key_id_of(self.public_hex)

    def sign(self, message: bytes) -> str:
        return self.private.sign(message).hex()


def key_id_of(public_hex: str) -> str:
    return sha256(bytes.fromhex(public_hex)).hexdigest()[:16]


def seal_key(settings: Settings) -> SealKey:
    """From SEAL_KEY, 32 bytes as hex; in development a key that everybody knows. SEAL_KEY_BEFORE: the one that it takes
    over from. Raises SealKeyWrong.
    """
    try:
        before = SealKey.of(bytes.fromhex(settings.seal_key_before.strip())) if settings.seal_key_before else None
        if settings.seal_key is None:
            return SealKey.of(DEVELOPMENT_SEED)
        return SealKey.of(bytes.fromhex(settings.seal_key.strip()), before)
    except ValueError as error:
        raise SealKeyWrong("请用 32 个随机字节的十六进制作为 SEAL_KEY，例如 openssl rand -hex 32 的输出。") from error


def is_signed(message: bytes, signature_hex: str, public_hex: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex)).verify(bytes.fromhex(signature_hex), message)
    except (InvalidSignature, ValueError):
        return False
    return True
