"""The demo licence's summary, and what is acknowledged singly when it is signed."""

from __future__ import annotations

from typing import Any

TERMS: dict[str, Any] = {
    "may": [
        "Run, study and change the model for research",
        "Publish findings, and outputs with the notice",
        "Keep your results when access ends",
    ],
    "must": [
        "Keep the licence and notice with every copy",
        "Name the model in what you publish",
        "Delete the weights when the grant ends",
    ],
    "must_not": [
        "Pass the weights to anyone",
        "Use model or output commercially",
        "Use it for arms, surveillance or biometrics",
    ],
    "outputs": "Outputs are under the noncommercial terms too: section 2a covers what it writes.",
    "prohibited": [
        "noncommercial",
        "no_production",
        "no_military",
        "no_surveillance",
        "no_biometrics",
        "rights_of_others",
        "lawful",
        "no_embargo",
        "high_risk",
    ],
    "attestations": [
        {
            "code": "noncommercial",
            "text": "My use is noncommercial research",
            "help": "Section 2a i. It covers what the model writes as well as the weights.",
        },
        {
            "code": "no_production",
            "text": "Nothing goes into production",
            "help": "Section 2a i. No product, service or deployment, paid or free.",
        },
        {
            "code": "no_military",
            "text": "No military, weapons or nuclear use",
            "help": "Section 2a ii.",
        },
        {
            "code": "no_surveillance",
            "text": "No surveillance, nor research on it",
            "help": "Section 2a iii.",
        },
        {"code": "no_biometrics", "text": "No biometric processing", "help": "Section 2a iv."},
        {
            "code": "rights_of_others",
            "text": "I respect the rights of others, privacy included",
            "help": "Section 2a v.",
        },
        {
            "code": "lawful",
            "text": "My use is lawful where I work",
            "help": "Section 2a vi. Data protection law included.",
        },
        {
            "code": "no_embargo",
            "text": "I am in no place to which export law forbids the transfer",
            "help": "Section 2a vi. Nor will I help anybody in one.",
        },
        {
            "code": "no_sharing",
            "text": "I won’t pass the weights to anyone",
            "help": "Section 1b. Each member of a group accepts for themselves.",
        },
        {
            "code": "high_risk",
            "text": "Where a failure could hurt people, I take the measures that prevent it",
            "help": "Section 5.",
        },
    ],
}

ATTRIBUTION = (
    "Licensed under the Noncommercial Research Licence 1.0, © Example Lab. All rights reserved."
)
