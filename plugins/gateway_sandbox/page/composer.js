// Where the person writes: quick words, a quote, a picture, the text.

import { gist } from "./bubble.js";
import { button, h, icon } from "./dom.js";
import { toast } from "./sheet.js";
import { t } from "./texts.js";

const WORDS = ["START", "STOP"];
const LARGEST = 3_000_000; // bytes of a picture

/** The lower end of a phone: {node, quote(entry), here(entry), draft(text, number)}. */
export function composer(view) {
  let quoted = null;
  let linked = null; // the business number of a link that was opened
  const about = h("div", { class: "quoting", hidden: true });
  const field = h("input", { type: "text", maxlength: "4096", placeholder: t("message"), "aria-label": t("write"), autocomplete: "off", enterkeyhint: "send" });
  const file = h("input", { type: "file", accept: "image/jpeg,image/png", hidden: true, onchange: () => picture(file.files[0]) });

  const quote = (entry) => {
    quoted = entry;
    about.hidden = entry === null;
    if (entry === null) return;
    about.replaceChildren(icon("reply"), h("span", {}, gist(entry)), button("close", t("cancelReply"), () => quote(null)));
    field.focus();
  };
  const write = (text) => {
    if (!text.trim()) return;
    view.say({ type: "text", text: { body: text } }, quoted ?? linked ?? undefined);
    linked = null;
    quote(null);
  };
  const draft = (text, number) => {
    linked = { number };
    field.value = text;
    field.focus();
    field.setSelectionRange(text.length, text.length);
  };
  const picture = async (chosen) => {
    file.value = "";
    if (!chosen) return;
    if (chosen.size > LARGEST) return toast(t("failedCall", { why: `> ${LARGEST} bytes` }));
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    let raw = "";
    for (let from = 0; from < bytes.length; from += 8192) raw += String.fromCharCode(...bytes.subarray(from, from + 8192));
    view.say({ type: "image", image: { mime_type: chosen.type, filename: chosen.name, data: btoa(raw), caption: field.value || undefined } });
    field.value = "";
  };
  const here = (entry) => view.say({ type: "location", location: { latitude: 52.52, longitude: 13.405, name: "Berlin" } }, entry);

  const form = h("form", { class: "compose", onsubmit: (event) => {
    event.preventDefault();
    write(field.value);
    field.value = "";
  } },
    button("plus", t("picture"), () => file.click()), field,
    h("button", { type: "submit", class: "round go", "aria-label": t("send"), title: t("send") }, icon("send")), file);
  const quick = h("div", { class: "quick" }, WORDS.map((word) =>
    h("button", { type: "button", class: word.toLowerCase(), "aria-label": t("writeWord", { word }), onclick: () => write(word) }, word)));
  return { node: h("footer", {}, quick, about, form), quote, here, draft };
}
