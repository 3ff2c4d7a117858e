"""The verbs of `%job`: their names, what each does in one line, and examples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb.

    Attributes
    ----------
    name, usage, summary : str
        How it is called, what may follow, what it does.
    group : str
        The heading it stands under in the overview.
    more : str
        What else there is to know.
    examples : tuple of str
        Whole lines, ready to copy.
    """

    name: str
    usage: str
    summary: str
    group: str
    more: str = ""
    examples: tuple[str, ...] = ()


_TARGETS = "ID [ID …] | $df | --where QUERY | filters"
_BULK_MORE = (
    "One id acts at once. Several ids, a frame, --where or filters make a plan, which is shown; nothing is sent until\n"
    "%job apply, or with --yes. More than 500 jobs need --limit N. An interrupt stops the sending; it cancels no job."
)
_VERBS = (
    Verb(
        "connect",
        "[URL]",
        "connect to a service",
        "Connect",
        "Without a URL the settings come from AIWARE_URL, AIWARE_REST_URL and AIWARE_TOKEN, a profile or the keyring.\n"
        "A token is never an option here, since the history of a notebook keeps every line: it is asked for.",
        (
            "%job connect",
            "%job connect https://api.us-1.veritone.com/v3/graphql",
            "%job connect --profile staging",
        ),
    ),
    Verb(
        "demo",
        "",
        "start a service of invented jobs here, and connect to it",
        "Connect",
        "",
        ("%job demo", "%job demo --jobs 20000 --seed 7"),
    ),
    Verb(
        "list",
        "[filters]",
        "list jobs as a DataFrame",
        "Look",
        "--where takes a query over the frame's columns, as DataFrame.query does; ages and times are compared as such.",
        (
            "%job list --status failed --since 2d",
            "%job list --status pending queued --engine OCR --limit 50",
            "%job list --since 7d --where \"queued_for > '1h' and can_cancel\" -o stuck",
            "stuck = %job list --status queued",
        ),
    ),
    Verb("show", "ID", "show one job with its tasks", "Look", "", ("%job show 23041407_RORjiJw7te",)),
    Verb(
        "status",
        "ID [ID …] | $df",
        "say the status of jobs now",
        "Look",
        "",
        ("%job status 23041407_RORjiJw7te", "%job status 23041407_RORjiJw7te --api rest"),
    ),
    Verb(
        "tasks",
        "ID [ID …] | $df",
        "list the tasks of jobs as a DataFrame",
        "Look",
        "",
        ("%job tasks $failed -o tasks",),
    ),
    Verb(
        "watch",
        "ID [ID …] | $df | filters",
        "follow jobs in a table that refreshes itself, until all have ended",
        "Look",
        "Interrupt to stop watching; the jobs go on.",
        ("%job watch $df", "%job watch --status running --every 10s"),
    ),
    Verb(
        "wait",
        "ID [ID …] | $df",
        "wait until jobs have ended, and give the frame of how they ended",
        "Look",
        "An interrupt stops the waiting; the jobs go on.",
        ("%job wait $df --timeout 10min -o ended",),
    ),
    Verb(
        "cancel",
        _TARGETS,
        "cancel jobs",
        "Act",
        _BULK_MORE,
        (
            "%job cancel 23041407_RORjiJw7te",
            "%job cancel $stuck --reason 'stuck since noon'",
            "%job cancel --status queued --where \"queued_for > '1h'\" --yes",
            "%%job cancel --yes\n    # one id a line\n    23041407_RORjiJw7te\n    23041407_Xk2Lm9Qa11",
        ),
    ),
    Verb(
        "retry",
        _TARGETS,
        "submit jobs again, as new jobs",
        "Act",
        _BULK_MORE
        + "\nThe old job stays as it is; the answer is the id of the new one (-o keeps it). A plan leaves out\n"
        "what an earlier operation has retried, or may have; --again takes it in.",
        (
            "%job retry 23041407_RORjiJw7te",
            "%job retry --status failed --since 1d --engine OCR",
            "%job retry $failed --again",
        ),
    ),
    Verb(
        "plan",
        "[cancel|retry " + _TARGETS + "]",
        "make a plan without sending anything; alone, show the last one",
        "Act",
        "A plan is good for a day. --save writes it to a file that others can read and make smaller; %job apply FILE\n"
        "sends it. With --org, --after and --before the service itself cancels what it can in that range.",
        (
            "%job plan cancel $df --reason 'stuck since noon'",
            "%job plan retry --status failed --since 2d --save retry.yaml",
            "%job plan cancel --org 7682 --after 2d --before 1d",
            "%job plan",
        ),
    ),
    Verb(
        "apply",
        "[OP|FILE]",
        "send a plan (the last one, if none is named) and show what became of each job",
        "Act",
        "A plan is used once: applying it again shows its receipt and sends nothing. Everything is written down\n"
        "before it is sent. An interrupt (■) stops the sending and prints the line that goes on; it cancels no job.",
        (
            "%job apply",
            "%job apply --limit 800 --max-drift 20%",
            "%job apply retry.yaml --canary 5 --widen 5 --ok 0.8",
        ),
    ),
    Verb(
        "resume",
        "[OP]",
        "go on with what an apply did not send, also of a kernel that died",
        "Act",
        "It asks first what became of the unknown ones (up to 45 s), and sends only what certainly did not happen.\n"
        "An interrupt stops it; %job resume goes on again. Older operations are resumed by their name alone.",
        ("%job resume", "%job resume OP", "%job resume OP --ok 0"),
    ),
    Verb(
        "stop",
        "[OP]",
        "ask what is at work to stop: in a panel, on a thread, or by its name in another kernel",
        "Act",
        "Nothing more is sent, and what is on its way gets two seconds; no job is cancelled by it. %job resume goes\n"
        "on. While a cell sends, its kernel runs nothing else: interrupt the kernel (■), which does the same.",
        ("%job stop", "%job stop OP"),
    ),
    Verb(
        "receipts",
        "[OP]",
        "list what was done at this service, also by other kernels, or show one receipt",
        "Act",
        "",
        ("%job receipts", "%job receipts OP"),
    ),
    Verb(
        "verify",
        "[OP]",
        "read back what was done until it is final",
        "Act",
        "A cancelled job is confirmed when it reads so, a retry when its new job has ended. An interrupt stops the\n"
        "looking; the jobs go on.",
        ("%job verify", "%job verify OP --timeout 1h"),
    ),
    Verb(
        "scheduled",
        "[list | cancel ID]",
        "list schedules, or switch one off (its future launches stop)",
        "More",
        "Runs that it has launched already go on: %job list --scheduled-job ID lists them, %job cancel cancels them.",
        ("%job scheduled", "%job scheduled --all --name nightly", "%job scheduled cancel 123456"),
    ),
    Verb(
        "sync",
        "FILE",
        "bring a local copy of the jobs up to date, asking only for what has changed",
        "More",
        "FILE is made by the first sync, which reads everything (--since bounds it); an interrupt keeps what was\n"
        "read, and the next sync goes on. -o keeps the archive: archive.jobs(...), .tasks(), .history(), .sql('…').",
        ("%job sync jobs.duckdb -o archive", "%job sync jobs.duckdb --since 30d", "%job sync jobs.duckdb --whole"),
    ),
    Verb("panel", "[filters]", "show the live panel", "More", "", ("%job panel --status failed --since 1d",)),
    Verb("help", "[VERB]", "show this, or the help of one verb", "More", "", ("%job help cancel",)),
)
TAKES_CELL = frozenset(("status", "tasks", "watch", "wait", "cancel", "retry", "plan"))
"""The verbs that read ids from a cell, one a line."""
VERBS: dict[str, Verb] = {verb.name: verb for verb in _VERBS}
"""Every verb by its name, in the order of the overview."""


def overview() -> str:
    """Write what `%job` alone shows."""
    lines = ["%job VERB …    work with aiWARE jobs"]
    width = max(map(len, VERBS))
    for group in dict.fromkeys(verb.group for verb in _VERBS):
        lines += ["", group]
        lines += [f"  {verb.name:<{width}}  {verb.summary}" for verb in _VERBS if verb.group == group]
    lines += [
        "",
        "Filters   --status --since --until --engine --target --scheduled-job --limit --where",
        "Frames    -o NAME puts the result in a variable; $NAME takes one from there",
        "Help      %job help cancel   ·   %job cancel -h   ·   %job cancel?",
        "",
        "For example",
        "  %job list --status failed --since 2d -o failed",
        "  %job retry $failed",
        "  %job apply",
        "  %job resume            after an interrupt, a crash, a restart",
    ]
    return "\n".join(lines)
