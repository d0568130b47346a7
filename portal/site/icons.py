"""The icons by their meaning, all in one 16 × 16 box with one stroke; see ``{% icon %}``."""

from __future__ import annotations

_RING = '<circle cx="8" cy="8" r="6.25"/>'
_DISC = '<circle cx="8" cy="8" r="7" fill="currentColor" stroke="none"/>'

SHAPES = {
    # states
    "done": f'{_DISC}<path d="m4.9 8.2 2.2 2.2 4-4.6" stroke="var(--paper)" stroke-width="1.75"/>',
    "revoked": (
        f'{_DISC}<path d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" stroke="var(--paper)"'
        ' stroke-width="1.75"/>'
    ),
    "todo": _RING,
    "current": f'{_RING}<path d="M8 1.75a6.25 6.25 0 0 1 0 12.5Z" fill="currentColor"/>',
    "declined": f'{_RING}<path d="m3.7 12.3 8.6-8.6"/>',
    "question": (
        f'{_RING}<path d="M6.1 6.3a1.95 1.95 0 1 1 2.7 1.8c-.5.22-.8.55-.8 1.1v.3M8 11.6v.2"/>'
    ),
    "held": f'{_RING}<path d="M6.4 5.6v4.8M9.6 5.6v4.8"/>',
    "clock": f'{_RING}<path d="M8 4.4V8l2.4 1.6"/>',
    "tick": '<path d="m2.5 8.6 3.6 3.6 7.4-8.4"/>',
    "warning": '<path d="M8 1.9 14.6 13.6H1.4ZM8 6.2v3.6M8 11.6v.2"/>',
    "flag": '<path d="M3.5 14.5v-12h8.6l-2 3 2 3H3.5"/>',
    # gates
    "open": '<path d="M8 2v8M4.5 6.8 8 10.3l3.5-3.5M2.5 13.7h11"/>',
    "sign": '<path d="M2.5 13.5 3.4 10 11 2.4l2.6 2.6L6 12.6ZM9.3 4.1l2.6 2.6"/>',
    "review": '<circle cx="8" cy="5" r="3"/><path d="M2 14.2c.6-3 2.9-4.4 6-4.4s5.4 1.4 6 4.4"/>',
    # letters, answers, the logbook
    "said": '<path d="M2 3h12v8H7.5L4.5 13.6V11H2Z"/>',
    "mail": '<path d="M1.75 3.5h12.5v9H1.75ZM2 4l6 4.8L14 4"/>',
    "note": '<path d="M3 1.75h7l3 3v9.5H3ZM5.5 7h5M5.5 10h5"/>',
    "crash": '<path d="M9 1.5 3.5 9H8l-1 5.5L12.5 7H8Z"/>',
    "settings": (
        '<path d="M2.5 4.5h6M12 4.5h1.5M2.5 11.5H4M7.5 11.5h6"/>'
        '<circle cx="10.2" cy="4.5" r="1.7"/><circle cx="5.7" cy="11.5" r="1.7"/>'
    ),
    "hardware": (
        '<path d="M4.5 4.5h7v7h-7ZM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5'
        'M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14"/>'
    ),
}
