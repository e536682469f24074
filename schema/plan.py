"""The plain part of a selection read in one go, instead of field by field.

graphql-core walks a selection generically and pays for every leaf; a week of windows has 1,500. Where
a selection is nothing but attributes, this makes a function of it once per request and runs that for
every object. Whatever a plan does not expect (a null that may not be, another class, a property that
raises) makes graphql-core do that object again, which is safe because reading attributes changes
nothing: so answers, errors and paths are its own.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import CustomGraphQLEnumType, GraphQLCoreConverter
from strawberry.types.field import StrawberryField

type Read = Callable[[Any], Any]

# Under this name a field's metadata may keep what its resolver does, as a function of the object alone.
READS = "reads"
_DECIDED_ALREADY = {"skip", "include"}


class Unplanned(Exception):
    """A plan met what it does not expect."""


class PlannedExecution(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's execution, with a short cut through plain selections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plans: dict[tuple[str, int], Read | None] = {}

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: list[Any],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """The object's selected fields: by plan where there is one and it fits."""
        # The list lives as long as this execution: graphql-core keeps it under the same identity.
        key = (return_type.name, id(field_details_list))
        if key not in self._plans:
            self._plans[key] = self._object(return_type, field_details_list)
        plan = self._plans[key]
        if plan is not None:
            try:
                return plan(result)
            except Exception:
                # Whatever it is, graphql-core says what it means.
                pass
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _object(self, kind: GraphQLObjectType, details: list[Any]) -> Read | None:
        """Read a selection of an object; None when a field in it is more than an attribute."""
        selected, deferred, _ = self.collect_subfields(kind, details)
        if deferred or (self.middleware_manager and self.middleware_manager.middlewares):
            return None
        reads = {name: self._field(kind, same) for name, same in selected.items()}
        fields = [(name, read) for name, read in reads.items() if read is not None]
        if len(fields) < len(reads):
            return None
        is_one: Any = kind.is_type_of

        def run(source: Any) -> dict[str, Any]:
            if is_one and is_one(source, None) is not True:
                raise Unplanned
            return {name: read(source) for name, read in fields}

        return run

    def _field(self, kind: GraphQLObjectType, same: list[Any]) -> Read | None:
        node = same[0].node
        if node.name.value == "__typename":
            return lambda _source: kind.name
        field = self.schema.get_field(kind, node.name.value)
        if field is None or field.args or {d.name.value for d in node.directives or ()} - _DECIDED_ALREADY:
            return None
        get = _attribute(field)
        complete = self._value(field.type, same) if get else None
        if get is None or complete is None:
            return None
        return lambda source: complete(get(source))

    def _value(self, kind: GraphQLOutputType, same: list[Any]) -> Read | None:
        """Complete a value of a type, null included where it may be."""
        if is_non_null_type(kind):
            inner = self._present(kind.of_type, same)
            return inner and _required(inner)
        inner = self._present(kind, same)
        return inner and (lambda value: None if value is None else inner(value))

    def _present(self, kind: GraphQLOutputType, same: list[Any]) -> Read | None:
        """Complete a value that is there; None for interfaces and unions, which are not plain."""
        if is_leaf_type(kind):
            return _enum(kind) if isinstance(kind, CustomGraphQLEnumType) else _scalar(kind)
        if is_list_type(kind):
            item = self._value(kind.of_type, same)
            return item and _list(item)
        return self._object(kind, same) if is_object_type(kind) else None


def _attribute(field: GraphQLField) -> Read | None:
    shown = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(shown, StrawberryField):
        return None
    return attrgetter(shown.python_name) if shown.is_basic_field else shown.metadata.get(READS)


def _required(inner: Read) -> Read:
    def run(value: Any) -> Any:
        if value is None:
            raise Unplanned
        return inner(value)

    return run


def _list(item: Read) -> Read:
    def run(values: Any) -> list[Any]:
        if type(values) not in (list, tuple):
            raise Unplanned
        return [item(value) for value in values]

    return run


def _scalar(kind: Any) -> Read:
    coerce = kind.coerce_output_value

    def run(value: Any) -> Any:
        told = coerce(value)
        if told is None or told is Undefined or isinstance(value, Exception):
            raise Unplanned
        return told

    return run


def _enum(kind: Any) -> Read:
    # Members are looked up at once; what only equals one goes the usual way.
    members, usual = kind.wrapped_cls, _scalar(kind)
    names = {member: kind.coerce_output_value(member) for member in members}
    return lambda value: names[value] if type(value) is members else usual(value)
