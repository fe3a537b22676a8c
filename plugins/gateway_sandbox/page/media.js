// Pictures, documents, sound: shown if they lie on this machine, named if they lie elsewhere.

import { h, icon, local, safe } from "./dom.js";
import { t } from "./texts.js";

const WORDS = { image: "photo", document: "document", audio: "audio", video: "video", sticker: "sticker" };
const SIGNS = { image: "picture", document: "paper", audio: "play", video: "play", sticker: "picture" };

/** What a `Received` line says about its media. */
export function mediaOf(sent) {
  const source = /^https?:/.test(sent.media ?? "") ? sent.media : sent.media && `/sandbox/files/${sent.media}`;
  return { kind: sent.media_type, source, name: sent.filename, voice: sent.voice };
}

/** An element for {kind, source, name, voice}. */
export function media({ kind, source, name, voice }) {
  const label = t(voice ? "voice" : WORDS[kind] ?? "document");
  if (!source || !local(source)) return tile(kind, name ?? label, source ? `${host(source)} · ${t("elsewhere")}` : label);
  switch (kind) {
    case "image":
    case "sticker": {
      const picture = h("img", { class: kind, src: source, alt: label, loading: "lazy", decoding: "async" });
      picture.addEventListener("error", () => picture.replaceWith(tile(kind, label, host(source))));
      return picture;
    }
    case "video": return h("video", { class: "image", src: source, controls: true, preload: "metadata", "aria-label": label });
    case "audio": return h("audio", { src: source, controls: true, preload: "none", "aria-label": label });
    default: {
      const href = safe(new URL(source, location.href).href);
      return h("a", { class: "tile", href, download: name ?? "", rel: "noopener" }, inside(kind, name ?? label, label));
    }
  }
}

const tile = (kind, title, below) => h("div", { class: "tile" }, inside(kind, title, below));

const inside = (kind, title, below) => [
  h("span", { class: "mark" }, icon(SIGNS[kind] ?? "paper")),
  h("span", { class: "where" }, h("strong", {}, title), h("span", {}, below)),
];

function host(source) {
  try {
    return new URL(source, location.href).host;
  } catch {
    return "";
  }
}
