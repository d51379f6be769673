"""The pages in English."""

from web.pages.words import Page

PAGES = (
    Page(
        "verify-email",
        "/auth/verify-email",
        "Confirm your address",
        "One step is left: confirm that the address we wrote to is yours. Then your account is ready.",
        "Confirm my address",
        "Your address is confirmed and your account is ready. You can sign in now.",
        again="resend-verification",
    ),
    Page(
        "resend-verification",
        "/auth/resend-verification",
        "Go on with signing up",
        "We send a mail that says how to go on.",
        "Send the mail",
        "If somebody signed up with this address, a mail that says how to go on is on its way to it.",
        fields=("email",),
    ),
    Page(
        "forgot-password",
        "/auth/forgot-password",
        "Forgot your password?",
        "We send a link to set a new one.",
        "Send the link",
        "If there is an account with this address, a link is on its way to it.",
        fields=("email",),
    ),
    Page(
        "reset-password",
        "/auth/reset-password",
        "Set a new password",
        "You will be signed out everywhere else.",
        "Set this password",
        "Your new password is set. You can sign in with it now.",
        fields=("password",),
        again="forgot-password",
    ),
    Page(
        "verify-new-email",
        "/auth/verify-new-email",
        "Confirm your new address",
        "Confirm that the address we wrote to is yours. From then on you sign in with it.",
        "Use this address",
        "Your account has its new address now.",
    ),
    Page(
        "unsubscribe",
        "/unsubscribe/",
        "Get no more of these mails?",
        "We will send you no more mails of this kind. You can change that in your settings at any time.",
        "Unsubscribe",
        "Done. You will get no more mails of this kind.",
    ),
)
