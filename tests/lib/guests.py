# SPDX-License-Identifier: MIT
"""Running a program of tests/hostile in place of init, and reading what it says of each of its checks."""

import re

from registry import Failure

# What each program must report.
CHECKS = {
    "reach": "other_hart root_entries image direct_map not_canonical program_counters aliases_of_code"
    " instructions control_registers objects_are_not_mapped no_overlap destroyed_frame stale_table"
    " table_twice destroyed_message_page no_address_told object_numbers",
    "execute": "rights data code_is_not_written stale_writes written_after_executed spaces_are_apart",
    "registers": "system_calls faults interrupts new_threads restarted_thread",
    "fresh": "after_data after_capabilities after_objects cleared_before interrupted_clearing message_pages"
    " kernel_answers",
    "given": "code variables harts_go_on",
    "starve": "calibration spinning many_spinning yields signals forwarding faults forks_on_one_context"
    " sleep_across_periods from_other_harts timers",
    "races": "lost_time moved_faulter waiting_registers",
    "exhaust": "retype_storm nested_untyped long_chain wide_tree bushy_tree parents_deleted cnodes_in_cnodes"
    " revoked_in_use suicides chain_of_calls crowd faults_to_nobody",
}
STAMP = r"\[ *\d+\.\d+\] "  # the kernel's log, to which the programs write


def judged(check: str, passed: bool, detail: str, open_checks):
    if check not in open_checks:
        return check, passed, detail
    return check, True, f"{'right by now: to be taken off OPEN' if passed else 'not right yet'}: {detail}"


def run(system, name: str, checks: str, timeout: float, append: str = "", open_checks=(), **machine) -> list:
    """
    Boots with the program as init; its checks as (name, passed, message). All of `checks` must be reported;
    those of `open_checks` need neither be reported nor come out right.
    """
    system.boot(initrd=str(system.build / f"hostile/{name}.cpio"), disk=None, append=append, **machine)
    status = system.wait_exit(timeout)
    lines = re.findall(rf"^{STAMP}{name} (\w+): (ok|FAILED) (.*)$", system.output, re.MULTILINE)
    end = re.search(rf"^{STAMP}{name}: (\d+) passed, (\d+) failed$", system.output, re.MULTILINE)
    if not end:
        raise Failure(f"{name} did not get to its end (status {status}): {system.output[-300:]!r}")
    failed = sum(word == "FAILED" for _, word, _ in lines)
    counts = (str(len(lines) - failed), str(failed))
    if (status != 0) != (failed != 0) or end.groups() != counts:
        raise Failure(f"{name} ended with status {status}, and its lines say otherwise: {end.group(0)}")
    missing = set(checks.split()) - {check for check, _, _ in lines} - set(open_checks)
    results = [judged(check, word == "ok", detail, open_checks) for check, word, detail in lines]
    return results + [(check, False, "was not reported") for check in sorted(missing)]
