"""Checks of bulk work: receipts are compared with the ledger of the embedded service."""

from collections import Counter

OUTCOMES = {"done", "refused", "skipped", "unknown", "not_sent"}


def waiting(service, count, **options):
    """Add jobs that can be cancelled, each with a target of its own."""
    return [service.add_job("pending", 1, target=f"wait {n}", lives=False, **options) for n in range(count)]


def failed(service, count, target="fail {}", **options):
    """Add jobs that can be retried, each with a target of its own unless `target` says otherwise."""
    return [
        service.add_job("failed", ["failed"], target=target.format(n), lives=False, **options) for n in range(count)
    ]


def effects(service):
    """Count how often each target was written to with effect."""
    return Counter(write.target_id for write in list(service.ledger))


def doubled(service):
    """Count the writes that should not have been."""
    return sum(count - 1 for count in effects(service).values())


def outcomes(receipt):
    """Return each target's outcome, after a check that the counts of the receipt add up."""
    counts, frame = receipt.counts, receipt.df
    assert set(counts) <= OUTCOMES
    assert sum(counts.values()) == receipt.total == len(frame)
    assert frame.id.is_unique
    return dict(zip(frame.id, frame.outcome, strict=True))


def of(receipt, *words):
    """Return the targets with some outcomes."""
    return {job for job, outcome in outcomes(receipt).items() if outcome in words}


def never_says_too_much(receipt, service):
    """Check a receipt against the ledger, at any moment: it is sure of nothing that is not so."""
    took, told = set(effects(service)), outcomes(receipt)
    done = {job for job, outcome in told.items() if outcome == "done"}
    open_ = {job for job, outcome in told.items() if outcome == "unknown"}
    mine = took & set(told)
    assert done <= took, f"{len(done - took)} called done that were not"
    assert mine <= done | open_, f"{len(mine - done - open_)} took effect and are called something else"
