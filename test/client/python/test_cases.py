"""The model says what the one in TypeScript says: both run test/protocol/swarm/cases.json."""

import json
import unittest
from pathlib import Path

from muse_bus.patience import ClockReading, pause_ms
from muse_bus.record_id import record_id_fault
from muse_bus.swarm import (
    AddressContext,
    AddressError,
    LeaseTable,
    Moment,
    iso_date,
    overlap,
    parse_address,
    parse_query,
    parse_timestamp,
)

CASES = json.loads((Path(__file__).parents[2] / "protocol" / "swarm" / "cases.json").read_text("utf-8"))


def context_of(case):
    context = case.get("context", {})
    return AddressContext(
        roots=context.get("roots", ()),
        working_directory=context.get("workingDirectory", ""),
        is_windows=context.get("isWindows", False),
    )


class Cases(unittest.TestCase):
    maxDiff = None

    def test_addresses(self):
        for case in CASES["addresses"]:
            with self.subTest(case["spelling"][:80], context=case.get("context")):
                try:
                    address = parse_address(case["spelling"], context_of(case))
                    found = {"text": address.text, "kind": address.kind}
                except AddressError as fault:
                    found = {"problem": fault.problem}
                self.assertEqual(found, {name: case[name] for name in ("text", "kind", "problem") if name in case})

    def test_ids(self):
        for case in CASES["ids"]:
            with self.subTest(case["id"]):
                self.assertEqual(record_id_fault(case["id"]), case["fault"])

    def test_a_sleep_of_the_machine(self):
        before = ClockReading(wall=1_000, elapsed=50)
        for case in CASES["pauses"]:
            with self.subTest(case["name"]):
                now = ClockReading(before.wall + case["wall"], before.elapsed + case["elapsed"])
                self.assertEqual(pause_ms(before, now, case["expected"]), case["pause"])

    def test_what_is_asked_for(self):
        for case in CASES["queries"]:
            with self.subTest(case["spelling"], context=case.get("context")):
                try:
                    found = {"texts": [address.text for address in parse_query(case["spelling"], context_of(case))]}
                except AddressError as fault:
                    found = {"problem": fault.problem}
                self.assertEqual(found, {name: case[name] for name in ("texts", "problem") if name in case})

    def test_overlaps_in_both_directions(self):
        for case in CASES["overlaps"]:
            with self.subTest(a=case["a"], b=case["b"]):
                a, b = parse_address(case["a"]), parse_address(case["b"])
                self.assertEqual((overlap(a, b), overlap(b, a)), (case["overlap"], case["overlap"]))

    def test_times(self):
        for case in CASES["timestamps"]:
            with self.subTest(case["text"]):
                ms = parse_timestamp(case["text"])
                self.assertEqual((ms, iso_date(ms)), (case["ms"], case["iso"]))

    def test_a_reservation_of_more_addresses_than_are_read_may_hold_any_other(self):
        table = LeaseTable()
        addresses = [f"x{n}" for n in range(10_001)]
        table.put("reservation", "r", {"addresses": addresses, "expires_at": "2026-03-30T15:10:00Z"})
        held, other = (table.holding([parse_address(address)], Moment(1774882800000)) for address in ("x9999", "y"))
        self.assertEqual((held.free, other.free), ("no", "unknown"))

    def test_leases_and_who_holds(self):
        for case in CASES["leases"]:
            with self.subTest(case["name"]):
                table = LeaseTable()
                for record in case["records"]:
                    table.put(record["kind"], record["id"], record["data"], record.get("problem"))
                moment = Moment(**case["moment"])
                says = {id: table.lease(id, moment).as_json() for id in case["leases"]}
                for lease in says.values():
                    del lease["reservation"], lease["expires_at"]
                self.assertEqual(says, case["leases"])
                for question in case["holders"]:
                    addresses = parse_query(question["address"])
                    holding = table.holding(addresses, moment, question.get("branch"))
                    found = (holding.free, [lease.reservation for lease in holding.holders])
                    self.assertEqual(found, (question["free"], question["holders"]), question["address"])
                for record in case["records"]:
                    table.drop(record["kind"], record["id"])
                self.assertEqual(table.leases(moment), [], "and nothing is left when its records are gone")


if __name__ == "__main__":
    unittest.main()
