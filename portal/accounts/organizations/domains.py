"""Read mail domains as evidence of where somebody works, with the Public Suffix List."""

from __future__ import annotations

import re
from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

# Anybody may have an address there, so it proves nothing, whatever a register says. Brands that
# own a name under many suffixes stand without one.
FREE_MAIL_BRANDS = frozenset({"gmx", "hotmail", "outlook", "yahoo", "yandex"})
FREE_MAIL = frozenset(
    """
    126.com 163.com aol.com bk.ru daum.net duck.com fastmail.com fastmail.fm foxmail.com free.fr
    gmail.com googlemail.com hanmail.net hey.com icloud.com inbox.ru laposte.net libero.it
    list.ru live.com mac.com mail.com mail.ru mailbox.org me.com msn.com naver.com o2.pl orange.fr
    pm.me posteo.de proton.me protonmail.ch protonmail.com qq.com rediffmail.com rocketmail.com
    seznam.cz sina.com t-online.de tuta.com tuta.io tutanota.com wanadoo.fr web.de wp.pl ya.ru
    yeah.net ymail.com zoho.com zohomail.com
    """.split()  # noqa: SIM905 (one a line would be a page)
)

# Reserved for examples (RFC 2606), so in no public list. No real mail can come from there, and the
# demo's organizations have their domains there.
EXAMPLE = "example"


@cache
def _suffixes() -> PublicSuffixList:
    """Return the list that comes with the library, with its private section (github.io) too."""
    return PublicSuffixList(accept_unknown=False)


# Nearly all domains of a register: they need no conversion, which is slow.
PLAIN = re.compile(r"(?!.*xn--)(?:(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!$)|$))+")


def normal_domain(written: str) -> str | None:
    """Return a domain in lower-case ASCII, as mail servers know it; None where it isn't one."""
    domain = written.strip().rstrip(".").lower()
    if len(domain) <= 253 and PLAIN.fullmatch(domain):
        return domain
    try:
        return idna.encode(domain, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        return None


def registrable_domain(domain: str) -> str | None:
    """Return the part of a normal domain that its owner registered, one label below a suffix.

    Return None for a public suffix itself, and for a domain below an unknown one.
    """
    labels = domain.split(".")
    if labels[-1] == EXAMPLE:
        return ".".join(labels[-2:]) if len(labels) > 1 else None
    return _suffixes().privatesuffix(domain)


def is_free_mail(domain: str) -> bool:
    """Tell whether anybody can have an address in this domain."""
    registrable = registrable_domain(domain) or ""
    return registrable in FREE_MAIL or registrable.split(".")[0] in FREE_MAIL_BRANDS


def domain_of(address: str) -> str:
    """Return the normal domain of a mail address, or "" where it has none."""
    return normal_domain(address.rpartition("@")[2]) or ""


def evidence_domains(address: str) -> list[str]:
    """List the domains that an address is evidence for: its own and its registered parents.

    The list ends at the registrable domain, and is empty where anybody can have an address.
    """
    domain = domain_of(address)
    registrable = registrable_domain(domain) if domain else None
    if registrable is None or is_free_mail(domain):
        return []
    labels = domain.split(".")
    return [".".join(labels[i:]) for i in range(domain.count(".") - registrable.count(".") + 1)]


def refused_as_evidence(written: str) -> str:
    """Say why a register's domain is no evidence; return "" where it is."""
    domain = normal_domain(written)
    if domain is None:
        return "malformed"
    if registrable_domain(domain) is None:
        return "public or unknown suffix"
    return "free mail" if is_free_mail(domain) else ""
