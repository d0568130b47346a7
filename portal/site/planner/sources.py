"""The works that the planner's page quotes, each with how we know what it says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from portal.text.languages import Words


class HowKnown(StrEnum):
    """The way in which a figure came here."""

    READ = "read"
    SECOND_HAND = "second-hand"
    COMPUTED = "computed"

    @property
    def words(self) -> str:
        return {
            HowKnown.READ: _("read at the source"),
            HowKnown.SECOND_HAND: _("second-hand: quoted by others"),
            HowKnown.COMPUTED: _("computed here from the figures beside it"),
        }[self]


@dataclass(frozen=True)
class CitedWork:
    """A work, its address, and its number in the page's list."""

    number: int
    title: str
    url: str


_WORKS = {
    "opt": ("Zhang et al., OPT, version 4, 2022", "https://arxiv.org/abs/2205.01068"),
    "metaseq": (
        "metaseq, the repository of OPT",
        "https://github.com/facebookresearch/metaseq/tree/main/projects/OPT",
    ),
    "chronicles": (
        "Updates and logbook of OPT-175B’s training",
        "https://github.com/facebookresearch/metaseq/tree/main/projects/OPT/chronicles",
    ),
    "llama": ("Touvron et al., LLaMA, 2023, table 15", "https://arxiv.org/abs/2302.13971"),
    "luccioni": (
        "Luccioni et al., The Carbon Footprint of BLOOM, 2022",
        "https://arxiv.org/abs/2211.02001",
    ),
    "patterson": (
        "Patterson et al., Carbon Emissions and Large Neural Network Training, 2021",
        "https://arxiv.org/abs/2104.10350",
    ),
    "gpt3": (
        "Brown et al., Language Models are Few-Shot Learners, 2020",
        "https://arxiv.org/abs/2005.14165",
    ),
    "mt-nlg": (
        "Smith et al., Megatron-Turing NLG 530B, 2022",
        "https://arxiv.org/abs/2201.11990",
    ),
    "palm": ("Chowdhery et al., PaLM, 2022", "https://arxiv.org/abs/2204.02311"),
    "hub": ("Meta AI on the Hugging Face Hub", "https://huggingface.co/facebook"),
}
SOURCES = {
    key: CitedWork(number, title, url)
    for number, (key, (title, url)) in enumerate(_WORKS.items(), 1)
}


@dataclass(frozen=True)
class Quote:
    """Words or a figure, the works that have it, and how we know."""

    text: Words
    keys: tuple[str, ...] = ()
    known: HowKnown = HowKnown.READ

    @property
    def works(self) -> list[CitedWork]:
        return [SOURCES[key] for key in self.keys]

    @property
    def is_second_hand(self) -> bool:
        return self.known is HowKnown.SECOND_HAND


def quoted(text: Words, *keys: str) -> Quote:
    """Quote works that were read."""
    return Quote(text, keys)


def hearsay(text: Words, *keys: str) -> Quote:
    """Quote works that were not read themselves, but as others give them."""
    return Quote(text, keys, HowKnown.SECOND_HAND)
