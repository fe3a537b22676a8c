"""What comes near to STOP: the rule is in the docstring of gateway.words."""

from __future__ import annotations

import re
from collections.abc import Set

from gateway.phrases import plainly
from gateway.values import said

LONGEST = 12
"""Words; a longer message is conversation."""

CENTRAL = ("stop", "stopp", "stoppen", "abmelden", "abbestellen", "unsubscribe")
"""Words that are heard with one slip, or beside words that go with them."""

FEW = 4
"""Words of a message that begins with STOP in capitals."""

_OTHER_WORDS = re.compile(
    r"shop|step|top|stoß|stoss|atop|slop|swop|stomp|strop|stepp|stipp|stups|stopfen|stoffen"
    r"|anmelden|ummelden"
)
"""What a slip of a central word happens to be, and is not."""

_COMPANY = re.compile(
    r"[0-9]+|jetzt|sofort|endlich|mal|aber|doch|nun|now|immediately|das|dies|dieses|diese|die|den"
    r"|it|this|these|that|to|from|the|alle|alles|all|any|everything|me|mir|mich|us|uns|und|and|mit"
    r"|für|for|sie|ihr|euch|ich|i|want|will|would|like|möchte|moechte|wollen|ab|nachricht"
    r"|nachrichten|messages?|werbung|promotions?|promos?|offers?|marketing|angebote|aktionen|mails?"
    r"|emails?|updates?|news|notifications?|benachrichtigungen|meldungen|ads|spam|newsletter|abo|abonnement|subscription|whatsapp|sms"
    r"|texte?|texts|post|infos?|sending|schicken|senden|texting|messaging|contacting|spamming"
    r"|writing|schreiben|team|leute|ok|okay|ja|yes"
)
"""What goes with a stop word, and alone is nothing."""

_CAPITALS = re.compile(r"\s*STOPP?\b")
_NEGATION = re.compile(
    r"\b(nicht|nie|niemals|nix|kein|keine|keinen|ohne|not|never|don t|dont|without)\b"
)
_ASKS = re.compile(
    r"\b(wann|warum|wieso|weshalb|weswegen|wie lange|wenn|falls|ob|when|why|if|how long|whether)\b"
)
_REPORTS = re.compile(
    r"\b(bekomme|bekam|kriege?|erhalte|sehe|kommt|kommen|kam|kamen|hab|habe|haben|hatten?"
    r"|wir (bekommen|erhalten|kriegen)) (\w+ ){0,3}(keine?|keinen|nichts?)\b"
    r"|\b((i|we) (get|got)|getting|received) (\w+ ){0,2}(no|any)\b"
)
_CONSENT = r"(einwilligung|zustimmung|einverständnis|consent)"
_LIST = r"(verteiler|mailingliste|empfängerliste|liste)"
_LEAVING = re.compile(
    r"\b(abmelden|abzumelden|abmeldung|abbestellen|abzubestellen|austragen|auszutragen|austreten"
    r"|deabonnieren|aufhören|unsubscribe|unsubscribing|opt out|optout|remove my number)\b"
    r"|\b(remove|delete|take) me( off)?\b"
    r"|\bmeld(e|et|en sie)? (mich|uns)( \w+){0,3} ab\b"
    r"|\b(trag|trage|tragt|tragen sie) (mich|uns)( \w+){0,3} aus\b"
    r"|\b(nimm|nehmt|nehmen sie) (mich|uns)( \w+){0,3} (raus|heraus)\b"
    r"|\blösch(e|t|en sie)? (mich|uns|meine nummer)\b"
    r"|\b(abo|abonnement|newsletter|subscription)( \w+){0,2}"
    r" (beenden|kündigen|kuendigen|stoppen|löschen|loeschen)\b"
    r"|\b(kündige|kuendige|beende|stoppe|cancel|end|stop) (\w+ ){0,2}"
    r"(abo|abonnement|newsletter|subscription)\b"
    # … and as the law calls it.
    rf"|\b(widerrufe?n?|revoke|withdraw)( \w+){{0,3}} {_CONSENT}\b"
    rf"|\b{_CONSENT}( \w+){{0,3}} (widerrufe?n?|zurück|zurückziehen|entziehen|withdrawn|revoked)\b"
    r"|\b(widersprechen?|object to)( \w+){0,4} (werbung|nutzung|verarbeitung|advertising|marketing)\b"
    r"|\b(werbung|nutzung|verarbeitung)( \w+){0,3} widersprechen?\b"
    rf"|\baus( \w+){{0,2}} {_LIST}( \w+){{0,2}} (nehmen|streichen|entfernen|löschen|raus)\b"
    rf"|\b(nimm|nehmt|nehmen|streiche?|streicht|streichen|entferne|entfernt|entfernen)( sie)? (mich|uns)"
    rf"( \w+){{0,3}} {_LIST}\b"
)
_SENT = (
    r"(nachricht(en)?|werbung|newsletter|mails?|posts?|infos?|informationen|whatsapps?|sms|angebote"
    r"|benachrichtigungen|meldungen|updates?|news|texte?|interesse|spam|messages?|texts|ads"
    r"|advertising|emails?|notifications)"
)
_NO_MORE = re.compile(
    rf"\b(keine?|keinen) (\w+ ){{0,2}}{_SENT} mehr\b"
    rf"|\b(bitte|will|möchte|moechte|wollen) (\w+ ){{0,2}}(keine?|keinen) (\w+ ){{0,2}}{_SENT}\b"
    rf"|^(keine?|keinen|no) (\w+ ){{0,2}}{_SENT}( bitte| please)?$"
    rf"|\bno more (\w+ ){{0,2}}{_SENT}\b"
    r"|\b(nicht|nichts|nie|niemals) (mehr|weiter|wieder)( \w+){0,4}"
    r" (schreiben|schreibt|senden|sendet|schicken|schickt|kontaktieren|anschreiben|stören|nerven"
    r"|haben|bekommen|erhalten|kriegen|hören|lesen|belästigen|zusenden|zuschicken)\b"
    r"|\b(schreib|schreibe|schreibt|schick|schickt|sendet|schreiben sie|schicken sie|senden sie)"
    r" (mir|uns)( \w+){0,2} (nicht|nichts|nie|keine)\b"
    r"|\b(will|möchte|moechte|wollen) (das |es |dies |davon )?(nicht|nichts) mehr$"
    r"|(^|\b(bitte|jetzt|nun|endlich|und|dann) )hör(t|en sie)? ((?!nicht\b)\w+ ){0,2}auf\b"
    r"|\b(lass|lasse|lasst|lassen sie) (mich|uns)( \w+){0,2} in (ruhe|frieden)\b"
    r"|\bleave me alone\b|\bnicht (mehr )?interessiert\b|\bnot interested\b"
    r"|\b(stop|quit) (sending|texting|messaging|writing|contacting|spamming|bothering)\b"
    r"|\b(don t|dont|do not|never) (send|text|message|contact|write|bother)( to)? (me|us|any)\b"
    rf"|\b(don t|dont|do not|no longer) (want|wish)( to)? (\w+ ){{0,3}}({_SENT}|this|these|anymore)\b"
    r"|\bschluss damit\b|\bes reicht( mir)?( jetzt)?$|\bgenug davon\b"
)
_SENTENCE = re.compile(r"[.!?;\n…]+")
_DRAWN_OUT = re.compile(r"(.)\1+")


