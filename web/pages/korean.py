"""The pages in Korean."""

from web.pages.words import Page

PAGES = (
    Page(
        "verify-email",
        "/auth/verify-email",
        "이메일 주소 확인",
        "마지막 단계입니다. 메일을 받으신 주소가 본인의 주소인지 확인하면 계정이 만들어집니다.",
        "내 주소 확인하기",
        "주소가 확인되어 계정이 만들어졌습니다. 이제 로그인할 수 있습니다.",
        again="resend-verification",
    ),
    Page(
        "resend-verification",
        "/auth/resend-verification",
        "확인 메일 다시 받기",
        "가입을 이어 가는 방법을 메일로 보내 드립니다.",
        "메일 보내기",
        "이 주소로 가입 신청이 되어 있다면 이어 가는 방법을 메일로 보냈습니다.",
        fields=("email",),
    ),
    Page(
        "forgot-password",
        "/auth/forgot-password",
        "비밀번호 찾기",
        "새 비밀번호를 정할 수 있는 링크를 보내 드립니다.",
        "링크 보내기",
        "이 주소를 쓰는 계정이 있다면 링크를 보냈습니다.",
        fields=("email",),
    ),
    Page(
        "reset-password",
        "/auth/reset-password",
        "새 비밀번호 정하기",
        "다른 모든 기기에서는 로그아웃됩니다.",
        "이 비밀번호로 정하기",
        "새 비밀번호가 정해졌습니다. 이제 이 비밀번호로 로그인할 수 있습니다.",
        fields=("password",),
        again="forgot-password",
    ),
    Page(
        "verify-new-email",
        "/auth/verify-new-email",
        "새 이메일 주소 확인",
        "메일을 받으신 주소가 본인의 주소인지 확인해 주세요. 앞으로는 이 주소로 로그인합니다.",
        "이 주소 쓰기",
        "계정의 주소가 새 주소로 바뀌었습니다.",
    ),
    Page(
        "unsubscribe",
        "/unsubscribe/",
        "이런 메일을 그만 받을까요?",
        "앞으로 이런 메일을 보내지 않습니다. 설정에서 언제든지 바꿀 수 있습니다.",
        "수신 거부",
        "처리되었습니다. 앞으로 이런 메일을 보내지 않습니다.",
    ),
)
