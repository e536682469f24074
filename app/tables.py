"""Every table of the house in one import, for migrations and tests."""

from sqlmodel import SQLModel

import app.alerts.tables
import app.allocation.tables
import app.assignment.tables
import app.booking.tables
import app.capacity.tables
import app.customers.tables
import app.database.idempotency
import app.demand.tables
import app.disruption.tables
import app.engagement.tables
import app.events
import app.fleet.tables
import app.handover.tables
import app.jobs
import app.places.tables
import app.pricing.tables
import app.promotions.tables
import app.slots.tables
import app.standing.tables
import app.storefronts.tables
import app.tours.tables  # noqa: F401  imported for their tables

metadata = SQLModel.metadata
