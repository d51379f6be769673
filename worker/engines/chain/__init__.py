"""The engines of a slot in their order, as one engine: what one can't do for now or won't do goes to the next.

    ONEVOICE_TRANSLATION=openai,apertium    the second translates what the first could not

Stages know chains only. Here, and nowhere else, things are tried again.
"""

from shared.config import Settings
from worker.engines import registry
from worker.engines.chain.chain import who as who
from worker.engines.chain.forced_alignment import ForcedAlignmentChain as ForcedAlignmentChain
from worker.engines.chain.source_separation import SourceSeparationChain as SourceSeparationChain
from worker.engines.chain.speech_recognition import SpeechRecognitionChain as SpeechRecognitionChain
from worker.engines.chain.speech_synthesis import NOTHING as NOTHING
from worker.engines.chain.speech_synthesis import SpeechSynthesisChain as SpeechSynthesisChain
from worker.engines.chain.speech_synthesis import Utterance as Utterance
from worker.engines.chain.translation import TranslationChain as TranslationChain
from worker.engines.chain.voice_cloning import PatientCloner as PatientCloner


def speech_recognition(settings: Settings) -> SpeechRecognitionChain:
    """The configured recognisers. Raises SettingsError, as all of these."""
    return SpeechRecognitionChain(registry.build_all("speech_recognition", settings), settings)


def forced_alignment(settings: Settings) -> ForcedAlignmentChain:
    """The configured aligners."""
    return ForcedAlignmentChain(registry.build_all("forced_alignment", settings), settings)


def translation(settings: Settings) -> TranslationChain:
    """The configured translators."""
    return TranslationChain(registry.build_all("translation", settings), settings)


def speech_synthesis(settings: Settings) -> SpeechSynthesisChain:
    """The configured synthesisers."""
    return SpeechSynthesisChain(registry.build_all("speech_synthesis", settings), settings)


def source_separation(settings: Settings) -> SourceSeparationChain:
    """The configured separators."""
    return SourceSeparationChain(registry.build_all("source_separation", settings), settings)


def voice_cloning(settings: Settings, name: str | None = None) -> PatientCloner | None:
    """The cloner of the synthesiser `name`, else of the first configured one that has one; None: nobody clones."""
    cloner = registry.cloner(settings, name)
    return PatientCloner(cloner, settings) if cloner else None
