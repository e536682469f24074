"""How large a document may be: measured in one pass, each fragment once, before anything validates it."""

from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

MAX_TOKENS = 2_000
MAX_DEPTH = 15
# The largest payload, asked for in full, fits with room to spare.
MAX_FIELDS = 700
MAX_ALIASES = 30
MAX_REPEATS = 60
MAX_DIRECTIVES = 50


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection unfolds to."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0


@lru_cache(maxsize=512)
def too_large(query: str) -> str | None:
    """Why a document is refused, or None; syntax errors are left to execution."""
    try:
        document = parse(query, max_tokens=MAX_TOKENS, no_location=True)
    except GraphQLSyntaxError as why:
        return str(why.message) if "more than" in why.message else None
    except RecursionError:
        return "The document is nested too deeply."
    return _measured(document)


def _measured(document: DocumentNode) -> str | None:
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    known: dict[str, Size] = {}
    try:
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                size = _size(definition.selection_set, fragments, known, ())
                if problem := _problem(size):
                    return problem
    except (GraphQLError, RecursionError) as why:
        return why.message if isinstance(why, GraphQLError) else "The document is nested too deeply."
    return None


def _problem(size: Size) -> str | None:
    limits = (
        (size.depth, MAX_DEPTH, "levels deep"),
        (size.fields, MAX_FIELDS, "fields"),
        (size.aliases, MAX_ALIASES, "aliases"),
        (size.directives, MAX_DIRECTIVES, "directives"),
    )
    for value, most, what in limits:
        if value > most:
            return f"The document unfolds to {value} {what}; at most {most} are answered."
    return None


def _size(
    selection_set: SelectionSetNode | None,
    fragments: dict[str, FragmentDefinitionNode],
    known: dict[str, Size],
    within: tuple[str, ...],
) -> Size:
    depth = fields = aliases = directives = 0
    repeats: dict[str, int] = {}
    for node in selection_set.selections if selection_set else ():
        directives += len(node.directives or ())
        inner = Size()
        step = 0
        if isinstance(node, FieldNode):
            step = 1
            fields += 1
            aliases += node.alias is not None
            name = node.alias.value if node.alias else node.name.value
            repeats[name] = repeats.get(name, 0) + 1
            inner = _size(node.selection_set, fragments, known, within)
        elif isinstance(node, InlineFragmentNode):
            inner = _size(node.selection_set, fragments, known, within)
        elif isinstance(node, FragmentSpreadNode):
            inner = _spread(node.name.value, fragments, known, within)
        depth = max(depth, step + inner.depth)
        fields += inner.fields
        aliases += inner.aliases
        directives += inner.directives
    if max(repeats.values(), default=0) > MAX_REPEATS:
        raise GraphQLError(f"A field is repeated more than {MAX_REPEATS} times.")
    return Size(depth, fields, aliases, directives)


def _spread(
    name: str,
    fragments: dict[str, FragmentDefinitionNode],
    known: dict[str, Size],
    within: tuple[str, ...],
) -> Size:
    if name in within:
        raise GraphQLError(f"The fragment {name} spreads itself.")
    if name not in known and name in fragments:
        known[name] = _size(fragments[name].selection_set, fragments, known, (*within, name))
    return known.get(name, Size())
