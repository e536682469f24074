"""Every field of a type: what a test asks for that must not miss one."""

from __future__ import annotations

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from schema.root import schema


def mutation(name: str, depth: int = 4) -> str:
    """A mutation with one input, asking for all of its payload down to so many levels."""
    field = schema._schema.mutation_type.fields[name]  # type: ignore[union-attr]  # there is one
    told = field.args["input"].type
    return f"mutation ($input: {told}) {{ {name}(input: $input) {{ {_all(field, depth)} }} }}"


def _all(field: GraphQLField, depth: int) -> str:
    kind = get_named_type(field.type)
    if isinstance(kind, GraphQLUnionType):
        return " ".join(f"... on {one.name} {{ {_of(one, depth)} }}" for one in kind.types)
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    return _of(kind, depth)


def _of(kind: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
    chosen = ["__typename"]
    for name, field in kind.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(get_named_type(field.type)):
            chosen.append(name)
        elif depth > 0:
            chosen.append(f"{name} {{ {_all(field, depth - 1)} }}")
    return " ".join(chosen)
