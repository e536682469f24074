"""Pages by key: what every connection has in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphql import GraphQLError

from schema.bookings import PageInfo

MAX_PAGE = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page is wanted; one more row than `size` is read to know whether more follow."""

    size: int
    backwards: bool
    after: str | None
    before: str | None

    @property
    def limit(self) -> int:
        """How many rows to read."""
        return self.size + 1

    def cut[T](
        self, found: Sequence[T], cursor_of: Callable[[T], str]
    ) -> tuple[list[T], list[str], PageInfo]:
        """The page, its cursors and where it lies, from what was read."""
        more = len(found) > self.size
        page = list((found[-self.size :] if self.backwards else found[: self.size]) if more else found)
        cursors = [cursor_of(one) for one in page]
        return (
            page,
            cursors,
            PageInfo(
                has_next_page=self.before is not None if self.backwards else more,
                has_previous_page=more if self.backwards else self.after is not None,
                start_cursor=cursors[0] if cursors else None,
                end_cursor=cursors[-1] if cursors else None,
            ),
        )


def asked(first: int | None, after: str | None, last: int | None, before: str | None) -> Asked:
    """The page asked for; raises GraphQLError unless it is either first or last, 1 to 100."""
    if (first is None) == (last is None):
        raise GraphQLError("Give either first or last.")
    size = first if first is not None else last or 0
    if not 1 <= size <= MAX_PAGE:
        raise GraphQLError(f"Ask for 1 to {MAX_PAGE} at a time.")
    return Asked(size, last is not None, after, before)
