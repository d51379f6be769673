"""Tiny models made on the spot: they load and run as the real ones do. Whisper says SENTENCE whatever it hears; the
others' weights are random."""

import json
from pathlib import Path

import torch
from ctranslate2.converters import TransformersConverter
from demucs.htdemucs import HTDemucs
from demucs.states import save_with_checksum
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GenerationConfig,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Processor,
    WhisperConfig,
    WhisperForConditionalGeneration,
)
from transformers.models.whisper.tokenization_whisper import LANGUAGES

SENTENCE = "the old mill by the river went down again when snow came"
WORDS = tuple(dict.fromkeys(SENTENCE.split()))
LANGUAGE = "be"  # that it finds all speech to be in, and that has no aligner
PROMPT = 4  # tokens before the first word: start, language, task, no timestamps
MULTILINGUAL = ""  # the token by which ctranslate2 knows a model of many languages
TIMESTAMPS = 1501


def whisper(folder: Path) -> Path:
    """A Whisper of one layer as ctranslate2 has it."""
    source, out = folder / "whisper-source", folder / "whisper"
    tokenizer = _whisper_tokenizer()
    count = tokenizer.get_vocab_size()
    torch.manual_seed(5)
    config = WhisperConfig(
        vocab_size=count + TIMESTAMPS,
        d_model=64,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        decoder_start_token_id=tokenizer.token_to_id("<|startoftranscript|>"),
        bos_token_id=tokenizer.token_to_id("<|endoftext|>"),
        eos_token_id=tokenizer.token_to_id("<|endoftext|>"),
        pad_token_id=tokenizer.token_to_id("<|endoftext|>"),
    )
    model = WhisperForConditionalGeneration(config)
    _taught(model, tokenizer)
    model.generation_config = GenerationConfig(
        suppress_tokens=[],
        begin_suppress_tokens=[],
        alignment_heads=[[0, 0]],
        lang_to_id={f"<|{code}|>": tokenizer.token_to_id(f"<|{code}|>") for code in LANGUAGES},
    )
    model.save_pretrained(source)
    tokenizer.save(str(source / "tokenizer.json"))
    (source / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    TransformersConverter(str(source), copy_files=["tokenizer.json"]).convert(str(out), force=True)
    return out


def _taught(model: WhisperForConditionalGeneration, tokenizer: Tokenizer) -> None:
    """What it says hangs on the position alone: the layers add nothing, and a position points at its token."""
    decoder = model.model.decoder
    tokens = torch.randn_like(decoder.embed_tokens.weight)
    said = [f"<|{LANGUAGE}|>", *["<|endoftext|>"] * (PROMPT - 2), *(f"Ġ{word}" for word in SENTENCE.split())]
    said += ["<|endoftext|>"] * (decoder.embed_positions.weight.shape[0] - len(said))
    with torch.no_grad():
        decoder.embed_tokens.weight.copy_(tokens)
        decoder.embed_positions.weight.copy_(10 * tokens[[tokenizer.token_to_id(token) for token in said]])
        for layer in decoder.layers:
            for part in (layer.self_attn.out_proj, layer.encoder_attn.out_proj, layer.fc2):
                part.weight.zero_()
                part.bias.zero_()


def _whisper_tokenizer() -> Tokenizer:
    """Words, then Whisper's own special tokens in its order."""
    vocabulary = {token: number for number, token in enumerate(["!", *(f"Ġ{word}" for word in WORDS), MULTILINGUAL])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="!"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES)]
    specials += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"]
    specials += ["<|notimestamps|>"]
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in specials])
    return tokenizer


def wav2vec2(folder: Path) -> Path:
    """An aligner's model: letters, one layer."""
    out = folder / "wav2vec2"
    out.mkdir()
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"etaoinshrdlucmfwypvbgkjqxz'"]
    (out / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(out / "vocab.json"))
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(out)
    torch.manual_seed(7)
    config = Wav2Vec2Config(
        vocab_size=len(letters),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(32,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    Wav2Vec2ForCTC(config).save_pretrained(out)
    return out


def sentences(folder: Path) -> Path:
    """What nltk needs to cut English into sentences: nothing known in advance."""
    out = folder / "nltk" / "tokenizers" / "punkt_tab" / "english"
    out.mkdir(parents=True)
    for name in ("collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab"):
        (out / name).write_text("")
    return folder / "nltk"


def demucs(folder: Path) -> Path:
    """A folder with a small HTDemucs, `voices`."""
    torch.manual_seed(3)
    model = HTDemucs(
        sources=["drums", "bass", "other", "vocals"],
        channels=16,
        t_layers=1,
        t_heads=2,
        segment=2,
    )
    out = folder / "demucs"
    out.mkdir()
    args, kwargs = model._init_args_kwargs
    package = {"klass": HTDemucs, "args": args, "kwargs": kwargs, "state": model.state_dict(), "training_args": {}}
    save_with_checksum(package, out / "tiny.th")
    (out / "voices.yaml").write_text("models: ['tiny']\n")
    return out
