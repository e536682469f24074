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


def page() -> str:
    """The page as it should be."""
    lines = []
    for code, kind in sorted(Refusal.known.items()):
        sentence = " ".join(cleandoc(kind.__doc__ or "").split("\n\n")[0].split())
        lines.append(f"| `{code}` | {sentence} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
