"""The World: everything outside the rooms that a door needs, built once from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from app.database.runner import Database
from app.settings import Settings
from app.tours.problem import RoutingLimits
from app.world.geocoder import Geocoder, TableGeocoder
from app.world.links import Links
from app.world.mail import Mail, MailboxMail, SmtpMail
from app.world.streets import Streets

# A demo signs its links with this: it is public, so a deployment must set its own.
DEMO_SECRET = "lastlap-demo-secret-do-not-use-outside-a-demo"


@dataclass(frozen=True, slots=True)
class World:
    """Database, geocoder, mail, links and streets, and how the deployment is reached."""

    db: Database
    geocoder: Geocoder
    mail: Mail
    links: Links
    base_url: str
    checkout_storefront: str | None = None
    operators_email: str | None = None
    has_mailbox: bool = False
    demo: bool = False
    # Without a folder of street graphs tours are made on straight lines.
    streets: Streets = field(default_factory=lambda: Streets(None))
    tour_limits: RoutingLimits = field(default_factory=RoutingLimits)

    @property
    def message_host(self) -> str:
        """The right-hand side of our message ids."""
        return urlsplit(self.base_url).hostname or "localhost"

    def booking_url(self, booking_id: str) -> str:
        """The signed page of a booking, as customers get it."""
        return f"{self.base_url}/bookings/{self.links.sign('booking', booking_id)}"

    def hold_url(self, hold_id: str) -> str:
        """The signed page of a hold, as customers get it."""
        return f"{self.base_url}/holds/{self.links.sign('hold', hold_id)}"

    def customer_url(self, customer_id: str) -> str:
        """The signed page of all that a customer has with a storefront, as customers get it."""
        return f"{self.base_url}/my/{self.links.sign('customer', customer_id)}"


def build_world(settings: Settings, db: Database | None = None) -> World:
    """The World of a deployment."""
    database = db or Database(settings.database_url)
    mail: Mail = MailboxMail(database)
    if settings.smtp_host:
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        mail = SmtpMail(
            settings.smtp_host, settings.smtp_port, settings.smtp_username, password, settings.smtp_start_tls
        )
    return World(
        db=database,
        geocoder=TableGeocoder(database),
        mail=mail,
        links=Links([settings.secret.get_secret_value() or DEMO_SECRET]),
        base_url=settings.base_url,
        checkout_storefront=settings.checkout_storefront,
        operators_email=settings.operators_email,
        has_mailbox=not settings.smtp_host,
        demo=settings.demo,
        streets=Streets(Path(settings.streets_dir)),
        tour_limits=RoutingLimits(seconds=settings.tour_seconds),
    )
