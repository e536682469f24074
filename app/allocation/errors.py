"""What planning refuses: data that cannot work."""

from app.errors import Refusal


class NothingToPlan(Refusal):
    """{what}"""
