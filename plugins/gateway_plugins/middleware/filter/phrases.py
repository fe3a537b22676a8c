"""What advertising says and what news says, in German and English, and how it is looked for.

One phrase a line, or several with `|`.  `*` is any rest of a word (inflection, compounds), `_` up to
three words between, `(a|b)` either, `[a|b]` either or nothing, `?` makes the letter before it
optional, MONEY and PERCENT an amount.  Case, accents, ae for ä, ss for ß and what stands between the
words do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

BUY = """
jetzt _ (kaufen|bestell*|order*|shoppen|sichern|zugreifen)
jetzt _ (zuschlagen|sparen|einlösen|upgraden)
jetzt (kauf|spar|buchen|mitnehmen|shoppen)
(heute|sofort|gleich|direkt|bequem) (kaufen|bestellen|shoppen|zugreifen|zuschlagen)
(sicher|sichere|hol|hole|gönn|gönne|schnapp) dir | (sichert|holt|gönnt|schnappt) euch
(sichern|holen|gönnen|schnappen) sie sich
(kaufen|bestellen|buchen|shoppen) sie (jetzt|noch heute|gleich|sofort|schnell|online|bequem)
(greifen|schlagen) sie zu
(bestelle?|bestellt|kauf|shoppe|shoppt|bucht?) (jetzt|noch heute|gleich|sofort|schnell|online)
(greif|greift|schlag|schlagt) [jetzt|schnell|sofort] zu | überzeugen sie sich selbst
zum (shop|warenkorb|online-?shop|deal) | in den warenkorb | zu den (angeboten|deals)
hier (kaufen|bestellen|shoppen|zuschlagen|sparen) | ab in den shop
im (online-?shop|shop) bestellen
(buy|order|shop|claim|grab|subscribe|upgrade|save|book) _ (now|today)
(buy|order|shop) online | (get|grab|claim|snag) (yours|your _ now)
(grab|claim|snag) (your|yours|this|a|the)
add to (cart|basket) | shop (the|our) | treat yourself | visit our (store|shop)
"""

OFFER = """
*sonderangebot* | *tagesangebot* | *wochenangebot* | *top-?angebot* | *knaller* | *hammerpreis*
*tiefpreis*
*rabatt* | *schnäppchen* | *preissturz* | *preisknüller* | *preishammer* | rotstift*
(unsere?m?|tolle?s?|super|exklusive?s?|unschlagbare?s?|einmalige?s?|attraktive?s?|mega) _ angebot*
angebot* (der woche|des tages|des monats|sichern|endet|gilt|nur) | *angebot (nur|für kurze)
*aktionspreis* | *sonderpreis* | *vorteilspreis* | *bestpreis* | *vorzugspreis* | *frühbucherpreis*
*einführungspreis* | *kennenlernpreis*
*rabattaktion* | *rabattwoche* | *sonderaktion* | *verkaufsaktion* | *ausverkauf*
*schlussverkauf* | *räumungsverkauf* | *abverkauf*
sale | *-sale | deals? | *-deals? | megadeal* | superdeal* | *black (friday|week)* | *cyber monday*
gratis* | geschenkt | versandkostenfrei* | portofrei*
(kostenlose?r?|gratis) (versand|lieferung|zugabe)
(stark|radikal|drastisch|massiv|kräftig) reduziert* | reduzierte (ware|artikel|preise|teile|stücke)
alles muss raus
(spare?|spart|sparen) (bis zu|jetzt|kräftig|richtig|doppelt|satte) | sparen sie
zum (halben preis|kleinen preis|unschlagbaren preis|selben preis)
(zwei|drei|2|3|4) (für|zum preis von) (eins|einen|zwei|1|2|3)
geld-zurück-garantie
discounts? | discounted
(special|exclusive|amazing|unbeatable|best|incredible|introductory) (offers?|deals?|prices?|discounts?)
(clearance|flash|summer|winter|spring|holiday|anniversary|final|big|weekend|warehouse|mega) sale
on sale (now|today|this week) | sale (ends|starts|now|is on|continues)
free (shipping|delivery|gift|trial|bonus|returns) | buy (one|two|1|2) get | bogo | get one free
(two|2|3) for (one|1|2)
(save|saving) (up to|big|an extra|over|now) | (lowest|rock bottom|bargain|knockdown) prices?
bargains? | half price | price drops?
money-?back guarantee
"""

CUT = """
(statt|anstatt|früher|bisher|uvp|vorher) [nur] MONEY | MONEY (statt|anstatt)
nur [noch] MONEY | (für|schon|bereits|ab) nur MONEY | schon (ab|für) MONEY
für (sagenhafte|schlappe|unglaubliche) MONEY
MONEY (im monat|pro monat|monatlich) | nur (heute|jetzt) MONEY
PERCENT (rabatt*|nachlass|günstiger|billiger|reduziert*|sparen|gespart|off|discount)
PERCENT auf (alles|das|die|den|ihren?|deinen?|euren?|unsere?|ausgewählte*|alle)
(rabatt*|nachlass|sparen sie|spare?|spart|reduziert) [bis zu|bis|von|um|jetzt] PERCENT
(save|off|extra|minus) [up to|an extra] PERCENT
MONEY (rabatt|gutschein|sparen|gespart|geschenkt|off|discount|guthaben|cashback)
(spare?|sparen|spart|save|ersparnis|gutschein über) [sie|jetzt|bis zu|up to|von|über] MONEY
(was|were|instead of|reduced from|usually|worth) MONEY | now [only|just] MONEY | (just|only) MONEY
from (only|just) MONEY
for as (low|little) as MONEY | starting at MONEY
"""

URGE = """
nur (heute|morgen|dieses wochenende|diese woche|noch heute|noch morgen|für kurze zeit|kurze zeit|jetzt)
nur noch (heute|morgen|wenige)
nur noch [die|bis] _ (stunden?|tage?|minuten?|stück|exemplare|verfügbar|auf lager)
nur noch bis (heute|morgen|mitternacht|sonntag|freitag|samstag)
solange [der] vorrat* | wer zuerst kommt | nur solange
(letzte|allerletzte) (chance|gelegenheit|stücke) | letzter tag | last minute
(endet|enden|läuft) [nur|schon|noch] (heute|morgen|um mitternacht|in kürze|in wenigen|bald)
nicht verpassen | verpassen sie nicht | nicht entgehen | schnell sein
(sei|seid|seien sie) schnell | beeil* (dich|euch|sie) | zögern sie nicht | noch heute
(begrenzte?r?|limitierte?r?) (stückzahl*|mengen?|zeit|angebote?|edition)
(stückzahl|menge|angebot|zeit) [ist] [streng] (begrenzt|limitiert)
zeitlich begrenzt* | streng limitiert*
(today|tonight|this weekend|24 hours|48 hours|one day) only
only (today|this weekend|hours|a few|while) | only NUMBER left
limited (time|offer|stock|edition|quantit*|availability|spots)
(while|until) (stocks?|supplies|supply) lasts? | while they last
last (chance|call) | final (hours|days|call) | hurry | act (now|fast) | (dont|don t) (miss|wait)
(ends|expires|ending) (today|tonight|soon|midnight|at midnight|sunday)
before (it s|it is|they re) gone | selling [out] fast | almost gone | going fast | spots left
"""

COUPON = """
(gutschein|rabatt|aktions|promo|coupon|vorteils|bonus|deal)-?codes?
(promo|coupon|discount|voucher) codes? | coupons?
(mit dem|with|use|using|enter|mit) [the|our|dem] code
code (eingeben|einlösen|sichern|nennen|at checkout) | at checkout
*gutschein (einlösen|sichern|über|im wert|geschenkt|gratis)
"""

BAIT = """
garantierte?r? (gewinne?|rendite|erfolge?)
(100|hundert) [prozent|%] (gratis|kostenlos|garantiert|free|risk free)
ohne [jedes|jegliches] risiko | risk-?free | risikolos* | risikofrei*
verdienen? (sie|du) _ (zu hause|im schlaf|pro tag|täglich|daheim|nebenbei)
MONEY [am|pro|a|per] (tag|day|woche|week) (verdienen|von zu hause|from home)
(earn|make) [up to] MONEY | (earn|make) money (fast|online|from home) | work from home | quick cash
passives einkommen | passive income | (finanzielle|financial) (freiheit|freedom) | schnell reich
get rich
(sie haben|du hast) [auch] gewonnen | you (have|ve) (won|been selected)
(glückwunsch|congratulations) _ (gewonnen|won|winner|ausgewählt|selected)
klicke?n? [sie] (hier|jetzt) | click (here|below|now) | link in bio | hier klicken
*kredit* (ohne|trotz) schufa | sofortkredit* | ohne schufa | instant loan | no credit check
(krypto*|bitcoin*|crypto) _ (verdoppel*|reich|investieren|double|giveaway)
double your (money|investment|income)
NUMBER (kilo|kg|pounds|lbs) _ (abnehmen|verlieren|in (einer|zwei|drei|NUMBER) (wochen?|tagen?|days|weeks))
lose _ (pounds|lbs|kg)
wundermittel | wunderpille | geheimtrick | dieser trick | one weird trick | (ärzte|doctors) hate?n?
miracle (cure|pill|diet)
*casino _ (bonus|freispiele|free) | freispiele | free spins | wettbonus | willkommensbonus
potenzmittel* | viagra | replica watches
"""

NEWS = """
laut | berichten | berichtet | mitteilte | sagte | sagt | sagen | erklärte | zufolge | meldet
meldete
*studie | *umfrage | *gericht | *urteil | klage | klagt | *gesetz | *verordnung | *ministerium
*minister | bundesrat | bundestag | *regierung
*polizei | *feuerwehr | staatsanwalt* | *stadtrat | *gemeinderat | bürgermeister* | landrat
*verwaltung | *behörde*
statistik* | statistisch* | inflation* | verbraucherzentrale* | stiftung warentest | kartellamt
ökonom* | *experten? | *forscher* | *händler | einzelhandel
steigt | steigen | stieg | gestiegen* | sinkt | sinken | sank | gesunken* | fällt | verteuer*
teurer | erhöh* | anhebung
abgeschafft | beschlossen | beschließt | künftig* | kritisier* | warnt | warnen | warnung | fordert
fordern | streit | debatte | ermittel* | untersuch* | vergleich
*versammlung | *training | *turnier | *spieltag | *meisterschaft | *gottesdienst | *sperrung
gesperrt | *bauarbeiten | *sitzung
according to | reported | reports | said | says | told | study | survey | court | lawsuit | ruling
law | regulators? | government | ministers? | police | council
inflation | statistics | economists? | researchers? | scientists? | retailers? | rose | rises
fell | rising | falling | warns? | warned | warning | critic* | investigat*
why | warum | how to | explained | erklärt | im test | getestet | review* | hintergrund | interview
"""

MONEY = (
    r"(?:(?:€|\$|£|eur|usd|chf) ?\d[\d.,']*(?:,-|,–)?"
    r"|\d[\d.,']*(?:,-|,–)? ?(?:€|\$|£|euros?|eur|usd|chf|dollars?|pounds|franken|cents?))"
)
PERCENT = r"(?:\d{1,3}(?:[.,]\d)? ?(?:%|prozent|percent))"
_AMOUNTS = {"MONEY": MONEY, "PERCENT": PERCENT, "NUMBER": r"\d+"}
_BETWEEN = "[ \n,:;\"'„“”»«()*–-]{1,3}"
_TOKEN = re.compile(r"[()\[\]|]|[^\s()\[\]|]+")


def pattern(lines: str) -> str:
    """Return phrases as one pattern (see patterns.py), whole words only."""
    phrases = " | ".join(line for line in lines.strip().splitlines())
    return rf"(?:\b|^|\s){_either(iter(_TOKEN.findall(phrases)))}(?:\b|[^\w]|$)"


def _either(tokens: Iterator[str]) -> str:
    """Read up to the closing bracket."""
    branches, branch = [], _Branch()
    for token in tokens:
        match token:
            case "(":
                branch.add(_either(tokens))
            case "[":
                branch.add(_either(tokens), optional=True)
            case ")" | "]":
                break
            case "|":
                branches.append(branch.text)
                branch = _Branch()
            case "_":
                branch.text += rf"(?:{_BETWEEN}[\w€$£%'-]+){{0,3}}"
            case word:
                branch.add(_AMOUNTS.get(word) or _word(word))
    return f"(?:{'|'.join([*branches, branch.text])})"


class _Branch:
    """Words in a row, with what may stand between them."""

    def __init__(self) -> None:
        self.text = ""
        self._begun = False

    def add(self, one: str, *, optional: bool = False) -> None:
        if not optional:
            self.text += (_BETWEEN if self._begun else "") + one
            self._begun = True
        else:
            self.text += f"(?:{_BETWEEN}{one})?" if self._begun else f"(?:{one}{_BETWEEN})?"


def _word(word: str) -> str:
    for umlaut, spelled in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        word = word.replace(umlaut, f"(?:{umlaut}|{spelled})")
    return word.replace("*", r"\w*")
