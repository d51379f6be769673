"""Reading ahead: nothing is lost, nothing is raised late, and nobody reads on once nobody asks."""

import threading

import pytest

from worker.threads import ahead


def test_everything_comes_in_order():
    assert list(ahead(range(100), 3)) == list(range(100))
    assert list(ahead([])) == []


def test_a_failure_comes_in_its_turn():
    def failing():
        yield 1
        raise ValueError("read")

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="read"):
        next(items)


def test_it_reads_no_further_ahead_than_asked():
    read, enough = [], threading.Event()

    def counted():
        for number in range(100):
            read.append(number)
            if number == 3:
                enough.set()
            yield number

    items = ahead(counted(), 3)
    assert next(items) == 0
    assert enough.wait(60)
    items.close()
    assert len(read) == 4
