// WhatsApp's own formatting as elements: *bold*, _italic_, ~strike~, ```mono```, `code`, links.

import { h, safe } from "./dom.js";

// A mark counts at the edge of a word only, and holds no blanks at its inner edges.
const mark = (c) => `(?<![\\p{L}\\p{N}${c}])${c}(?=\\S)([^${c}\\n]*?\\S)${c}(?![\\p{L}\\p{N}${c}])`;
const PATTERN = new RegExp(
  [
    "(https?:\\/\\/[^\\s<>\"]+)",
    "```([\\s\\S]+?)```",
    "`([^`\\n]+)`",
    mark("\\*"),
    mark("_"),
    mark("~"),
  ].join("|"),
  "gu",
);
const AFTER = /[.,;:!?)\]}'"»“”]+$/u;

/** Nodes for a text; everything in it stays text. */
export function formatted(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(PATTERN)) {
    const [whole, url, block, code, bold, italic, strike] = found;
    let length = whole.length;
    let node;
    if (url !== undefined) {
      const address = url.replace(AFTER, "");
      length = address.length;
      node = link(address, address);
    } else if (block !== undefined || code !== undefined) node = h("code", {}, block ?? code);
    else if (bold !== undefined) node = h("strong", {}, formatted(bold));
    else if (italic !== undefined) node = h("em", {}, formatted(italic));
    else node = h("s", {}, formatted(strike));
    nodes.push(text.slice(from, found.index), node);
    from = found.index + length;
  }
  nodes.push(text.slice(from));
  return nodes.filter((node) => node !== "");
}

/** The first address in a text, without what follows a sentence. */
export function firstLink(text) {
  const found = text.match(/https?:\/\/[^\s<>"]+/u);
  return found ? found[0].replace(AFTER, "") : null;
}

/** A text without its marks, on one line: for lists and quotes. */
export function plain(text) {
  return text.replace(/```|(?<![\p{L}\p{N}])[*_~]|[*_~](?![\p{L}\p{N}])/gu, "").replace(/\s+/g, " ").trim();
}

/** A link that opens elsewhere; an address that leads nowhere stays text. */
export function link(address, ...children) {
  const href = safe(address);
  if (href === null) return h("span", {}, children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, children);
}
