"""The GraphQL documents that are sent, as fixed texts; a test parses, validates and prints each of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

JOB = "id name status createdDateTime modifiedDateTime targetId clusterId applicationId scheduledJobId"
"""The fields of a job that become its row."""
TASK = (
    "id name status order createdDateTime queuedDateTime startedDateTime completedDateTime "
    "engineId engine { name category { name } } failureReason failureMessage"
)
"""All that is shown of a task."""
TASK_SLIM = "status startedDateTime completedDateTime engineId engine { name }"
"""What a job's row needs of its tasks."""
SCHEDULE = "id name description isActive isPublic runMode startDateTime stopDateTime createdDateTime modifiedDateTime"

EDGES = tuple(f"e{number}" for number in range(1, 17))
"""The aliases of single jobs further on in a list, and the variables that say how far."""


def _jobs(of_tasks: str, edges: Sequence[str] = ()) -> str:
    """Write the list, with this of each task; beside it the times of single jobs of the same list, as pages of one."""
    filters = (
        "status: $status, applicationIds: $applicationIds, targetId: $targetId, scheduledJobIds: $scheduledJobIds, "
        "dateTimeFilter: $range, orderBy: $orderBy"
    )
    declared = "".join(f", ${edge}: Int" for edge in edges)
    beside = "".join(
        f"\n  {edge}: jobs({filters}, offset: ${edge}, limit: 1) {{ records {{ id createdDateTime }} }}"
        for edge in edges
    )
    return f"""
query jobs($status: [JobStatusFilter!], $applicationIds: [ID], $targetId: ID, $scheduledJobIds: [ID!],
           $range: [JobDateTimeFilter!], $orderBy: [JobSortField!], $offset: Int, $limit: Int, $tasks: Int{declared}) {{
  jobs({filters}, offset: $offset, limit: $limit) {{
    count
    records {{ {JOB} tasks(limit: $tasks) {{ count records {{ {of_tasks} }} }} }}
  }}{beside}
}}"""


JOBS = _jobs(TASK_SLIM)
JOBS_WHOLE = _jobs(TASK)
"""The same with all that is shown of each task."""
JOBS_EDGED = _jobs(TASK_SLIM, EDGES)
JOBS_WHOLE_EDGED = _jobs(TASK, EDGES)
"""The two lists with the times of jobs further on."""

JOB_CHANGES = f"""
query jobs($applicationIds: [ID], $range: [JobDateTimeFilter!], $orderBy: [JobSortField!], $offset: Int, $limit: Int,
           $tasks: Int) {{
  jobs(applicationIds: $applicationIds, dateTimeFilter: $range, orderBy: $orderBy, offset: $offset, limit: $limit) {{
    count
    records {{ {JOB} tasks(limit: $tasks) {{ count records {{ {TASK} }} }} }}
  }}
}}"""
"""The list with all that is kept of a job, by the time that the range names: when it was created, or last changed."""

JOB_STATUSES = """
query jobs($status: [JobStatusFilter!], $applicationIds: [ID], $range: [JobDateTimeFilter!],
           $orderBy: [JobSortField!], $offset: Int, $limit: Int) {
  jobs(status: $status, applicationIds: $applicationIds, dateTimeFilter: $range, orderBy: $orderBy,
       offset: $offset, limit: $limit) {
    count
    records { id status createdDateTime }
  }
}"""
"""The list with no more of each job than its status, and where in the list it stands."""

JOB_ONE = f"""
query job($id: ID!, $offset: Int, $tasks: Int) {{
  job(id: $id) {{ {JOB} tasks(offset: $offset, limit: $tasks) {{ count records {{ {TASK} }} }} }}
}}"""

JOB_DETAIL = f"""
query job($id: ID!, $offset: Int, $tasks: Int) {{
  job(id: $id) {{
    {JOB} description createdBy jobConfig
    scheduledJob {{ {SCHEDULE} }}
    tasks(offset: $offset, limit: $tasks) {{
      count
      records {{ {TASK} payload output parentTaskId childTaskIds }}
    }}
  }}
}}"""
"""One job with all that can be read of it."""

