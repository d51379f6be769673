"""The languages that OpenAI's models are offered for here (BCP-47). Data."""

# https://developers.openai.com/api/docs/guides/text-to-speech#supported-languages, read 2026-11: those that the speech
# models speak; the language models translate all of them.
SPOKEN = (
    "af", "ar", "az", "be", "bg", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "fa", "fi", "fil", "fr",
    "gl", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "kk", "kn", "ko", "lt", "lv", "mi", "mk", "mr", "ms",
    "ne", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "sw", "ta", "th", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip
