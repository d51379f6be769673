"""What the pages say, in English and Korean."""

from dataclasses import dataclass, field

ENGLISH, KOREAN = "en", "ko"
LOCALES = (ENGLISH, KOREAN)


@dataclass(frozen=True)
class Page:
    """One page: a form that posts its fields, as JSON, to `post` of the API; `done` is said when that worked.

    `fields` are names of FIELDS; `again` is the page where another link can be had.
    """

    name: str
    post: str
    title: str
    lead: str
    button: str
    done: str
    fields: tuple[str, ...] = ()
    again: str | None = None


@dataclass(frozen=True)
class Words:
    """What all pages of a language have in common. `problems` are sentences by the API's code."""

    wait: str
    away: str
    again: str
    cut_off: str
    no_script: str
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """An input: its type, what the browser may fill in, and how long it must be (characters)."""

    type: str
    autocomplete: str
    shortest: int
    longest: int
    labels: dict[str, str]
    hints: dict[str, str] = field(default_factory=dict)


FIELDS = {
    "email": Field("email", "email", 3, 320, {ENGLISH: "E-mail address", KOREAN: "이메일 주소"}),
    "password": Field(
        "password",
        "new-password",
        10,
        1024,
        {ENGLISH: "New password", KOREAN: "새 비밀번호"},
        {ENGLISH: "At least 10 characters.", KOREAN: "10자 이상이어야 합니다."},
    ),
}

WORDS = {
    ENGLISH: Words(
        wait="One moment …",
        away="OneVoice can't be reached right now. Try again in a moment.",
        again="Get another link",
        cut_off="This address is not complete. Open the whole link from the mail.",
        no_script="This page needs JavaScript, so that nothing happens just because a program followed the link.",
        problems={
            "token_expired": "This link has expired.",
            "token_invalid": "This link does not work: it was used already, or it is not complete.",
            "too_many_requests": "That was too often in a short time. Try again in a few minutes.",
        },
    ),
    KOREAN: Words(
        wait="잠시만 기다려 주세요 …",
        away="지금은 OneVoice에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.",
        again="새 링크 받기",
        cut_off="주소가 완전하지 않습니다. 메일에 있는 링크 전체를 열어 주세요.",
        no_script="프로그램이 링크를 따라오기만 해서는 아무 일도 일어나지 않도록 JavaScript를 씁니다. 켜 주세요.",
        problems={
            "token_expired": "이 링크는 기한이 지났습니다.",
            "token_invalid": "이 링크는 쓸 수 없습니다. 이미 썼거나 주소가 완전하지 않습니다.",
            "too_many_requests": "짧은 시간에 너무 여러 번 시도했습니다. 몇 분 뒤에 다시 시도해 주세요.",
            "weak_password": "쓸 수 없는 비밀번호입니다. 10자 이상이면서 흔하지 않고 이메일 주소와 달라야 합니다.",
            "invalid_email": "이메일 주소가 올바르지 않습니다.",
            "invalid_request": "입력한 내용이 올바르지 않습니다.",
            "email_taken": "이 주소를 쓰는 계정이 이미 있습니다.",
            "busy": "지금은 요청이 많습니다. 잠시 후 다시 시도해 주세요.",
            "internal_error": "저희 쪽에 문제가 생겼습니다. 나중에 다시 시도해 주세요.",
        },
    ),
}
