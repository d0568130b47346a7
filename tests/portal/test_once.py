"""One question is asked once while a page is made, and always outside of one."""

from __future__ import annotations

from portal.database.once import once, reading_once, still_reading_once

asked: list[int] = []


@once(lambda number: number)
def doubled(number: int) -> int:
    asked.append(number)
    return 2 * number


def test_within_a_page_the_second_answer_is_the_first() -> None:
    asked.clear()
    with reading_once():
        assert [doubled(2), doubled(3), doubled(2)] == [4, 6, 4]
    assert asked == [2, 3]


def test_a_part_of_a_page_goes_on_with_what_the_page_knows() -> None:
    asked.clear()
    with reading_once():
        doubled(2)
        with still_reading_once():
            doubled(2)
    with still_reading_once():
        doubled(2)
    doubled(2)
    assert asked == [2, 2, 2]


def test_outside_and_in_the_next_page_it_is_asked_again() -> None:
    asked.clear()
    with reading_once():
        doubled(2)
    doubled(2)
    with reading_once():
        doubled(2)
    assert asked == [2, 2, 2]
