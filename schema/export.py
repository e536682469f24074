"""Write schema/schema.graphql: python -m schema.export"""

from pathlib import Path

from schema.root import schema

FILE = Path(__file__).with_name("schema.graphql")


def sdl() -> str:
    """The schema in the schema definition language."""
    return schema.as_str() + "\n"


if __name__ == "__main__":
    FILE.write_text(sdl(), encoding="utf-8")
