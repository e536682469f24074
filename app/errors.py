"""What callers are told: the class name is the code, the docstring is the message.

Worded
├── Refusal                what a caller may meet in good faith
│   ├── NotFound           the thing does not exist, or not for this caller
│   ├── NotAllowed         the caller may not do this
│   ├── Invalid            the input cannot mean anything
│   └── Busy               the same request may succeed in a moment
└── Outage                 nobody can be served just now: never an answer that is kept
"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any, ClassVar


class Worded(Exception):
    """Something with a code and a sentence for whoever meets it."""

    code: ClassVar[str] = "WORDED"
    known: ClassVar[dict[str, type[Worded]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).upper()
        if Worded not in cls.__bases__:
            Worded.known[cls.code] = cls

    def __init__(self, *, field: tuple[str, ...] = (), **facts: Any) -> None:
        """Facts fill the docstring's braces and stay readable as `facts`; they must be JSON values."""
        self.field = field
        self.facts = facts
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The first paragraph of the docstring with the facts filled in."""
        paragraph = cleandoc(type(self).__doc__ or "").split("\n\n")[0].replace("\n", " ")
        return paragraph.format(**self.facts)


class Refusal(Worded):
    """The request was understood and is refused."""


class NotFound(Refusal):
    """There is nothing with this id."""


class NotAllowed(Refusal):
    """This key may not do that."""


class OperatorsOnly(NotAllowed):
    """This belongs to those who run the house; use the key of an operator."""


class Invalid(Refusal):
    """{what}"""


class Busy(Refusal):
    """The database is busy with the same rows; repeat this request in a moment."""


class Outage(Worded):
    """The database cannot serve this request now; repeat it in a moment, with the same idempotency key."""


class DatabaseUnreachable(Outage):
    """The database does not answer, and whether this request took effect is not known; repeat it in a moment
    with the same idempotency key.
    """


class DatabaseReadOnly(Outage):
    """The database can only be read at the moment and nothing was changed; repeat this request later."""


class DatabaseFull(Outage):
    """The database has no room left and nothing was changed; repeat this request later."""


class Settled(Exception):
    """A refusal that is itself a result: what the transaction wrote is kept, then the refusal is raised.

    Only the transaction runner catches it.
    """

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.message)


def restored(code: str, field: tuple[str, ...], facts: dict[str, Any]) -> Refusal:
    """The refusal that was once given, from its stored code, field and facts."""
    refusal = Worded.known[code](field=field, **facts)
    assert isinstance(refusal, Refusal)
    return refusal
