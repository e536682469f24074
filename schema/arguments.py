"""What arguments mean that mean the same everywhere, described once by their name."""

import strawberry
from graphql import GraphQLInterfaceType, GraphQLObjectType

ARGUMENTS = {
    "input": "What to do, in one object.",
    "id": "The global id that the API gave out.",
    "bookingId": "The global id of a booking of this storefront.",
    "customerReference": "Whose: the storefront's own reference of the customer.",
    "first": "How many from the start, at most 100.",
    "last": "How many from the end, at most 100.",
    "after": "Only what comes after this cursor.",
    "before": "Only what comes before this cursor.",
    "from": "The first local day, as YYYY-MM-DD; today unless given.",
    "to": "The last local day, as YYYY-MM-DD.",
    "address": "Where to: by postal address, by id or by point.",
    "basket": "The goods; the storefront's average stands in for what is not given.",
    "text": "What has been typed so far; case and accents do not matter.",
    "key": "Only of the rule that is called this.",
}


def describe_arguments(schema: strawberry.Schema) -> None:
    """Give every argument without a description of its own the one of its name."""
    for kind in schema._schema.type_map.values():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field in kind.fields.values():
                for name, argument in field.args.items():
                    argument.description = argument.description or ARGUMENTS.get(name)
