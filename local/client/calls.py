"""Every call of the API: its method, its path, what is sent and what comes back."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, RootModel

from local.client import bodies

T = TypeVar("T", bound=BaseModel)


class Nothing(BaseModel):
    """An answer without a body."""


class AnyUpload(RootModel[bodies.UploadState]):
    """An upload that is still open, of either kind."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """One operation. `creates`: it goes out with an Idempotency-Key; `repeatable`: doing it twice harms nothing."""

    method: str
    path: str
    answer: type[T]
    body: type[BaseModel] | None = None
    query: tuple[str, ...] = ()
    creates: bool = False
    repeatable: bool = True


PAGE = ("limit", "cursor")
VIDEO, JOB, WEBHOOK = "/videos/{video_id}", "/dubbing-jobs/{job_id}", "/users/me/webhook"

LOGIN = Call("POST", "/auth/login", bodies.Token, bodies.Login)
LANGUAGES = Call("GET", "/languages", bodies.LanguageList)
VOICES = Call("GET", "/voices", bodies.VoiceList, query=("language", "gender", "engine"))

ANNOUNCE = Call("POST", "/videos", bodies.Announced, bodies.NewVideo, creates=True)
IMPORT = Call("POST", "/videos/import", bodies.Video, bodies.NewImport, creates=True)
UPLOAD = Call("GET", f"{VIDEO}/upload", AnyUpload)
PARTS = Call("POST", f"{VIDEO}/upload/parts", bodies.PartUploads, bodies.WantedParts)
ABORT = Call("DELETE", f"{VIDEO}/upload", Nothing)
UPLOADED = Call("POST", f"{VIDEO}/uploaded", bodies.Video, bodies.Finished)
VIDEOS = Call("GET", "/videos", bodies.VideoList, query=(*PAGE, "status"))
READ_VIDEO = Call("GET", VIDEO, bodies.Video)
RETITLE = Call("PATCH", VIDEO, bodies.Video, bodies.NewTitle)
DELETE_VIDEO = Call("DELETE", VIDEO, Nothing)

ORDER = Call("POST", "/dubbing-jobs", bodies.Job, bodies.NewJob, creates=True)
JOBS = Call("GET", "/dubbing-jobs", bodies.JobList, query=(*PAGE, "status", "video_id"))
READ_JOB = Call("GET", JOB, bodies.Job)
ADD_LANGUAGES = Call("POST", f"{JOB}/languages", bodies.Job, bodies.MoreLanguages, creates=True)
RETRY = Call("POST", f"{JOB}/retry", bodies.Job, creates=True)
CANCEL = Call("POST", f"{JOB}/cancel", bodies.Job)
RESULTS = Call("GET", f"{JOB}/results", bodies.ResultList)

READ_WEBHOOK = Call("GET", WEBHOOK, bodies.Webhook)
SET_WEBHOOK = Call("PUT", WEBHOOK, bodies.Webhook, bodies.NewEndpoint)
REMOVE_WEBHOOK = Call("DELETE", WEBHOOK, Nothing)
ROTATE_SECRET = Call("POST", f"{WEBHOOK}/secret", bodies.Webhook, repeatable=False)
TEST_WEBHOOK = Call("POST", f"{WEBHOOK}/test", bodies.Delivery, creates=True)
DELIVERIES = Call("GET", f"{WEBHOOK}/deliveries", bodies.DeliveryList, query=(*PAGE, "job_id", "status"))
REDELIVER = Call("POST", f"{WEBHOOK}/deliveries/{{delivery_id}}/redeliver", bodies.Delivery, creates=True)
