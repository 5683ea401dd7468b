"""The records that match a filter, kept up to date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .event import Event, Resync, Update
from .subscription import Subscription
from .wire import Kind

_Key = tuple[str, str]


@dataclass(frozen=True)
class Record:
    """A record as it stands. Its data is not to be changed."""

    kind: Kind
    id: str
    data: dict[str, Any]
    #: Of its last transition.
    revision: int
    problem: str | None


@dataclass(frozen=True)
class Change:
    """A difference; `before` is `None` where the record is new, `after` where it is gone."""

    before: Record | None
    after: Record | None


class RecordView:
    """While a snapshot comes in, the old state stands; then the differences between the two are told at once, and nothing else."""

    def __init__(self, subscription: Subscription, changed: Callable[[list[Change]], None]) -> None:
        self._subscription = subscription
        self._changed = changed
        self._records: dict[_Key, Record] = {}
        #: The state that a snapshot is building; `None` between snapshots.
        self._building: dict[_Key, Record] | None = {}
        #: The last moment of the server's clock of which an event was taken in.
        self._taken_until = 0
        #: The generation of the subscription that was complete last.
        self._synced_generation = -1
        self._is_over = False

    async def run(self, synced: Callable[[], None]) -> None:
        """Reads the subscription to its end; `synced` is called whenever a state is complete."""
        async for updates in self._subscription.batches():
            if self._is_over:
                return
            self._take_all(updates, synced)

    def end(self) -> None:
        """What has arrived and was not taken in is not any more."""
        self._is_over = True
        self._subscription.end()

    @property
    def proven_until(self) -> int:
        """Up to when, on the server's clock, everything that happened is in here."""
        return max(self._subscription.proven_until, self._taken_until)

    @property
    def is_current(self) -> bool:
        """Whether it is complete as the connection that stands now serves it."""
        # The mark that was read last may be of the connection before.
        return self._subscription.is_served and self._synced_generation == self._subscription.generation

    def get(self, kind: str, id: str) -> Record | None:
        return self._records.get((kind, id))

    def all(self) -> list[Record]:
        return list(self._records.values())

    def _take_all(self, updates: list[Update], synced: Callable[[], None]) -> None:
        """All of it becomes visible before anything is told: a record that was renamed is never out of sight."""
        changes: list[Change] = []
        for update in updates:
            if isinstance(update, Event):
                changes.extend(self._take(update))
            elif isinstance(update, Resync):
                self._building = {}
            else:
                self._synced_generation = self._subscription.generation
                changes.extend(self._complete())
                self._tell(changes)
                changes = []
                synced()
        self._tell(changes)

    def _tell(self, changes: list[Change]) -> None:
        if changes:
            self._changed(changes)

    def _take(self, event: Event) -> list[Change]:
        key = (event.kind, event.id)
        record = Record(event.kind, event.id, event.data, event.revision, event.problem)
        if self._building is not None and event.event_type == "snapshot":
            self._building[key] = record
            return []
        if event.event_type != "snapshot":
            self._taken_until = max(self._taken_until, event.time_ms)
        before = self._records.get(key)
        if event.event_type == "removed":
            self._records.pop(key, None)
        else:
            self._records[key] = record
        return [Change(before, self._records.get(key))]

    def _complete(self) -> list[Change]:
        if self._building is None:
            return []
        before, self._records, self._building = self._records, self._building, None
        gone = [Change(record, None) for key, record in before.items() if key not in self._records]
        put = [Change(before.get(key), record) for key, record in self._records.items()]
        # By content: revisions of two epochs say nothing of each other.
        return gone + [change for change in put if not _is_same(change)]


def _is_same(change: Change) -> bool:
    before, after = change.before, change.after
    return before is not None and after is not None and (before.problem, before.data) == (after.problem, after.data)
