"""Who and what there is: organisations, people, engines, and the shapes that jobs have."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple


class Category(NamedTuple):
    """A kind of engine."""

    id: str
    name: str


class Engine(NamedTuple):
    """An engine: `seconds` is how long a task on it usually takes."""

    id: str
    name: str
    category: Category
    seconds: float


class Person(NamedTuple):
    """Someone who works with the service."""

    id: str
    name: str
    email: str


class Organization(NamedTuple):
    """An organisation; its first application is the one its users' tokens belong to."""

    id: str
    name: str
    applications: tuple[str, ...]
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """The tasks of a job: for each its engine and its parent, by number (-1: no parent)."""

    engines: tuple[int, ...]
    parents: tuple[int, ...]
    children: tuple[tuple[int, ...], ...]
    roots: tuple[int, ...]

    @classmethod
    def of(cls, engines: tuple[int, ...], parents: tuple[int, ...] | None = None) -> Shape:
        """Return the shape with these engines; without `parents` each task waits for the one before it."""
        parents = tuple(range(-1, len(engines) - 1)) if parents is None else parents
        children = tuple(tuple(i for i, p in enumerate(parents) if p == k) for k in range(len(engines)))
        return cls(engines, parents, children, tuple(i for i, p in enumerate(parents) if p < 0))


def uuid_of(text: str) -> str:
    """Return an identifier in UUID form that is always the same for `text`."""
    bits = random.Random(f"uuid:{text}").getrandbits(128)  # noqa: S311 - an identifier, no secret
    raw = f"{bits:032x}"
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-a{raw[17:20]}-{raw[20:]}"


_CATEGORIES = {
    name: Category(uuid_of(f"category {name}"), name)
    for name in (
        "Ingestion", "Transcription", "Translation", "Face Recognition", "Text Recognition (OCR)", "Object Detection",
        "Speaker Separation", "Entity Extraction", "Logo Recognition", "Sentiment", "Content Classification",
        "Correlation",
    )
}  # fmt: skip


def _engine(name: str, category: str, seconds: float) -> Engine:
    return Engine(uuid_of(f"engine {name}"), name, _CATEGORIES[category], seconds)


ENGINES = (
    _engine("Stream Ingestor 2", "Ingestion", 45),
    _engine("Clearspeech English (Broadcast)", "Transcription", 420),
    _engine("Clearspeech Deutsch \N{EN DASH} Dialekte", "Transcription", 520),
    _engine("Polyglot Neural Translate EN⇄ES", "Translation", 90),
    _engine("FaceFinder Known Identities", "Face Recognition", 760),
    _engine("PageReader OCR", "Text Recognition (OCR)", 150),
    _engine("Scene Objects v4", "Object Detection", 640),
    _engine("Who-Spoke-When", "Speaker Separation", 200),
    _engine("NameTagger Entities", "Entity Extraction", 35),
    _engine("Marque Logo Watch", "Logo Recognition", 560),
    _engine("ToneMeter Sentiment", "Sentiment", 30),
    _engine("SafeScreen Moderation", "Content Classification", 180),
    _engine("Cross-Reference Linker", "Correlation", 25),
)
INGEST, SPEECH, DEUTSCH, TRANSLATE, FACES, OCR, OBJECTS, SPEAKERS, ENTITIES, LOGOS, TONE, SAFE, LINK = range(
    len(ENGINES)
)

ORGANIZATIONS = (
    Organization(
        "7682",
        "Nordlicht Media Archive",
        (uuid_of("application nordlicht"), uuid_of("application nordlicht legal")),
        (
            Person(uuid_of("person 1"), "maren.voss@nordlicht.example", "maren.voss@nordlicht.example"),
            Person(uuid_of("person 2"), "tomás.ibarra@nordlicht.example", "tomás.ibarra@nordlicht.example"),
            Person(uuid_of("person 3"), "svc-ingest@nordlicht.example", "svc-ingest@nordlicht.example"),
        ),
    ),
    Organization(
        "9114",
        "Harbor County Records Office",
        (uuid_of("application harbor"),),
        (Person(uuid_of("person 4"), "dana.okafor@harbor.example", "dana.okafor@harbor.example"),),
    ),
)

CLUSTERS = ("rt-9d7a5d1b-ffe0-4d71-a982-190522cdf272", "rt-1cdc1d6d-a500-467a-bc46-d3c5bf3d6901")

