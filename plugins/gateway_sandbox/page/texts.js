// Every word of the page, in English and German.

const en = {
  title: "Sandbox phones",
  brand: "Message gateway",
  tagline: "Pretend phones. Nothing leaves this machine.",
  find: "Number or label",
  addPhone: "Add a phone",
  webhooks: "Webhooks",
  faults: "Faults",
  live: "live",
  reconnecting: "reconnecting …",
  received: "received",
  refused: "refused",
  posted: "webhooks",
  failedPosts: "not accepted",
  of: "{first}–{last} of {all}",
  notShown: "{n} more phones are not shown: search for them",
  noneFound: "No phone matches.",
  noPhones: "No phones yet. They appear with the first message, or add one.",
  previous: "Previous phones",
  next: "Next phones",
  back: "Back to all chats",
  chats: "Chats",
  business: "Business account",
  chatNote: "Sandbox chat with {name}. Nothing leaves this machine.",
  empty: "No message so far.",
  emptyRight: "No message so far, and that is right: this person never said yes.",
  forgotten: "Older messages are not kept here.",
  today: "Today",
  yesterday: "Yesterday",
  accepted: "accepted",
  sent: "sent",
  delivered: "delivered",
  read: "read",
  played: "played",
  failed: "failed",
  template: "template {name}",
  freeText: "free text",
  heard: "heard by the gateway",
  waiting: "waiting for the gateway",
  unheard: "not heard: {why}",
  seen: "marked as read",
  message: "Message",
  write: "Write as this person",
  send: "Send",
  picture: "Send a picture",
  attach: "Attach",
  location: "Send a location",
  react: "React",
  reply: "Reply",
  cancelReply: "Do not quote",
  writeWord: "Write {word}",
  you: "You",
  openList: "Open the list",
  choose: "Choose",
  close: "Close",
  copied: "Copied",
  photo: "Photo",
  document: "Document",
  audio: "Audio",
  voice: "Voice message",
  video: "Video",
  sticker: "Sticker",
  contact: "Contact",
  place: "Location",
  elsewhere: "on another machine, not loaded",
  notShownType: "A message of type {type}",
  removed: "This message was deleted",
  edited: "edited",
  fromApp: "written in the business' own app",
  typing: "is writing",
  newMessages: "{n} new",
  menu: "What goes wrong for {who}",
  phoneFaults: "Only for this person",
  faultsOf: "Faults of {who}",
  everyone: "Everyone",
  clear: "Clear",
  clearAll: "Clear all faults",
  active: "Active",
  noFaults: "None: everything works.",
  setFault: "Switch on",
  struck: "{n} times",
  addTitle: "Add a phone",
  addHint: "Phone number with country code",
  addWithout: "A person without a phone number",
  addButton: "Add",
  time: "time",
  what: "what",
  who: "who",
  answer: "answer",
  tries: "tries",
  noWebhooks: "No webhook has been sent yet.",
  signature_good: "signature ok",
  signature_wrong: "signature wrong on purpose",
  signature_missing: "signature left out on purpose",
  signature_reserialised: "re-serialised on purpose",
  noAnswer: "no answer",
  try: "try {n}: {answer} after {ms} ms",
  body: "{size} bytes",
  cut: "cut here: too long to be kept whole",
  failedCall: "That did not work: {why}",
  tone_yes: "consent confirmed",
  tone_wait: "consent not confirmed",
  tone_no: "no consent",
};