JOB_STATUS = "query jobStatus($id: ID!) { job(id: $id) { id status } }"
CANCEL = "mutation cancelJob($id: ID!) { cancelJob(id: $id) { id message } }"
RETRY = "mutation retryJob($id: ID!) { retryJob(id: $id) { id } }"
SCHEDULED_JOBS = f"""
query scheduledJobs($name: String, $isActive: Boolean, $orderBy: [ScheduledJobOrderBy!], $offset: Int, $limit: Int) {{
  scheduledJobs(name: $name, isActive: $isActive, orderBy: $orderBy, offset: $offset, limit: $limit) {{
    count
    records {{ {SCHEDULE} }}
  }}
}}"""
SCHEDULED_JOB = f"query scheduledJob($id: ID!) {{ scheduledJob(id: $id) {{ {SCHEDULE} }} }}"
SWITCH_OFF = """
mutation updateScheduledJob($input: UpdateScheduledJob!) { updateScheduledJob(input: $input) { id name } }"""
ME = "query me { me { id name organizationId organization { id name } } }"
RIGHTS = "query myRights { myRights { operations } }"
CREATE = "mutation createJob($input: CreateJob) { createJob(input: $input) { id } }"
LOGIN = (
    "mutation userLogin($user: String!, $password: String!) "
    "{ userLogin(input: { userName: $user, password: $password }) { token } }"
)

FIXED = {
    "jobs": JOBS,
    "jobs, their tasks": JOBS_WHOLE,
    "jobs, edges": JOBS_EDGED,
    "jobs, their tasks, edges": JOBS_WHOLE_EDGED,
    "jobs, their changes": JOB_CHANGES,
    "jobs, their statuses": JOB_STATUSES,
    "job": JOB_ONE,
    "job, its details": JOB_DETAIL,
    "jobStatus": JOB_STATUS,
    "cancelJob": CANCEL,
    "retryJob": RETRY,
    "scheduledJobs": SCHEDULED_JOBS,
    "scheduledJob": SCHEDULED_JOB,
    "updateScheduledJob": SWITCH_OFF,
    "me": ME,
    "myRights": RIGHTS,
    "createJob": CREATE,
    "userLogin": LOGIN,
}
"""Every fixed document by its operation's name."""

WITH_TASKS = frozenset({"job", "jobTasks"})
"""The verbs of `many` whose document also takes `tasks`, the size of a page of tasks."""


@lru_cache(maxsize=256)
def many(verb: str, size: int) -> str:
    """Write one document that does `verb` to `size` jobs: aliases a0, a1, … and variables of the same names.

    Parameters
    ----------
    verb : {"cancelJob", "retryJob", "job", "jobTasks", "jobStatus"}
        What each alias does; the last three read: a row's fields, all that is shown of the tasks, or a status alone.
    size : int
        How many aliases.
    """
    kind, field, selection = {
        "cancelJob": ("mutation", "cancelJob", "id message"),
        "retryJob": ("mutation", "retryJob", "id"),
        "job": ("query", "job", f"{JOB} tasks(limit: $tasks) {{ count records {{ {TASK_SLIM} }} }}"),
        "jobTasks": ("query", "job", f"{JOB} tasks(limit: $tasks) {{ count records {{ {TASK} }} }}"),
        "jobStatus": ("query", "job", "id status"),
    }[verb]
    names = [f"a{index}" for index in range(size)]
    declared = ", ".join([*(f"${name}: ID!" for name in names), *(["$tasks: Int"] if verb in WITH_TASKS else [])])
    body = " ".join(f"{name}: {field}(id: ${name}) {{ {selection} }}" for name in names)
    return f"{kind} {verb}Many({declared}) {{ {body} }}"