# (weight, shape): what ordinary jobs look like, one task to a dozen
RECIPES = (
    (22, Shape.of((INGEST, SPEECH))),
    (14, Shape.of((INGEST, SPEECH, ENTITIES, TONE), (-1, 0, 1, 1))),
    (10, Shape.of((INGEST, SPEAKERS, SPEECH, TRANSLATE, ENTITIES, LINK), (-1, 0, 1, 2, 2, 4))),
    (8, Shape.of((INGEST, DEUTSCH, TRANSLATE), (-1, 0, 1))),
    (8, Shape.of((INGEST, FACES, OBJECTS), (-1, 0, 0))),
    (8, Shape.of((INGEST, LOGOS))),
    (7, Shape.of((INGEST, SAFE))),
    (7, Shape.of((SPEECH,))),
    (5, Shape.of((TRANSLATE,))),
    (5, Shape.of((INGEST, OCR, ENTITIES))),
    (
        4,
        Shape.of(
            (INGEST, SPEAKERS, SPEECH, FACES, OBJECTS, LOGOS, OCR, TRANSLATE, ENTITIES, TONE, SAFE, LINK),
            (-1, 0, 1, 0, 0, 0, 0, 2, 2, 2, 0, 8),
        ),
    ),
    (2, Shape.of((INGEST, SPEECH, TRANSLATE, TRANSLATE, TRANSLATE, TRANSLATE, LINK), (-1, 0, 1, 1, 1, 1, 2))),
)
SCANS = (Shape.of((OCR,)), Shape.of((OCR, ENTITIES)), Shape.of((OCR, TRANSLATE, ENTITIES)))
REEL = Shape.of((INGEST, *([SPEECH] * 73), LINK), (-1, *([0] * 73), 73))
SCAN_REEL = Shape.of((OCR,) * 75, (-1,) * 75)

FAILURES = (
    ("url_not_found", "GET {url} answered 404 Not Found"),
    ("url_timeout", "no data from {url} for 120 s"),
    ("invalid_data", "moov atom not found: {url} is not a complete MP4 file"),
    ("invalid_data", "no audio track in {url}"),
    ("heartbeat_timeout", "the engine instance stopped reporting; last heartbeat 240 s ago"),
    ("internal_error", "Traceback: ValueError: could not broadcast input array from shape (0,) into shape (512,)"),
    ("hardware_error", "CUDA out of memory while allocating 2.50 GiB"),
    ("api_error", "the upstream API answered 503 three times"),
    ("rate_limited", "the upstream API allows 60 calls a minute; gave up after 10 tries"),
    ("system_dependency_missing", "libavcodec.so.59: cannot open shared object file"),
)

NAMES = (
    "Interview {who}, Teil {n}", "Evening news {date}", "City council meeting {date}", "Podcast #{n}: {who}",
    "Bodycam {n:05d} \N{EN DASH} evidence copy", "Hörspiel „{who}“ (Fassung {n})", "Pressekonferenz {date}",
    "Match {n} \N{EN DASH} 2. Halbzeit",
    "Lecture {n:02d}: {who}", "Call center sample {n:06d}", "B-Roll {who} {n}", "Archive tape {n:04d}",
)  # fmt: skip
WHO = (
    "Müller & Söhne", "O'Brien", "Zoë Ångström", "José Núñez", "Dr. Łukasz Żak", "渡辺 直美", "Ольга Петрова",
    "Groß/Klein", "Ngũgĩ wa Mwangi", "Anaïs D\N{RIGHT SINGLE QUOTATION MARK}Arc", '"The Voice" Jones', "Smith, Jr.",
    "Çelik", "Marta 🎬",
)  # fmt: skip
ODD_NAMES = (
    "<b>URGENT</b> rerun",
    "=SUM(A1:A9) export check",
    "+49 40 1234 call",
    "@home interview",
    "-- draft, do not use --",
    "مقابلة مع الوزير",
    "ראיון רדיו",
    "Trailer 🎞️🔥 final_FINAL (3)",
    'quarterly, "all hands", part 1',
    "it's \\escaped\\ \"twice\"",
    "  leading and trailing  ",
    "null",
    "0012",
    "<script>alert('job')</script>",
    "Tom & Jerry &amp; friends",
    "Zeile eins\nZeile zwei",
    "tab\tseparated\tname",
    "safe\u202egnp.exe",
    "Ümläute überall: äöüß ÄÖÜ",
    "a very long name " + "that goes on and on " * 14 + "and ends here",
    "100 % done; DROP TABLE jobs;--",
    "cafe\u0301 / café",
)  # fmt: skip
