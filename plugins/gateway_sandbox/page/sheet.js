// What lies over a phone or the page for a moment: a list, reactions, a short notice, a dialog.

import { button, h } from "./dom.js";
import { t } from "./texts.js";

const REACTIONS = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

/** The rows of a list message, over the phone's screen; `chosen(row)`. */
export function openList(screen, title, rows, chosen, head = t("choose")) {
  const before = document.activeElement;
  const close = () => {
    layer.remove();
    before?.focus();
  };
  let section = null;
  const choices = rows.flatMap((row) => {
    const head = row.section && row.section !== section ? [h("h4", {}, row.section)] : [];
    section = row.section ?? section;
    return [...head, h("button", { type: "button", class: "row", onclick: () => { close(); chosen(row); } },
      h("strong", {}, row.title), row.description && h("span", {}, row.description))];
  });
  const sheet = h("div", { class: "sheet", role: "dialog", "aria-modal": "true", "aria-label": head },
    h("div", { class: "sheettop" }, h("strong", {}, head), button("close", t("close"), close)),
    title && h("p", {}, title), h("div", { class: "rows" }, choices));
  const layer = h("div", { class: "layer", onclick: (event) => event.target === layer && close(),
    onkeydown: (event) => event.key === "Escape" && close() }, sheet);
  screen.append(layer);
  sheet.querySelector(".row")?.focus();
}

/** Six reactions near an element; `chosen(emoji)`. */
export function chooseReaction(near, chosen) {
  document.querySelector(".reactions")?.remove();
  const box = h("div", { class: "reactions", role: "menu", onkeydown: (event) => event.key === "Escape" && box.remove() },
    REACTIONS.map((emoji) => h("button", { type: "button", role: "menuitem", onclick: () => { box.remove(); chosen(emoji); } }, emoji)));
  near.closest(".line").append(box);
  box.firstElementChild.focus();
  // Removing it moves the focus too, so it is removed later, when that is over.
  box.addEventListener("focusout", (event) => box.contains(event.relatedTarget) || setTimeout(() => box.remove()));
}

/** A short notice at the foot of the page. */
export function toast(text) {
  document.querySelector(".toast")?.remove();
  const note = h("div", { class: "toast", role: "status" }, text);
  document.body.append(note);
  setTimeout(() => note.remove(), 4000);
}

/** A dialog with a title; returns {node, close}. */
export function dialog(title, ...children) {
  const node = h("dialog", { "aria-label": title, onclose: () => node.remove(), onclick: (event) => event.target === node && node.close() },
    h("div", { class: "inner" }, h("div", { class: "sheettop" }, h("strong", {}, title), button("close", t("close"), () => node.close())), children));
  document.body.append(node);
  node.showModal();
  return node;
}
