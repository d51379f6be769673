"""Why a dub failed, in the language of the mail: the worker's own sentence is English, its code is what is stable."""

GENERAL = {
    "en": "The dub failed.",
    "ko": "더빙하는 동안 문제가 생겼습니다. 자세한 내용은 아래 페이지에 있습니다.",
}
# Of the codes that users meet most.
KOREAN = {
    "no_audio": "파일에 더빙할 소리가 없습니다.",
    "media_unreadable": "파일을 읽을 수 없습니다. 파일이 손상되었거나 불완전하거나 알 수 없는 형식일 수 있습니다.",
    "truncated": "파일이 중간에 잘려 있어 소리가 끝나기 훨씬 전에 끊깁니다. 파일을 다시 올려 주세요.",
    "duration_mismatch": "소리가 파일에 적힌 길이보다 깁니다. 동영상을 다시 내보내 주세요.",
    "original_changed": "올리신 파일이 처음과 달라졌습니다. 파일을 다시 올려 주세요.",
    "source_language_unknown": "말하는 언어를 알아낼 수 없습니다. 원본 언어를 지정해 주세요.",
    "source_language_required": "대본의 원본 언어를 지정해 주세요.",
    "language_not_recognised": "이 언어의 말은 알아들을 수 없습니다. 대본을 함께 주세요.",
    "transcript_does_not_match": "대본이 실제로 하는 말과 맞지 않습니다. 대본을 확인하거나 시간이 적힌 대본을 주세요.",
    "transcript_needs_times": "이 대본에는 시간이 필요합니다. 시간이 적힌 대본을 주세요.",
    "target_transcript_mismatch": "번역 대본이 원본 대본과 맞지 않습니다.",
    "translation_too_long": "번역된 말이 길어 파일에 다 들어가지 않습니다. 글을 줄이거나 더 빠른 목소리를 고르세요.",
    "unsupported_language_pair": "이 두 언어 사이의 번역은 지원하지 않습니다.",
    "no_voice": "이 언어로 말할 수 있는 목소리가 없습니다.",
    "voice_not_found": "고르신 목소리를 찾을 수 없습니다. 다른 목소리를 고르세요.",
    "empty_speech": "목소리가 말할 것이 없는 줄이 있습니다. 그 줄의 글을 바꾸거나 다른 목소리를 고르세요.",
    "too_large_for_worker": "동영상이 너무 큽니다. 크기를 줄여 다시 올려 주세요.",
    "job_too_long": "더빙이 허용된 시간보다 오래 걸렸습니다. 동영상을 나누어 더빙해 주세요.",
    "gave_up": "작업이 여러 번 멈추었습니다. 다시 시도해 보시고, 또 멈추면 저희에게 알려 주세요.",
    "internal_error": "저희 쪽에 문제가 생겼습니다. 나중에 다시 시도해 주세요.",
}


def said(code: str | None, message: str | None, locale: str) -> str:
    """The sentence for a failure of this code, which the worker described by `message`, in English."""
    if locale == "ko":
        return KOREAN.get(code or "", GENERAL["ko"])
    return message or GENERAL["en"]
