"""GraphQL over HTTP as a careful client speaks it: every call and answer kept, the same key until answered."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

from tests.faults.town import KEY

# What the API may say instead of an answer; the client repeats the request with the same key.
OUTAGES = {"DATABASE_UNREACHABLE", "DATABASE_READ_ONLY", "DATABASE_FULL"}
IN_A_MOMENT = {"BUSY", "IDEMPOTENCY_IN_PROGRESS"}
PATIENCE_S = 300
TIMEOUT_S = 30

_HOLD = (
    "hold { id status version expiresAt slot { id } fee { total { amount } } dropPreference { mode }"
    " promotions { code status } basket { weightGrams } }"
)
_BOOKING = (
    "booking { id status version orderReference fee { total { amount } } dropPreference { mode }"
    " promotions { code status } promise { window { startsAt endsAt } history { reason } } }"
)


class AnsweredWithFault(Exception):
    """The answer is one that no client should ever get."""


@dataclass(frozen=True)
class Mutation:
    """One mutation: its field, its input type and what is asked back. `keyed`: it takes an idempotency key."""

    field: str
    input: str
    asks: str
    keyed: bool = True

    @property
    def document(self) -> str:
        """The operation to send."""
        asks = f"{self.asks} userErrors {{ code message }}"
        return f"mutation ($input: {self.input}!) {{ {self.field}(input: $input) {{ {asks} }} }}"


HOLD = Mutation("holdSlot", "HoldSlotInput", _HOLD)
CONFIRM = Mutation("confirmBooking", "ConfirmBookingInput", _BOOKING)
RELEASE = Mutation("releaseHold", "ReleaseHoldInput", _HOLD, keyed=False)
PREFER = Mutation("setDropPreference", "SetDropPreferenceInput", f"{_HOLD} {_BOOKING}", keyed=False)
APPLY = Mutation("applyPromotion", "ApplyPromotionInput", _HOLD)
BEGIN = Mutation("beginCheckout", "BeginCheckoutInput", _HOLD)
UPDATE = Mutation("updateHold", "UpdateHoldInput", _HOLD)
MOVE = Mutation("rescheduleBooking", "RescheduleBookingInput", f"{_BOOKING} feeDifference {{ amount }}")
CANCEL = Mutation("cancelBooking", "CancelBookingInput", f"{_BOOKING} feeDifference {{ amount }}")


@dataclass
class Call:
    """One request: what was sent, how often, and the one answer that ended it, if one did."""

    mutation: Mutation
    input: dict[str, Any]
    tries: int = 0
    answer: dict[str, Any] | None = None
    replays: list[dict[str, Any]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Acknowledged: it was answered without a refusal."""
        return self.answer is not None and not self.answer["userErrors"]

    @property
    def codes(self) -> list[str]:
        """Why it was refused."""
        return [error["code"] for error in self.answer["userErrors"]] if self.answer else []


class Client:
    """One caller: a connection to one of the servers, and another one when that is lost."""

    def __init__(self, ports: Sequence[int], number: int) -> None:
        self.ports, self.number = ports, number
        self.chance = random.Random(number)
        self.calls: list[Call] = []
        self.met: Counter[str] = Counter()
        self.faults: list[str] = []
        self.answered: list[tuple[float, float]] = []
        self._connection: HTTPConnection | None = None

    def call(self, mutation: Mutation, **told: Any) -> Call:
        """Send until it is answered, or for as long as patience lasts."""
        call = Call(mutation, told)
        self.calls.append(call)
        call.answer = self._until_answered(call)
        return call

    def replay(self, call: Call) -> None:
        """Send an answered request once more, as a client does whose answer was lost on the way."""
        again = self._until_answered(call)
        if again is not None:
            call.replays.append(again)

    def _until_answered(self, call: Call) -> dict[str, Any] | None:
        body = json.dumps({"query": call.mutation.document, "variables": {"input": call.input}}).encode()
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            call.tries += 1
            began = time.monotonic()
            try:
                answer = self._once(call.mutation.field, body)
            except AnsweredWithFault as fault:
                self.faults.append(str(fault))
                return None
            if answer is not None:
                self.answered.append((began, time.monotonic() - began))
                return answer
            time.sleep(self.chance.uniform(0.1, 0.5))
        return None

    def _once(self, name: str, body: bytes) -> dict[str, Any] | None:
        """The payload, or None when there is none yet; raises AnsweredWithFault."""
        try:
            status, text = self._post(body)
        except (OSError, HTTPException) as lost:
            self.met[f"lost: {type(lost).__name__}"] += 1
            self.close()
            return None
        told = json.loads(text)
        for error in told.get("errors", []):
            code = str(error.get("extensions", {}).get("code"))
            self.met[f"{status} {code}"] += 1
            if code not in OUTAGES:
                raise AnsweredWithFault(f"{name}: {status} {error}")
        if "errors" in told:
            return None
        payload: dict[str, Any] = told["data"][name]
        codes = {error["code"] for error in payload["userErrors"]}
        self.met.update(codes)
        return None if codes & IN_A_MOMENT else payload

    def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._connection is None:
            port = self.chance.choice(self.ports)
            self._connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        self._connection.request("POST", "/graphql", body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        """Forget the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None
