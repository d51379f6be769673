"""How people speak in each language: what may be left out of it, and what never. Data; lower case."""

from dataclasses import dataclass

import langcodes


@dataclass(frozen=True)
class Habits:
    """One language's habits of speech.

    `hesitations` say nothing wherever they stand; `markers` say nothing where they are set off by commas; `stutters`
    are words that nobody says twice on purpose. `negations` and `numbers` must stay. `cased`: names begin with a
    capital letter. `spaced`: words stand apart.
    """

    hesitations: frozenset[str]
    markers: frozenset[str]
    stutters: frozenset[str]
    negations: frozenset[str]
    numbers: frozenset[str]
    cased: bool = True
    spaced: bool = True


def habits_of(language: str) -> Habits | None:
    """The habits of the language; None where nobody wrote them down."""
    return HABITS.get(langcodes.get(language).language or "")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _phrases(*phrases: str) -> frozenset[str]:
    return frozenset(phrases)


_NOTHING: frozenset[str] = frozenset()

HABITS = {
    "en": Habits(
        _set("um umm uh uhh uhm erm hmm mmm"),
        _phrases("you know", "i mean", "well", "so", "like", "actually", "basically", "literally", "honestly", "okay",
                 "anyway", "you see", "as it were", "so to speak", "if you will"),
        _set("i the a an and of at it's we he she they but my your this i'm we're very really"),
        _set("no not never none nobody nothing neither nor nowhere without cannot hardly scarcely barely unless ain't"),
        _set("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
             "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand "
             "million billion trillion half third quarter dozen once twice first second double triple"),
    ),
    "es": Habits(
        _set("eh em ehm mmm hmm ejem"),
        _phrases("bueno", "pues", "o sea", "es decir", "sabes", "mira", "digamos", "en fin", "a ver", "la verdad",
                 "entonces"),
        _set("el la los las y de que yo por para mi muy pero"),
        _set("no ni nunca jamás nada nadie ningún ninguno ninguna tampoco sin apenas"),
        _set("cero uno una un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
             "dieciséis veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento mil millón "
             "millones medio media tercio cuarto primero primera segundo segunda tercero doble triple docena"),
    ),
    "fr": Habits(
        _set("euh heu hum hmm mmm bah"),
        _phrases("ben", "eh bien", "tu vois", "vous voyez", "tu sais", "vous savez", "en fait", "bon", "enfin", "voilà",
                 "du coup", "disons", "alors"),
        _set("je le la les et de des que il elle pour mais très c'est"),
        _set("non ne pas jamais rien personne aucun aucune ni sans plus guère sauf"),
        _set("zéro un une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt "
             "trente quarante cinquante soixante cent cents mille million millions milliard demi demie tiers quart "
             "premier première second seconde deuxième troisième double triple douzaine"),
    ),
    "de": Habits(
        _set("äh ähm öh öhm hm hmm mhm"),
        _phrases("also", "na ja", "naja", "weißt du", "wissen sie", "ich meine", "sozusagen", "eigentlich",
                 "quasi", "okay", "sagen wir", "nun"),
        _set("ich und wir er aber für mein sehr"),
        _set("nein nicht nie niemals nichts niemand kein keine keinen keiner keinem keines weder noch ohne kaum"),
        _set("null ein eine einen einer eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig "
             "vierzig fünfzig sechzig siebzig achtzig neunzig hundert tausend million millionen milliarde halb halbe "
             "drittel viertel erste erster zweite zweiter dritte doppelt dutzend einmal zweimal"),
    ),
    "it": Habits(
        _set("ehm eh mmm hmm mah"),
        _phrases("beh", "cioè", "allora", "diciamo", "insomma", "sai", "sapete", "guarda", "ecco", "va bene", "dunque"),
        _set("il la i le e di che io per mio molto ma"),
        _set("no non né mai niente nulla nessuno nessun nessuna neanche nemmeno neppure senza appena"),
        _set("zero uno una un due tre quattro cinque sei sette otto nove dieci undici dodici venti trenta quaranta "
             "cinquanta sessanta settanta ottanta novanta cento mille mila milione milioni miliardo mezzo mezza terzo "
             "quarto primo prima secondo seconda doppio triplo dozzina"),
    ),
    "pt": Habits(
        _set("hum ehm hmm mmm ahn hã"),
        _phrases("bem", "bom", "pois", "quer dizer", "sabe", "sabes", "olha", "digamos", "ou seja", "enfim", "então",
                 "né"),
        _set("o os as e de que eu por para meu minha muito mas"),
        _set("não nem nunca jamais nada ninguém nenhum nenhuma sem tampouco mal"),
        _set("zero um uma dois duas três quatro cinco seis sete oito nove dez onze doze vinte trinta quarenta "
             "cinquenta sessenta setenta oitenta noventa cem cento mil milhão milhões meio meia terço quarto primeiro "
             "primeira segundo segunda terceiro dobro triplo dúzia"),
    ),
    "ca": Habits(
        _set("eh ehm mmm hmm"),
        _phrases("bé", "bueno", "doncs", "és a dir", "saps", "mira", "diguem", "en fi", "vaja", "a veure", "d'acord"),
        _set("el la els les i de que jo per meu molt però"),
        _set("no ni mai res ningú cap tampoc sense pas gens gaire"),
        _set("zero un una dos dues tres quatre cinc sis set vuit nou deu onze dotze vint trenta quaranta cinquanta "
             "seixanta setanta vuitanta noranta cent mil milió milions mig mitja terç quart primer primera segon "
             "segona doble triple dotzena"),
    ),
    "ko": Habits(
        _set("음 음음 어 어어 에 저기 그니까 흠"), _phrases("그러니까", "뭐", "있잖아요", "말하자면", "사실"), _NOTHING,
        _set("안 못 아니 아니다 아니요 없다 없이 말고"), _NOTHING, cased=False,
    ),
    "ja": Habits(
        _phrases("えーと", "ええと", "えっと", "うーん", "えー", "あのー", "んー"),
        _phrases("あの", "まあ", "なんか", "その"), _NOTHING, _phrases("ない", "ません", "ず", "無", "不"), _NOTHING,
        cased=False, spaced=False,
    ),
    "zh": Habits(
        _phrases("嗯", "呃", "唔"), _phrases("那个", "这个", "就是说", "怎么说呢"), _NOTHING,
        _phrases("不", "没", "无", "非", "别"), _NOTHING, cased=False, spaced=False,
    ),
}  # fmt: skip
