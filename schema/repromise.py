"""Proposals of other windows to bookings whose pool was made too small."""

from datetime import datetime
from operator import attrgetter
from typing import Annotated

import strawberry

from app.booking.repromise import SeenProposal, proposals_of
from schema.bookings import DeliveryBooking, PageInfo
from schema.context import Info
from schema.ids import key_of, to_global
from schema.offers import DeliverySlot
from schema.onto import onto, shown
from schema.paging import asked
from schema.places import Node, node_id
from schema.words import RepromiseState


@onto(SeenProposal, description="Other windows for a booking that does not fit its pool any more.")
class RepromiseProposal(Node):
    """A proposal."""

    id: strawberry.ID = node_id("RepromiseProposal", attrgetter("row.id"))
    state: RepromiseState = strawberry.field(description="As of now.")
    booking: DeliveryBooking = strawberry.field(description="It keeps its window until it is moved.")
    alternatives: list[DeliverySlot] = strawberry.field(
        description="Up to three windows that could be had when it was made; none is reserved."
    )

    @strawberry.field(
        description="Until when it may be answered; then a partner courier keeps the promise. Null: no limit."
    )
    def answer_by(self) -> datetime | None:
        """Until when."""
        seen: SeenProposal = shown(self)
        return seen.row.answer_by

    @strawberry.field(description="Why.")
    def reason(self) -> str:
        """Why."""
        seen: SeenProposal = shown(self)
        return seen.row.reason

    @strawberry.field(description="Who made it.")
    def actor(self) -> str:
        """Who."""
        seen: SeenProposal = shown(self)
        return seen.row.actor

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        """When."""
        seen: SeenProposal = shown(self)
        return seen.row.created_at


@strawberry.type(description="A proposal in a page.")
class RepromiseProposalEdge:
    """An edge."""

    cursor: str = strawberry.field(description="Give it as after or before.")
    node: RepromiseProposal = strawberry.field(description="The proposal.")


@strawberry.type(description="Proposals, newest first.")
class RepromiseProposalConnection:
    """A page of proposals."""

    edges: list[RepromiseProposalEdge] = strawberry.field(description="With cursors.")
    nodes: list[RepromiseProposal] = strawberry.field(description="Without.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


async def repromise_proposals(
    info: Info,
    state: Annotated[RepromiseState | None, strawberry.argument(description="Only those in it.")] = None,
    first: Annotated[int | None, strawberry.argument(description="So many of the newest.")] = None,
    after: Annotated[str | None, strawberry.argument(description="A cursor.")] = None,
    last: Annotated[int | None, strawberry.argument(description="So many of the oldest.")] = None,
    before: Annotated[str | None, strawberry.argument(description="A cursor.")] = None,
) -> RepromiseProposalConnection | None:
    """Proposals, newest first: a storefront sees those of its own bookings, an operator all."""
    page = asked(first, after, last, before)
    found = await info.context.read(
        lambda conn, now: proposals_of(
            conn,
            now=now,
            actor=info.context.actor,
            state=state,
            limit=page.limit,
            after=key_of("RepromiseProposal", after) if after else None,
            before=key_of("RepromiseProposal", before) if before else None,
            backwards=page.backwards,
        )
    )
    nodes, cursors, place = page.cut(found, lambda one: str(to_global("RepromiseProposal", one.row.id)))
    edges = [RepromiseProposalEdge(cursor=c, node=shown(n)) for c, n in zip(cursors, nodes, strict=True)]
    return RepromiseProposalConnection(edges=edges, nodes=shown(nodes), page_info=place)


async def proposals_seen(info: Info, proposal_ids: list[str]) -> list[RepromiseProposal]:
    """Some proposals, newest first."""
    return shown(
        await info.context.read(
            lambda conn, now: proposals_of(
                conn,
                now=now,
                actor=info.context.actor,
                proposal_ids=proposal_ids,
                limit=max(1, len(proposal_ids)),
            )
        )
    )
