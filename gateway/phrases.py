"""What people write when they want to stop, start, say yes or no: by language, as said exactly.

Those of STOP that count in every gateway's texts are in gateway.consent; these are beside them.
"""

from __future__ import annotations

import re

STOP: dict[str, tuple[str, ...]] = {
    "de": ("stoppen", "aufhören", "abmeldung", "abo beenden", "abo kündigen", "abo abbestellen", "austreten",
           "widerruf", "widerrufen", "ich widerrufe", "widerspruch", "ich widerspreche"),
    "en": ("stop messages", "remove me", "end subscription"),
    "es": (
        "alto", "parar", "pare", "baja", "darme de baja", "dar de baja", "cancelar",
        "cancelar suscripción", "anular suscripción", "detener",
    ),
    "fr": (
        "arrêt", "arret", "arrêter", "arreter", "désabonner", "desabonner", "me désabonner",
        "désinscrire", "se désinscrire", "désabonnement",
    ),
    "it": ("basta", "ferma", "fermare", "disiscrivi", "disiscrivimi", "annulla iscrizione",
           "cancellami", "cancella iscrizione"),
    "nl": ("stoppen", "afmelden", "uitschrijven", "opzeggen", "meld me af", "schrijf me uit"),
    "pl": ("wypisz", "wypisz mnie", "rezygnuję", "rezygnuje", "zatrzymaj", "koniec",
           "anuluj subskrypcję"),
    "tr": ("dur", "durdur", "iptal", "abonelikten çık", "üyelikten çık", "aboneliği iptal et"),
    "ru": ("стоп", "отписаться", "отписка", "отпишите меня", "прекратить", "хватит"),
    "uk": ("стоп", "відписатися", "відписка", "відпишіть мене", "припинити", "досить"),
    "ar": ("توقف", "إيقاف", "ايقاف", "أوقف", "اوقف", "إلغاء", "الغاء", "إلغاء الاشتراك",
           "الغاء الاشتراك", "ستوب"),
}  # fmt: skip

START: dict[str, tuple[str, ...]] = {
    "": ("start",),
    "de": ("anmelden", "los", "abonnieren", "beginn"),
    "en": ("subscribe", "join"),
}

YES: dict[str, tuple[str, ...]] = {
    "": ("ok", "okay"),
    "de": ("ja", "ja gerne", "ja gern", "gerne", "ja ok", "ja klar", "klar", "jawohl", "jo", "jep",
           "einverstanden", "ja einverstanden", "ja möchte ich", "ja ich will"),
    "en": ("yes", "yes ok", "yep", "yeah", "sure", "yes sure", "i agree", "agreed"),
}  # fmt: skip

NO: dict[str, tuple[str, ...]] = {
    "de": ("nein", "nö", "nee", "ne", "lieber nicht", "nein lieber nicht"),
    "en": ("no", "nope", "no thank you"),
}

ALL = ("alles", "alle", "allem", "komplett", "all", "everything", "todo", "tout", "tutto")

_POLITE = re.compile(
    r"\b(bitte|danke|dankeschön|vielen dank|besten dank|please|pls|plz|thanks|thank you|thx|hallo|hi"
    r"|hey|hello|moin|servus|guten (tag|morgen|abend)|liebe grüße|viele grüße|lg|mfg)\b"
)


def plainly(heard: str) -> tuple[str, ...]:
    """Return the words of what was said (gateway.values.said), politeness aside."""
    return tuple(_POLITE.sub(" ", heard).split())
