// Short names of the faults in English and German; a fault without one shows its own name.

import { language } from "./texts.js";

const NAMES = {
  deliver: ["Spared from all faults", "Von Störungen verschont"],
  token_expired: ["Token expired", "Token abgelaufen"],
  hang_open: ["Hangs before reading", "Hängt vor dem Lesen"],
  drop_before_accept: ["Dropped before accepted", "Abbruch vor der Annahme"],
  "5xx": ["Server error", "Serverfehler"],
  error: ["Graph error", "Graph-Fehler"],
  undeliverable: ["Undeliverable", "Unzustellbar"],
  blocked: ["Blocked us", "Hat uns blockiert"],
  window_closed: ["Window closed", "Fenster geschlossen"],
  marketing_cap: ["Got enough marketing", "Genug Werbung bekommen"],
  opted_out: ["Opted out in the app", "In der App abgemeldet"],
  experiment: ["In an experiment", "In einem Experiment"],
  delivered_then_failed: ["Delivered, then failed", "Zugestellt, dann gescheitert"],
  no_read_receipts: ["No read receipts", "Keine Lesebestätigung"],
  status_double: ["Statuses twice", "Status doppelt"],
  status_reorder: ["Statuses in reverse", "Status rückwärts"],
  status_none: ["No statuses", "Keine Status"],
  status_first: ["Status before answer", "Status vor der Antwort"],
  slow: ["Slow answer", "Langsame Antwort"],
  drop_after_accept: ["Answer lost", "Antwort geht verloren"],
  malformed: ["Answer is no JSON", "Antwort ist kein JSON"],
  number_change: ["Changes number", "Wechselt die Nummer"],
  bsuid_change: ["Changes user id", "Wechselt die User-ID"],
  username_user: ["Phone hidden", "Nummer verborgen"],
  alias: ["Known by another number", "Unter anderer Nummer bekannt"],
  webhook_late: ["Webhook late", "Webhook verspätet"],
  webhook_shuffle: ["Webhooks shuffled", "Webhooks gemischt"],
  webhook_mix: ["Webhooks bundled", "Webhooks gebündelt"],
  webhook_double: ["Webhook twice", "Webhook doppelt"],
  bad_signature: ["Bad signature", "Signatur falsch"],
  webhook_unknown: ["Something unknown", "Etwas Unbekanntes"],
  webhook_large: ["Large webhook", "Großer Webhook"],
  no_contacts: ["No contacts", "Ohne contacts"],
  ms_timestamps: ["Milliseconds", "Millisekunden"],
};

const MOMENTS = {
  first: ["Often", "Häufig"],
  deliver: ["Above all", "Über allem"],
  token: ["The token", "Das Token"],
  arriving: ["On the way there", "Auf dem Hinweg"],
  instead: ["Instead of an answer", "Statt einer Antwort"],
  failing: ["The message fails", "Die Nachricht scheitert"],
  statuses: ["Statuses", "Status"],
  late: ["The answer is late", "Die Antwort kommt spät"],
  answer: ["The answer", "Die Antwort"],
  after: ["Afterwards", "Danach"],
  person: ["The person", "Die Person"],
  webhook: ["Webhooks", "Webhooks"],
};

const place = language === "de" ? 1 : 0;

export const faultTitle = (name) => NAMES[name]?.[place] ?? name;
export const momentTitle = (name) => MOMENTS[name]?.[place] ?? name;
