"""The people of the demo, each named by their role, with the answers of their requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DemoPerson:
    """An account of the demo; ``answers`` are those of its request, if it made one."""

    name: str
    email: str
    organization: str = ""
    country: str = ""
    sector: str = "academia"
    purpose: str = ""
    outputs: str = "A paper, and the code behind it."
    compute: str = "One workstation with a 24 GB card."

    @property
    def answers(self) -> dict[str, Any]:
        names = ("name", "organization", "country", "sector", "purpose", "outputs", "compute")
        return {name: getattr(self, name) for name in names}


# The seven of demo.json. The lab's people are at an organization of their own, since nobody
# decides on a colleague's request. The applicant's address proves no affiliation.
ACCOUNTS = {
    "approved": DemoPerson(
        "Approved Researcher",
        "approved@example.edu",
        "Example University",
        "NL",
        purpose="We study whether a model’s log-probabilities on source code tell which of its "
        "completions run. A small model with open internals is the first point of the curve.",
        outputs="A paper, the probing code, and the prompts with their completions.",
        compute="One workstation with a 24 GB card, and a share of a cluster.",
    ),
    "applicant": DemoPerson(
        "Waiting Applicant",
        "applicant@language-studies.example",
        "Institute for Language Studies",
        "KE",
        "civil_society",
        "We audit how models reproduce their training text, and need one whose whole corpus is "
        "public, so that memorization can be counted exactly.",
        "A public report with counts, and the tool that made them.",
        "None of our own; hosted inference would do.",
    ),
    "newcomer": DemoPerson("New Researcher", "newcomer@example.edu"),
    "reviewer": DemoPerson("Lab Reviewer", "reviewer@lab.example"),
    "publisher": DemoPerson("Model Publisher", "publisher@lab.example"),
    "publisher2": DemoPerson("Second Publisher", "publisher2@lab.example"),
    "operator": DemoPerson("Portal Operator", "operator@lab.example"),
}

OTHERS = {
    "reviewer2": DemoPerson("Second Reviewer", "reviewer2@lab.example"),
    "reviewer3": DemoPerson("Third Reviewer", "reviewer3@research-lab.example"),
    "held": DemoPerson(
        "Screened Researcher",
        "held@medical-school.example",
        "Sample Listed Institute",
        "KE",
        purpose="Which tokens of a prompt a small model attends to when it writes a loop.",
    ),
    "asked": DemoPerson(
        "Asked Researcher",
        "asked@institute.example",
        "Example Institute of Technology",
        "CH",
        purpose="We prune a small model layer by layer, and measure where its code stops parsing.",
    ),
    "appellant": DemoPerson(
        "Appealing Researcher",
        "appellant@open-university.example",
        "Example Open University",
        "IN",
        purpose="A course on language models: each student reads one attention head.",
        outputs="Course notes under an open licence. No weights leave the course’s server.",
    ),
    "declined": DemoPerson(
        "Declined Researcher",
        "declined@speech-company.example",
        "Example Speech Company",
        "KR",
        "industry_lab",
        "We want to see whether the model helps our support desk to write scripts.",
        "A prototype for our customers.",
    ),
    "late": DemoPerson(
        "Long Waiting Researcher",
        "late@weather-service.example",
        "Example Weather Service",
        "NO",
        "government",
        "Whether a model of code can check the scripts that prepare our forecasts.",
        "An internal report, and a public summary.",
    ),
    "waiting": DemoPerson(
        "Proved Applicant",
        "waiting@language-foundation.example",
        "Example Language Foundation",
        "ZA",
        "civil_society",
        "How much of a small model’s vocabulary serves languages other than English.",
        "A data set of tokens with their languages.",
        "A laptop.",
    ),
    "holder": DemoPerson(
        "Laboratory Lead",
        "holder@national-laboratory.example",
        "Example National Laboratory",
        "US",
        "government",
        "Our group measures how faults in memory change what a model writes.",
        "A paper, and the tool that injects the faults.",
        "Eight cards of 80 GB.",
    ),
    "member": DemoPerson("Laboratory Member", "member@national-laboratory.example"),
    "invited": DemoPerson("Invited Member", "invited@national-laboratory.example"),
    "renewing": DemoPerson(
        "Renewing Researcher",
        "renewing@civic-data.example",
        "Example Civic Data Society",
        "BR",
        "civil_society",
        "Which licences the model reproduces from the files that it has read.",
        "A public table of what was found, and how often.",
    ),
    "former": DemoPerson(
        "Former Researcher",
        "former@press-archive.example",
        "Example Press Archive",
        "CA",
        "civil_society",
        "Whether the model’s docstrings can be told from those that people wrote.",
    ),
    "offered": DemoPerson("Offered Researcher", "offered@standards-bureau.example"),
}
CAST = {**ACCOUNTS, **OTHERS}
