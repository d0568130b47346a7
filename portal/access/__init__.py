"""The gate of a model: requests for access, their review, and the grants that come of it.

Each package knows only those before it; import-linter holds the order.

- ``models``, with ``querysets`` and ``errors``: rows, who may see which, and refusals.
- ``lifecycle``: the status of a grant, and when and why it ended.
- ``policy``: permissions. ``policy.policy.may`` is the rule that pages, APIs and workers ask.
- ``letters``: mail in the team's voice.
- ``screening``: people screened against the sanctions lists.
- ``requests``: drafts, the form, signatures, submissions, answers and appeals.
- ``grants``: offers, activation, renewals, members, checks and ends.
- ``holds``: legal holds, which stop access at once.
- ``gate``: a gate's settings, team, questions and letters, for its administrators.
- ``review``: the queue, a case, votes, decisions and their undoing.
- ``applicant``: an applicant's own pages.
- ``reminders``: what time causes, a module for each timer, and the tick, which runs them.
- ``certificates``: certificates of signatures.
- ``reporting``: figures, exports, archives, and the erasure of old personal data.
"""