def near_stop(text: str, alone: Set[tuple[str, ...]]) -> bool:
    """Return whether a text withdraws without being exact.  `alone`: what is a stop by itself."""
    heard = said(text)
    words = heard.split()
    if not 0 < len(words) <= LONGEST:
        return False
    if len(words) == 1:
        return _slip(words[0])
    if _ASKS.search(heard):
        return False
    if _NO_MORE.search(heard) and not _REPORTS.search(heard):
        return True
    if _NEGATION.search(heard):
        return False
    return bool(
        _LEAVING.search(heard)
        or any(_alone(plainly(said(part)), alone) for part in _SENTENCE.split(text))
        or _in_company(plainly(heard))
        or (_CAPITALS.match(text) and len(words) <= FEW)
    )


def _alone(words: tuple[str, ...], alone: Set[tuple[str, ...]]) -> bool:
    return words in alone or (len(words) == 1 and _slip(words[0]))


def _in_company(words: tuple[str, ...]) -> bool:
    """Return whether all words are a central one and words that go with it."""
    others = [word for word in words if not _COMPANY.fullmatch(word)]
    return len(others) == 1 and (others[0] in CENTRAL or _slip(others[0]))


def _slip(word: str) -> bool:
    """Return whether a word is a central one with one slip, or with letters drawn out."""
    if _OTHER_WORDS.fullmatch(word):
        return False
    short = _DRAWN_OUT.sub(r"\1", word)
    return any(one_slip(word, meant) or short == _DRAWN_OUT.sub(r"\1", meant) for meant in CENTRAL)


def one_slip(word: str, meant: str) -> bool:
    """Return whether one letter is missing, too many, wrong, or exchanged with its neighbour."""
    if abs(len(word) - len(meant)) > 1:
        return False
    same = 0
    while same < min(len(word), len(meant)) and word[same] == meant[same]:
        same += 1
    left, right = word[same:], meant[same:]
    return (
        left[1:] == right[1:]
        or left[1:] == right
        or left == right[1:]
        or (left[:2] == right[1::-1] and left[2:] == right[2:])
    )
