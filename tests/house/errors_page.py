"""Write docs/errors.md from the refusals: python -m tests.house.errors_page"""

from inspect import cleandoc
from pathlib import Path

import app.cli  # noqa: F401  brings every room's refusals
from app.errors import Refusal

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
HEAD = """# What can be refused

Every expected no of Lastlap: its code, and the sentence that comes with it (words in braces are filled in).
In GraphQL a refused mutation has it in `userErrors`, a refused query in `errors` with `extensions.code`.
The codes that begin with `DATABASE_` come with status 503 and `Retry-After`, in `errors` of queries and mutations alike.

| code | sentence |
|---|---|
"""
# Requests that should not have been sent, or that met a fault: never in `userErrors`.
OF_REQUESTS = {
    "BAD_USER_INPUT": (
        "400 or 200",
        "The request, its query or a value in it cannot mean anything; the message says what was expected,"
        " `extensions.field` where.",
    ),
    "DATABASE_NOT_MIGRATED": ("503 or 200", "The tables are not there; run `lastlap migrate`."),
    "DOCUMENT_TOO_LARGE": ("400", "The query is too long, too deep or asks for too much; ask for less."),
    "INTERNAL": ("200 or 500", "A fault of ours; quote `extensions.requestId`."),
    "METHOD_NOT_ALLOWED": ("405", "A mutation came by GET; send it by POST."),
    "NOT_ACCEPTABLE": ("406", "The `Accept` header allows no JSON."),
    "UNAUTHENTICATED": (
        "401",
        "The API key is missing, wrong or revoked; send `Authorization: Bearer <API key>`.",
    ),
    "UNSUPPORTED_MEDIA_TYPE": ("415", "The body is not sent as `application/json`."),
}
MIDDLE = """
## Of requests themselves

In `errors` with `extensions.code`; nothing was done, but for `INTERNAL`, where it is not known.

| code | status | what it means |
|---|---|---|
"""


def page() -> str:
    """The page as it should be."""
    lines = []
    for code, kind in sorted(Refusal.known.items()):
        sentence = " ".join(cleandoc(kind.__doc__ or "").split("\n\n")[0].split())
        lines.append(f"| `{code}` | {sentence} |")
    requests = [f"| `{code}` | {status} | {told} |" for code, (status, told) in sorted(OF_REQUESTS.items())]
    return HEAD + "\n".join(lines) + "\n" + MIDDLE + "\n".join(requests) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
