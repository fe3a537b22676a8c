// What happens to a person beside the chat: a switch in the app, another number, another phone.

import { h } from "./dom.js";
import { dialog, openList } from "./sheet.js";
import { t } from "./texts.js";

// The body of `say` for each; one with a function asks for a text first.
const DEEDS = {
  stop: { preferences: "stop" },
  resume: { preferences: "resume" },
  number: (to) => ({ system: { type: "user_changed_number", to } }),
  user_id: { system: { type: "user_changed_user_id" } },
  key: { system: { type: "customer_identity_changed" } },
  echo: (text) => ({ echo: { text } }),
};

/** A list over the phone's screen; `chosen(deed)` gets the body of `say`. */
export function chooseDeed(screen, chosen) {
  const rows = Object.entries(DEEDS).map(([id, deed]) =>
    ({ id, title: t(`deed_${id}`), description: typeof deed === "function" ? "" : t(`deed_${id}_note`) }));
  openList(screen, "", rows, ({ id }) => (typeof DEEDS[id] === "function" ? ask(id, chosen) : chosen(DEEDS[id])), t("deed"));
}

function ask(id, chosen) {
  const label = t(`deed_${id}_ask`);
  const field = h("input", { type: "text", "aria-label": label, required: true, autofocus: true,
    placeholder: id === "number" ? "+49 171 3920012" : null });
  const box = dialog(t(`deed_${id}`), h("form", { class: "adding", onsubmit: (event) => {
    event.preventDefault();
    box.close();
    chosen(DEEDS[id](field.value));
  } }, h("label", {}, label, field), h("button", { type: "submit", class: "main" }, t("deed_do"))));
}
