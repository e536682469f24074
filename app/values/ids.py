"""Keys of rows and the short codes people read out."""

from uuid_utils import uuid7

# Crockford's alphabet: no I, L, O, U, so a code survives the telephone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    """A UUIDv7 as text: unique without a round trip, and in order of creation."""
    return str(uuid7())


def short_code(row_id: str) -> str:
    """Eight letters and digits for people, from the random end of a row's id (40 bits)."""
    number = int(row_id.replace("-", "")[-10:], 16)
    code = "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(8))
    return f"{code[:4]}-{code[4:]}"
