"""The committed schema is the schema, and it describes every field."""

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
)

from schema.export import FILE, sdl
from schema.root import schema


def test_the_committed_schema_is_true() -> None:
    assert FILE.read_text(encoding="utf-8") == sdl(), "run: python -m schema.export"


def test_every_type_field_and_argument_is_described() -> None:
    lacking = []
    for name, kind in build_schema(sdl()).type_map.items():
        if name.startswith("__") or name in {"Boolean", "Float", "ID", "Int", "String"}:
            continue
        if not kind.description:
            lacking.append(name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            lacking += [f"{name}.{field}" for field, facts in kind.fields.items() if not facts.description]
            lacking += [
                f"{name}.{field}({argument})"
                for field, facts in kind.fields.items()
                for argument, told in getattr(facts, "args", {}).items()
                if not told.description
            ]
        elif isinstance(kind, GraphQLEnumType):
            assert kind.values
    assert lacking == []


def test_root_fields_are_nullable_so_that_one_failure_does_not_take_the_rest() -> None:
    for root in (schema.query, schema.mutation):
        assert root is not None
    built = build_schema(sdl())
    assert built.query_type
    assert built.mutation_type
    for kind in (built.query_type, built.mutation_type):
        assert not [name for name, field in kind.fields.items() if str(field.type).endswith("!")]
