"""Times as records write them, and as the bus does."""

from __future__ import annotations

import math
import re
from typing import Final

from .text import trimmed

_DATE: Final = (
    r"(?P<year>[0-9]{4})(?P<dash>-?)"
    r"(?:(?P<month>[0-9]{2})(?P=dash)(?P<day>[0-9]{2})|W(?P<week>[0-9]{2})(?:(?P=dash)(?P<weekday>[0-9]))?)"
)
_CLOCK: Final = (
    r"(?P<hour>[0-9]{2})(?:(?P<colon>:?)(?P<minute>[0-9]{2})"
    r"(?:(?P=colon)(?P<second>[0-9]{2}))?)?(?:[.,](?P<fraction>[0-9]*))?"
)
_ZONE: Final = (
    r"(?P<utc>[Zz])|(?P<sign>[+-])(?P<zone_hour>[0-9]{2})"
    r"(?::?(?P<zone_minute>[0-9]{2})(?::?(?P<zone_second>[0-9]{2}))?)?"
)
_ISO_8601: Final = re.compile(rf"{_DATE}(?:[^0-9]{_CLOCK}(?: ?(?:{_ZONE}))?)?")
#: Ten digits, from 2001 to 2286.
_UNIX_SECONDS: Final = re.compile(r"[0-9]{10}(?:\.[0-9]{1,9})?")

_DAY_MS: Final = 86_400_000
#: The last millisecond that these forms can name; rounded up, or with an offset, the last second of 9999 would be a later one.
_LAST_MS: Final = 253_402_300_799_999
#: The last moment that a date can say.
_MAX_DATE_MS: Final = 8_640_000_000_000_000


def parse_timestamp(text: object) -> int | None:
    """
    Reads a time as programs write it: ISO 8601 with or without separators, a date alone, a week and its day, any sign between
    date and time, an offset of hours alone or after a space, and Unix seconds of ten digits; blanks around it are skipped. What says no offset is UTC. A leap second is the second
    after it. What is finer than a millisecond counts as the next one, so that no lease ends before its time. Unix milliseconds;
    `None` where the text is no such time.
    """
    if not isinstance(text, str) or len(text) > 40:
        return None
    written = trimmed(text)
    parts = _ISO_8601.fullmatch(written)
    if parts is not None:
        return _from_parts(parts.groupdict())
    return math.ceil(float(written) * 1_000) if _UNIX_SECONDS.fullmatch(written) else None


def _from_parts(parts: dict[str, str | None]) -> int | None:
    def number(name: str) -> int:
        return int(parts[name] or 0)

    days = _days_in(parts)
    hour, minute, second = number("hour"), number("minute"), number("second")
    if days is None:
        return None
    if hour > 23 or minute > 59 or second > 60:
        return None
    zone_hour, zone_minute, zone_second = number("zone_hour"), number("zone_minute"), number("zone_second")
    if zone_hour > 23 or zone_minute > 59 or zone_second > 59:
        return None
    fraction = (parts["fraction"] or "").ljust(3, "0")
    milliseconds = int(fraction[:3]) + (1 if fraction[3:].strip("0") else 0)
    offset = (zone_hour * 60 + zone_minute) * 60 + zone_second
    seconds = (hour * 60 + minute) * 60 + second - (-offset if parts["sign"] == "-" else offset)
    at = days * _DAY_MS + seconds * 1_000 + milliseconds
    # UTC inserts a leap second at the end of a day only.
    if second == 60 and at % _DAY_MS > 1_000:
        return None
    return min(at, _LAST_MS)


def _days_in(parts: dict[str, str | None]) -> int | None:
    """The days from 1970 to a date, or to a day of a week; `None` where there is none. A week is of the year of its Thursday."""
    year = int(parts["year"] or 0)
    if parts["week"] is None:
        month, day = int(parts["month"] or 0), int(parts["day"] or 0)
        is_date = 1 <= month <= 12 and 1 <= day <= _days_of(year, month)
        return _days_until(year, month, day) if is_date else None
    week, weekday = int(parts["week"]), int(parts["weekday"] or 1)
    january_4 = _days_until(year, 1, 4)
    monday = january_4 - (january_4 + 3) % 7 + (week - 1) * 7
    is_of_year = week > 0 and monday + 3 <= _days_until(year, 12, 31)
    return monday + weekday - 1 if is_of_year and 1 <= weekday <= 7 else None


def _days_of(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _days_until(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01. The calendar of `datetime` begins with the year 1; a record may say 0."""
    years = year - 1 if month <= 2 else year
    era, of_era = divmod(years, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def iso_date(at: int | float | None) -> str | None:
    """ISO 8601 UTC with milliseconds; `None` where a date cannot say it."""
    if at is None or abs(at) > _MAX_DATE_MS:
        return None
    days, rest = divmod(int(at), _DAY_MS)
    era, of_era = divmod(days + 719_468, 146_097)
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index = (5 * of_year + 2) // 153
    day = of_year - (153 * month_index + 2) // 5 + 1
    month = month_index + 3 if month_index < 10 else month_index - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    shown = f"{year:04d}" if 0 <= year <= 9_999 else f"{'-' if year < 0 else '+'}{abs(year):06d}"
    second, ms = divmod(rest, 1_000)
    return f"{shown}-{month:02d}-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{ms:03d}Z"
