"""Encrypt and decrypt a stream with age, as it passes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyrage

from portal.backup.errors import BackupFailed
from portal.backup.stream.archive import CUT

DRAIN_BYTES = 1 << 16
AGE = b"age-encryption.org/v1"
FAULTS = (pyrage.DecryptError, OSError, ValueError)


def recipients_of(keys: Sequence[str]) -> list[pyrage.x25519.Recipient]:
    """Return age's public keys. Raise BackupFailed, naming the one that is none."""
    recipients = []
    for key in keys:
        try:
            recipients.append(pyrage.x25519.Recipient.from_str(key))
        except pyrage.RecipientError:
            raise BackupFailed(_no_recipient(key)) from None
    return recipients


def _no_recipient(key: str) -> str:
    """Say what is wrong with a recipient; only what begins as a public key is ever repeated."""
    if is_secret(key):
        return (
            "A secret key of age was given as the recipient. Name its public key, which begins "
            "with age1: `age-keygen -y FILE` prints it."
        )
    named = key[:80] if key.startswith("age1") else "The recipient"
    return f"{named} is no public key of age. It begins with age1; `age-keygen` prints it."


def is_secret(words: str) -> bool:
    """Tell whether words are, or hold, a secret key of age, which is printed nowhere."""
    return "AGE-SECRET-KEY-" in words.upper()


def identities_in(path: Path, passphrase: str = "") -> list[pyrage.x25519.Identity]:
    """Read the secret keys of a file, which may itself be encrypted by a passphrase."""
    content = read_secret(path, "key file")
    if content.startswith(AGE):
        content = _opened(path, content, passphrase)
    lines = content.decode("utf-8", "replace").splitlines()
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        identities = [pyrage.x25519.Identity.from_str(key) for key in keys]
    except pyrage.IdentityError:
        identities = []
    if not identities:
        raise BackupFailed(f"{path} holds no secret key of age (AGE-SECRET-KEY-1…).")
    return identities


def read_secret(path: Path, what: str) -> bytes:
    """Read a file that holds a secret; where the secret itself was given as its name, hide it."""
    if is_secret(str(path)):
        raise BackupFailed(f"Name the {what}. The secret key itself was given in its place.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise BackupFailed(f"The {what} {path} can’t be read: {error.strerror}.") from error


def _opened(path: Path, content: bytes, passphrase: str) -> bytes:
    if not passphrase:
        raise BackupFailed(f"{path} is encrypted. Name a file with its passphrase.")
    try:
        return bytes(pyrage.passphrase.decrypt(content, passphrase))
    except pyrage.DecryptError:
        raise BackupFailed(f"The passphrase doesn’t open {path}.") from None


def encrypt(source: Any, target: Any, recipients: Sequence[pyrage.x25519.Recipient]) -> None:
    pyrage.encrypt_io(source, target, list(recipients))


@contextmanager
def opened_stream(
    source: IO[bytes], identities: Sequence[pyrage.x25519.Identity]
) -> Iterator[IO[bytes]]:
    """Yield what a stream holds, decrypted as it is read; one that isn't encrypted as it is.

    Each 64 KiB are authenticated before they are yielded. Raise BackupFailed at the end of the
    block for a wrong key, and for a stream that was altered or cut: what came until then was whole.
    """
    head = source.read(len(AGE))
    whole = _Continued(head, source)
    if head != AGE:
        yield whole  # type: ignore[misc]
        return
    if not identities:
        raise BackupFailed("The backup is encrypted. Name the file of its key with --identity.")
    with _decrypted(whole, identities) as stream:
        yield stream


@contextmanager
def _decrypted(source: Any, identities: Sequence[Any]) -> Iterator[IO[bytes]]:
    """Decrypt in a thread, into a pipe: age pushes its output, and who reads a tar pulls it."""
    reading, writing = os.pipe()
    faults: list[Exception] = []

    def work() -> None:
        try:
            with os.fdopen(writing, "wb") as target:
                pyrage.decrypt_io(source, target, list(identities))
        except FAULTS as error:
            faults.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as stream:
            yield stream
            while stream.read(DRAIN_BYTES):  # what follows is nobody's, and authenticated too
                pass
    except BackupFailed as error:
        thread.join()
        raise _cause(faults) or error from error
    finally:
        thread.join()
    if fault := _cause(faults):
        raise fault


def _cause(faults: Sequence[Exception]) -> BackupFailed | None:
    """Return why decrypting failed; None where it didn't, or where only its reader had left."""
    if not faults or "roken pipe" in str(faults[0]):
        return None
    return _in_words(faults[0])


def _in_words(fault: Exception) -> BackupFailed:
    if isinstance(fault, pyrage.DecryptError) and "No matching keys" in str(fault):
        return BackupFailed("This key doesn’t open the backup. Take the one that it was made for.")
    if "Incomplete" in str(fault) or "EOF" in str(fault):
        return BackupFailed(CUT)
    return BackupFailed("The backup is cut short or was altered: it doesn’t decrypt as a whole.")


class _Continued:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._rest.read(size)
        cut = len(self._head) if size < 0 else size
        chunk, self._head = self._head[:cut], self._head[cut:]
        return chunk
