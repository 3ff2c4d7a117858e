"""The drawer beside the table: one job with its timeline, its graph, why it failed, what it was given."""

from __future__ import annotations

import concurrent.futures
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import traitlets

from jobwidgets._internal import sanitize
from jobwidgets.errors import JobError, NotFoundError, UsageError
from jobwidgets.rendering import phrases as words
from jobwidgets.vocabulary import TERMINAL
from jobwidgets.widgets import snippets as code
from jobwidgets.widgets.callbacks import entry, told
from jobwidgets.widgets.drawer import presenter as story
from jobwidgets.widgets.parts import source

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    import pandas as pd

    from jobwidgets.client import AsyncClient, Client
    from jobwidgets.models import Job, JobDetail, Retry
    from jobwidgets.widgets.callbacks import Handover

FOLDS = frozenset({"tasks", "config", "raw"})
"""What can be unfolded besides the tasks, which are named by their numbers."""
WHERE_FROM = "The service does not tell it; this is what the receipts of your kernels say."


class Drawer:
    """Show one job; everything is read in the background, one thing at a time.

    Parameters
    ----------
    client : Client
        The connection.
    hand : Handover
        The way back to the kernel's thread.
    left : callable
        Called when the drawer was closed from the page: where the keyboard goes.
    """

    def __init__(self, client: Client, *, hand: Handover, left: Callable[[], None] = lambda: None) -> None:
        self.lock = hand.lock
        self.job_id = ""
        self._client, self._hand, self._left = client, hand, left
        self._detail: JobDetail | None = None
        self._retries: tuple[Retry, ...] = ()
        self._receipts_error = self._error = ""
        self._gone = False
        self._read_at = ""
        self._open: set[str | int] = set()
        self._flight: concurrent.futures.Future[Any] | None = None
        self._listed: pd.DataFrame | None = None
        self._opened = 0
        self._page = DrawerPage(self)
        self._code = code.Code(self._lines, what="this job")
        self.box = ipywidgets.VBox([self._page, self._code], layout={"display": "none"}, _dom_classes=("jw-drawer",))

    @property
    def busy(self) -> bool:
        """Whether something is being read."""
        return self._flight is not None

    def show(self, job_id: str) -> None:
        """Open the drawer on a job; a read for another one is dropped."""
        with self.lock:
            self.drop()
            self.job_id, self._detail, self._retries = job_id, None, ()
            self._error = self._receipts_error = self._read_at = ""
            self._gone = False
            self._open = set()
            self._opened += 1
            self.box.layout.display = None
            self._ask(self._whole(self._client.aio, job_id), self._read)
            self._draw()

    def hide(self) -> None:
        """Close it."""
        with self.lock:
            self.drop()
            self.job_id = ""
            self.box.layout.display = "none"
            self._draw()

    def drop(self) -> None:
        """Let go of what is being read."""
        if self._flight is not None:
            flight, self._flight = self._flight, None
            flight.cancel()

    def draw(self, listed: pd.DataFrame | None = None) -> None:
        """Take note of a list that was read: while the job can still change it is read again with each."""
        if listed is None or listed is self._listed:
            return
        self._listed = listed
        if not self.job_id or self.busy or self._gone or self._client.closed:
            return
        if self._detail is None:
            self._ask(self._whole(self._client.aio, self.job_id), self._read)
        elif self._detail.job.status not in TERMINAL:
            self._ask(self._client.aio.job(self.job_id), self._followed)

    # ------------------------------------------------------------------------ reading

    @staticmethod
    async def _whole(aio: AsyncClient, job_id: str) -> tuple[JobDetail, tuple[Retry, ...], str]:
        detail = await aio.detail(job_id)
        try:
            return detail, await aio.retries(job_id), ""
        except JobError as error:  # the job is shown without
            return detail, (), f"Receipts cannot be read: {error}"

    def _ask(self, work: Coroutine[Any, Any, Any], landed: Callable[[Any], None]) -> None:
        if self._client.closed:
            work.close()
            self._error = told(UsageError("the client of this panel is closed", hint="connect again"))
            return
        flight = self._flight = self._client.portal.submit(work)
        flight.add_done_callback(lambda _: self._hand(lambda: self._land(flight, landed)))

    def _land(self, flight: concurrent.futures.Future[Any], landed: Callable[[Any], None]) -> None:
        if flight is not self._flight:
            return  # dropped: another job was opened, or the drawer closed
        self._flight = None
        try:
            answer = flight.result()
            self._error = ""
            landed(answer)
        except concurrent.futures.CancelledError:
            self._error = told(UsageError("the client was closed while the job was read", hint="connect again"))
        except Exception as error:  # noqa: BLE001  whatever went wrong is told in the drawer and logged
            self._gone = isinstance(error, NotFoundError)
            self._error = told(error)
        self._draw()

    def _read(self, found: tuple[JobDetail, tuple[Retry, ...], str]) -> None:
        self._detail, self._retries, self._receipts_error = found
        self._read_at = story.moment(self._detail.job.as_of)

    def _followed(self, job: Job) -> None:
        """Take news of the job; once it has ended, all of it is read once more."""
        if self._detail is not None:
            self._detail = replace(self._detail, job=job)
        if job.status in TERMINAL:
            self._ask(self._whole(self._client.aio, job.id), self._read)

    def _lines(self) -> list[code.Line]:
        name = code.name_of(self._client, "client")
        schedule = self._detail.job.scheduled_job_id if self._detail else None
        return [
            code.code_detail(self.job_id, client=name),
            code.code_tasks(self.job_id, client=name),
            code.code_retries(self.job_id, client=name),
            code.code_scheduled(schedule, client=name) if schedule else "",
            code.code_job(self.job_id, client=name),  # the last one, which a cell shows
            code.magic_job(self.job_id) if code.magic_speaks_for(self._client) else "",
        ]

    # ------------------------------------------------------------------------ drawing

    def _draw(self) -> None:
        self._page.tell(self._told())
        self._code.draw()

    def _told(self) -> dict[str, Any]:
        if not self.job_id:
            return {"opened": self._opened, "id": ""}
        detail = self._detail
        state: dict[str, Any] = {
            "opened": self._opened,
            "id": self.job_id,
            "shown": sanitize(self.job_id, 120),
            "busy": self.busy,
            "error": self._error,
            "name": sanitize(detail.job.name, 300) if detail else "",
        }
        return state if detail is None else state | self._described(detail)

    def _described(self, detail: JobDetail) -> dict[str, Any]:
        job, span = detail.job, story.axis(detail.job)
        tasks = len(job.tasks)
        at = story.moment(job.as_of)
        return {
            "status": sanitize(job.status, 40),
            "face": words.face(job.status),
            "asof": f"{'last seen' if self._gone else 'as of'} {at}",
            "facts": story.facts(job, detail),
            "failures": story.failures(job),
            "axis": story.scale(span),
            "count": f"{words.number(tasks)} task{'' if tasks == 1 else 's'}"
            + ("" if job.tasks_known else " read so far"),
            "tasks": story.rows(
                detail, {key for key in self._open if isinstance(key, int)}, every="tasks" in self._open
            ),
            "every": f"Show all {words.number(tasks)} tasks"
            if tasks > story.FIRST and "tasks" not in self._open
            else "",
            "graph": story.graph(detail),
            "schedule": story.schedule(job, detail.schedule),
            "lineage": story.lineage(self.job_id, self._retries),
            "source": self._receipts_error or WHERE_FROM,
            "folds": self._folds(detail),
        }

    def _folds(self, detail: JobDetail) -> list[dict[str, Any]]:
        """Offer the long texts; they go to the page only while they are unfolded."""
        folds: list[dict[str, Any]] = []
        if detail.config is not None:
            folds.append({"key": "config", "name": "Configuration", "open": "config" in self._open})
            if "config" in self._open:
                folds[-1] |= story.cut(story.json_text(detail.config), "client.detail(…).config")
        folds.append({"key": "raw", "name": f"Raw answer, read {self._read_at}", "open": "raw" in self._open})
        if "raw" in self._open:
            folds[-1] |= story.cut(story.raw_text(detail.raw), "client.detail(…).raw")
        return folds

    # ------------------------------------------------------------------ from the page

    @entry
    def receive(self, content: object) -> None:
        """Take what the page says: to close, to unfold something that is shown, to open a job that is named."""
        said = content if isinstance(content, dict) else {}
        what, key = said.get("do"), said.get("key")
        if what == "close":
            self.hide()
            self._left()
        elif what == "again" and self.job_id and not self.busy:
            self._ask(self._whole(self._client.aio, self.job_id), self._read)
            self._draw()
        elif what == "fold" and type(said.get("open")) is bool and isinstance(key, str | int) and self._can_fold(key):
            (self._open.add if said["open"] else self._open.discard)(key)
            self._draw()
        elif what == "show" and isinstance(key, str) and key in self._related():
            self.show(key)
        else:
            raise UsageError("the page sent something that is not understood", hint="reload the page")

    def _related(self) -> set[str]:
        return {each["id"] for each in story.lineage(self.job_id, self._retries) if each["id"]}

    def _can_fold(self, key: object) -> bool:
        tasks = len(self._detail.job.tasks) if self._detail else 0
        return (type(key) is int and 1 <= key <= tasks) or (isinstance(key, str) and key in FOLDS)

    def show_error(self, line: str) -> None:
        """Show an error in the drawer, or where the panel shows its own while the drawer is closed."""
        if self.job_id:
            self._error = line
            self._draw()
        else:
            self._hand.failed(line)


class DrawerPage(anywidget.AnyWidget):
    """What the page shows of a drawer."""

    _esm = source("drawer.js")
    _css = source("drawer.css")
    state = traitlets.Dict().tag(sync=True)  # for drawing only: nothing here is read back

    def __init__(self, drawer: Drawer) -> None:
        super().__init__(state={"opened": 0, "id": ""})
        self._drawer = drawer
        self.on_msg(lambda _widget, content, _buffers: self._drawer.receive(content))

    def tell(self, state: dict[str, Any]) -> None:
        """Show this."""
        if state != self.state:
            self.state = state
