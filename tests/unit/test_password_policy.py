"""What a password must be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts import policy
from shared.accounts.passwords import LONGEST, SHORTEST
from shared.errors import AppError

EMAIL = "ana.lopez@onevoice.test"


def refused(password: str, field: str = "password") -> str | None:
    """The sentence for the field; None: it is let through."""
    try:
        policy.check(password, EMAIL, field=field)
    except AppError as error:
        found = error
    else:
        return None
    assert (found.code, found.status) == ("weak_password", 422)
    assert [wrong["field"] for wrong in found.details["errors"]] == [field]
    return found.message


@pytest.mark.parametrize(
    "password",
    ["ananananan", "correct horse battery", "gp7 kv2 xq", "열 글자가 넘는 암호입니다", EMAIL + "1"],
)
def test_good_ones(password: str) -> None:
    assert refused(password) is None


@pytest.mark.parametrize(
    "password",
    [
        "",
        "too short",
        "x" * (LONGEST + 1),
        EMAIL,
        EMAIL.upper(),
        f" {EMAIL} ",
        "aaaaaaaaaa",
        "QWERTYUIOP",
        "password123",
    ],
)
def test_weak_ones(password: str) -> None:
    assert refused(password, "new_password") is not None


def test_the_own_name_before_the_at() -> None:
    with pytest.raises(AppError, match="your own address"):
        policy.check("longenough.name", "LongEnough.Name@onevoice.test")


@given(st.text(min_size=SHORTEST, max_size=LONGEST))
def test_no_rule_about_characters(password: str) -> None:
    plain = password.casefold().strip()
    expected = plain in policy.commonest() or len(set(plain)) == 1 or plain in (EMAIL, "ana.lopez")
    assert (refused(password) is not None) == expected


def test_the_list_holds_what_the_length_lets_through() -> None:
    assert len(policy.commonest()) >= 100
    assert all(len(word) >= SHORTEST and word == word.casefold() for word in policy.commonest())
