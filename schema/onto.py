"""Types laid onto rows and values: they name the public fields of a source and copy nothing."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import strawberry
from strawberry.types.field import StrawberryField

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, field_specifiers=(strawberry.field,))
def onto(*sources: type, description: str) -> Callable[[type[T]], type[T]]:
    """A GraphQL type whose plain fields are attributes of every source.

    A shown field that a source lacks fails at import. Objects of the sources are recognised as this
    type wherever an interface is asked for.
    """

    def decorate(cls: type[T]) -> type[T]:
        shown = {**dict.fromkeys(cls.__annotations__), **_specified(cls)}
        for source in sources:
            lacking = [
                name
                for name, specified in shown.items()
                if not (specified and specified.base_resolver) and not _has(source, name)
            ]
            if lacking:
                raise TypeError(f"{source.__name__} lacks {', '.join(lacking)}, shown by {cls.__name__}")
        cls.is_type_of = classmethod(lambda _cls, obj, _info: isinstance(obj, (cls, *sources)))  # type: ignore[attr-defined]
        return strawberry.type(cls, description=description)

    return decorate


def _specified(cls: type) -> dict[str, StrawberryField]:
    return {name: value for name, value in vars(cls).items() if isinstance(value, StrawberryField)}


def _has(source: type, name: str) -> bool:
    known = (
        {field.name for field in dataclasses.fields(source)} if dataclasses.is_dataclass(source) else set()
    )
    return name in known or name in getattr(source, "model_fields", {}) or hasattr(source, name)


def shown(value: Any) -> Any:
    """A row or value where the schema speaks of the type laid onto it."""
    return value
