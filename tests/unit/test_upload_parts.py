"""The rules of an upload in parts: sizes, and which lists of parts complete it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config import GIB, MIB
from shared.errors import AppError
from shared.multipart import Part
from shared.videos.uploads import SentPart, checked, part_size, part_sizes
from tests.contracts.conftest import settings_in

sizes = st.lists(st.integers(1, 3), min_size=1, max_size=5)
etags = st.sampled_from(['"a"', '"b"', "a", "b", '"c"'])


@given(st.integers(64 * MIB, 10 * GIB))
def test_parts_cover_the_file_within_the_limits_of_s3(size_bytes: int) -> None:
    size = part_size(size_bytes, settings_in(Path("unused")))
    parts = part_sizes(size_bytes, size)
    assert sum(parts) == size_bytes
    assert len(parts) <= 160
    assert all(5 * MIB <= part <= 5 * GIB for part in parts[:-1])
    assert 0 < parts[-1] <= size
    assert size % (16 * MIB) == 0


@given(
    sizes,
    st.lists(st.builds(Part, st.integers(1, 6), etags, st.integers(1, 3)), max_size=6, unique_by=lambda p: p.number),
    st.none() | st.lists(st.builds(SentPart, st.integers(1, 6), etags), max_size=6),
)
def test_only_all_parts_as_they_came_complete_an_upload(
    expected: list[int], stored: list[Part], sent: list[SentPart] | None
) -> None:
    code, parts = outcome(expected, stored, sent)
    if code is not None:
        wrong = {"parts_missing", "parts_out_of_order", "part_mismatch"}
        assert code in (wrong if sent is not None else {"not_uploaded", "part_mismatch"})
        return
    assert [part.number for part in parts] == list(range(1, len(expected) + 1))
    assert [part.size_bytes for part in parts] == expected
    assert set(parts) <= set(stored)
    if sent is not None:
        assert [(part.number, part.etag.strip('"')) for part in parts] == [(s.number, s.etag.strip('"')) for s in sent]


def outcome(expected: list[int], stored: list[Part], sent: list[SentPart] | None) -> tuple[str | None, list[Part]]:
    """The refusal's code, which names the parts in question, or the parts to complete with."""
    try:
        return None, checked(expected, stored, sent)
    except AppError as error:
        return (error.code if error.details["part_numbers"] else None), []


def test_what_came_completes_an_upload() -> None:
    stored = [Part(2, '"b"', 1), Part(1, '"a"', 5)]
    assert checked([5, 1], stored, [SentPart(1, "a"), SentPart(2, '"b"')]) == stored[::-1]
    assert checked([5, 1], stored, None) == stored[::-1]


@pytest.mark.parametrize(("size_bytes", "part_bytes", "parts"), [(10, 5, [5, 5]), (11, 5, [5, 5, 1]), (4, 5, [4])])
def test_the_last_part_is_what_is_left(size_bytes: int, part_bytes: int, parts: list[int]) -> None:
    assert part_sizes(size_bytes, part_bytes) == parts
