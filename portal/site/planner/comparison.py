"""Facts of the models that nobody outside holds, for the table beside a plan."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from portal.site.planner.sources import Quote, hearsay, quoted

COMPARED = ("opt-175b", "gpt-3-175b", "mt-nlg-530b", "palm-540b")


@dataclass(frozen=True)
class ModelFacts:
    """Facts of a model's training, and of who could have it in 2022."""

    title: str
    tokens: Quote
    hardware: Quote
    operations: Quote
    access: Quote


FACTS = (
    ModelFacts(
        "OPT-175B",
        quoted(_("300 B, of 180 B unique"), "opt", "chronicles"),
        quoted("992 A100, 80 GB", "opt"),
        quoted(_("4.3 × 10²³, recomputation counted"), "chronicles"),
        quoted(_("weights on request"), "metaseq"),
    ),
    ModelFacts(
        "GPT-3 175B",
        hearsay(_("300 B"), "gpt3"),
        hearsay(_("V100; Patterson et al. assume 10,000"), "patterson"),
        quoted(_("3.14 × 10²³"), "gpt3"),
        hearsay(_("a paid API, no weights"), "gpt3"),
    ),
    ModelFacts(
        "MT-NLG 530B",
        hearsay(_("270 B"), "mt-nlg"),
        hearsay(_("up to 4,480 A100, 80 GB"), "mt-nlg"),
        Quote(_("not published")),
        hearsay(_("nobody outside"), "mt-nlg"),
    ),
    ModelFacts(
        "PaLM 540B",
        hearsay(_("780 B"), "palm"),
        hearsay(_("6,144 TPU v4"), "palm"),
        hearsay(_("2.56 × 10²⁴"), "palm"),
        hearsay(_("nobody outside, until an API in March 2023"), "palm"),
    ),
)