const de = {
  title: "Telefone der Sandbox",
  brand: "Message gateway",
  tagline: "Gespielte Telefone. Nichts verlässt diesen Rechner.",
  find: "Nummer, Beschriftung",
  addPhone: "Telefon hinzufügen",
  webhooks: "Webhooks",
  faults: "Störungen",
  live: "live",
  reconnecting: "verbindet neu …",
  received: "angenommen",
  refused: "abgelehnt",
  posted: "Webhooks",
  failedPosts: "nicht angenommen",
  of: "{first}–{last} von {all}",
  notShown: "{n} weitere Telefone sind nicht zu sehen: bitte suchen",
  noneFound: "Kein Telefon passt dazu.",
  noPhones: "Noch keine Telefone. Sie erscheinen mit der ersten Nachricht.",
  previous: "Vorige Telefone",
  next: "Nächste Telefone",
  back: "Zurück zu allen Chats",
  chats: "Chats",
  business: "Unternehmenskonto",
  chatNote: "Sandbox-Chat mit {name}. Nichts verlässt diesen Rechner.",
  empty: "Noch keine Nachricht.",
  emptyRight: "Noch keine Nachricht, und das ist richtig: Hier hat niemand Ja gesagt.",
  forgotten: "Ältere Nachrichten sind hier nicht aufgehoben.",
  today: "Heute",
  yesterday: "Gestern",
  accepted: "angenommen",
  sent: "gesendet",
  delivered: "zugestellt",
  read: "gelesen",
  played: "abgespielt",
  failed: "gescheitert",
  template: "Vorlage {name}",
  freeText: "freier Text",
  heard: "beim Gateway angekommen",
  waiting: "wartet auf das Gateway",
  unheard: "nicht angekommen: {why}",
  seen: "als gelesen markiert",
  message: "Nachricht",
  write: "Als diese Person schreiben",
  send: "Senden",
  picture: "Bild senden",
  attach: "Anhängen",
  location: "Standort senden",
  react: "Reagieren",
  reply: "Antworten",
  cancelReply: "Nicht zitieren",
  writeWord: "{word} schreiben",
  you: "Du",
  openList: "Liste öffnen",
  choose: "Auswählen",
  close: "Schließen",
  copied: "Kopiert",
  photo: "Foto",
  document: "Dokument",
  audio: "Audio",
  voice: "Sprachnachricht",
  video: "Video",
  sticker: "Sticker",
  contact: "Kontakt",
  place: "Standort",
  elsewhere: "auf einem anderen Rechner, nicht geladen",
  notShownType: "Eine Nachricht vom Typ {type}",
  removed: "Diese Nachricht wurde gelöscht",
  edited: "bearbeitet",
  fromApp: "in der App des Unternehmens geschrieben",
  typing: "schreibt",
  newMessages: "{n} neu",
  menu: "Was bei {who} schiefgeht",
  phoneFaults: "Nur bei dieser Person",
  faultsOf: "Störungen von {who}",
  everyone: "Alle",
  clear: "Aufheben",
  clearAll: "Alle Störungen aufheben",
  active: "Aktiv",
  noFaults: "Keine: alles funktioniert.",
  setFault: "Einschalten",
  struck: "{n}-mal",
  addTitle: "Telefon hinzufügen",
  addHint: "Nummer mit Ländervorwahl",
  addWithout: "Eine Person ohne Telefonnummer",
  addButton: "Hinzufügen",
  time: "Zeit",
  what: "was",
  who: "wer",
  answer: "Antwort",
  tries: "Versuche",
  noWebhooks: "Noch kein Webhook gesendet.",
  signature_good: "Signatur in Ordnung",
  signature_wrong: "Signatur absichtlich falsch",
  signature_missing: "Signatur absichtlich weggelassen",
  signature_reserialised: "absichtlich neu serialisiert",
  noAnswer: "keine Antwort",
  try: "Versuch {n}: {answer} nach {ms} ms",
  body: "{size} Bytes",
  cut: "hier abgeschnitten: zu lang, um es ganz aufzuheben",
  failedCall: "Das ging nicht: {why}",
  tone_yes: "Einwilligung bestätigt",
  tone_wait: "Einwilligung nicht bestätigt",
  tone_no: "keine Einwilligung",
};

export const language = (navigator.language || "en").toLowerCase().startsWith("de") ? "de" : "en";
const words = language === "de" ? de : en;

/** The words for a key, with {name} replaced by the values. */
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** One of several languages: {en: "…", de: "…"}. */
export function pick(texts) {
  return texts[language] ?? texts.en ?? Object.values(texts)[0] ?? "";
}

const clock = new Intl.DateTimeFormat(navigator.language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exact = new Intl.DateTimeFormat(navigator.language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(navigator.language, { day: "numeric", month: "long", year: "numeric" });
const whole = new Intl.NumberFormat(navigator.language);

/** Unix seconds as 14:05. */
export const hour = (at) => clock.format(new Date(at * 1000));
/** Unix seconds as 14:05:09. */
export const second = (at) => exact.format(new Date(at * 1000));
/** A count with its thousands. */
export const count = (n) => whole.format(n);

/** Unix seconds as a date, or Today and Yesterday. */
export function date(at) {
  const [that, now] = [new Date(at * 1000), new Date()];
  const before = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (that.toDateString() === now.toDateString()) return t("today");
  if (that.toDateString() === before.toDateString()) return t("yesterday");
  return day.format(that);
}

const codes = ["1", "7"];

/** A contact as people write it: +49 171 3920001, or the user id. */
export function number(contact) {
  if (!contact.startsWith("+")) return contact;
  const digits = contact.slice(1);
  const cut = codes.includes(digits[0]) ? 1 : 2;
  return `+${digits.slice(0, cut)} ${digits.slice(cut, cut + 3)} ${digits.slice(cut + 3)}`;
}
