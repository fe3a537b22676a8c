// What left for the receiver: the newest webhooks, what it answered, and each body on demand.

import { button, h, icon } from "./dom.js";
import { call } from "./store.js";
import { number, second, t } from "./texts.js";

const [KEPT, DRAWN] = [200, 60];
const PACE = 250; // milliseconds between two drawings: faster, nobody can read it

export class Drawer {
  constructor() {
    this.posts = new Map(); // by seq, oldest first
    this.drawn = new Map(); // the rows of those that are drawn
    this.fresh = new Set(); // what has to be drawn (again)
    this.unknown = new Map(); // webhooks of messages that are not known yet, by their id
    this.rows = h("ol", { class: "posts" });
    this.empty = h("p", { class: "hint" }, t("noWebhooks"));
    this.detail = h("div", { class: "detail", hidden: true });
    this.node = h("section", { class: "panel", "aria-label": t("webhooks"), hidden: true }, h("h2", {}, t("webhooks")), this.empty, this.rows, this.detail);
  }

  reset(posts) {
    for (const kept of [this.posts, this.drawn, this.fresh, this.unknown]) kept.clear();
    this.rows.replaceChildren();
    this.empty.hidden = false;
    for (const post of [...posts].reverse()) this.add(post);
    this.draw(); // at once: an empty drawer would say that nothing left
  }

  add(post) {
    this.posts.set(post.seq, post);
    this.fresh.add(post.seq);
    if (!post.contacts.length && post.wamids.length) this.unknown.set(post.wamids[0], post);
    for (const kept of [this.posts, this.fresh, this.unknown]) if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    this.soon ??= setTimeout(() => this.draw(), PACE);
  }

  /** A message turned out to be this person's. */
  belongs(id, contact) {
    const post = this.unknown.get(id);
    if (!post || !this.unknown.delete(id)) return;
    if (this.posts.has(post.seq)) this.add({ ...this.posts.get(post.seq), contacts: [contact] });
  }

  /** Draw what is new, the newest `DRAWN` at most; while nobody looks, nothing. */
  draw() {
    this.soon = undefined;
    if (this.node.hidden) return;
    const newest = [...this.posts.keys()].slice(-DRAWN);
    for (const seq of newest) {
      if (!this.fresh.has(seq)) continue;
      const row = this.row(this.posts.get(seq));
      if (this.drawn.has(seq)) this.drawn.get(seq).replaceWith(row);
      else this.rows.prepend(row);
      this.drawn.set(seq, row);
    }
    this.fresh.clear();
    for (const [seq, row] of this.drawn) {
      if (seq >= newest[0]) break;
      row.remove();
      this.drawn.delete(seq);
    }
    this.empty.hidden = this.drawn.size > 0;
  }

  row(post) {
    const last = post.tries.at(-1) ?? { status: null, seconds: 0, signature: "good" };
    const good = last.status === 200;
    const whom = post.contacts.map(number).join(", ") || (post.fields.includes("messages") ? "–" : post.fields.join(", "));
    const odd = last.signature !== "good";
    return h("li", {}, h("button", { type: "button", class: "post", onclick: () => this.open(post) },
      h("span", { class: `kind ${post.kinds[0] ?? ""}` }, post.kinds.join(", ") || post.fields.join(", ")),
      h("span", { class: good ? "code good" : "code bad" }, last.status === null ? t("noAnswer") : String(last.status)),
      h("span", { class: "whom" }, whom),
      odd && h("span", { class: "odd", title: t(`signature_${last.signature}`) }, icon("bolt")),
      h("span", { class: "took" }, `${second(post.at)} · ${Math.max(1, Math.round(last.seconds * 1000))} ms${post.tries.length > 1 ? ` · ${post.tries.length}×` : ""}`)));
  }

  async open(post) {
    let whole;
    try {
      whole = await call("GET", `/sandbox/posts/${post.seq}`);
    } catch (problem) {
      whole = { ...post, body: problem.message };
    }
    const tries = whole.tries.map((one, n) => h("li", { class: one.status === 200 ? "good" : "bad" },
      t("try", { n: n + 1, answer: one.status ?? one.problem ?? t("noAnswer"), ms: Math.max(1, Math.round(one.seconds * 1000)) }), ` · ${t(`signature_${one.signature}`)}`));
    const cut = whole.size > whole.body.length;
    this.detail.replaceChildren(
      h("div", { class: "detailtop" }, button("back", t("close"), () => this.close()), h("strong", {}, `${second(whole.at)} · ${t("body", { size: whole.size })}`)),
      h("ul", { class: "tries" }, tries), cut && h("p", { class: "hint" }, t("cut")) || "",
      h("pre", { tabindex: "0" }, cut ? whole.body : coloured(whole.body)));
    this.detail.hidden = false;
    this.rows.hidden = true;
    this.detail.querySelector("button").focus();
  }

  close() {
    this.detail.hidden = true;
    this.rows.hidden = false;
  }
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON with its indentation, as coloured text. */
function coloured(body) {
  let text;
  try {
    text = JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return [body];
  }
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(TOKEN)) {
    const [whole, string, colon, word] = found;
    nodes.push(text.slice(from, found.index));
    if (string !== undefined) nodes.push(h("span", { class: colon ? "key" : "string" }, string), colon ?? "");
    else nodes.push(h("span", { class: word ? "word" : "figure" }, whole));
    from = found.index + whole.length;
  }
  nodes.push(text.slice(from));
  return nodes;
}
