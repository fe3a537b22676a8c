// One phone: caption, chat, composer.  It shows what it is told and never decides what happened.

import { bubble, gist, ownTick, refresh, stands } from "./bubble.js";
import { composer } from "./composer.js";
import { button, h, icon, initials } from "./dom.js";
import { chooseDeed } from "./deeds.js";
import { chooseReaction, openList, toast } from "./sheet.js";
import { call } from "./store.js";
import { date, hour, number, pick, t } from "./texts.js";

const KEPT = 40; // bubbles per phone, as many as the server keeps

export class PhoneView {
  /** `world`: business(id), faultsOf(contact), menu(contact), back(), touched(view). */
  constructor(phone, world) {
    this.contact = phone.contact;
    this.phone = phone;
    this.world = world;
    this.entries = new Map();
    this.nodes = new Map();
    this.build();
    for (const entry of phone.entries) this.add(entry);
    this.toEnd();
  }

  get name() { return number(this.contact); }
  get label() { return pick(this.phone.label ?? {}); }
  get last() { return [...this.entries.values()].filter(stands).at(-1); }

  build() {
    const { tone } = this.phone;
    this.faults = h("div", { class: "faults" });
    this.caption = h("header", { class: "caption" },
      h("span", { class: `tone ${tone ?? ""}`, title: tone ? t(`tone_${tone}`) : null }),
      h("div", { class: "who" }, h("strong", {}, this.name), h("span", {}, this.label || this.phone.name)),
      button("bolt", t("menu", { who: this.name }), () => this.world.menu(this.contact)));
    const { name, number: display } = this.world.business();
    this.ticking = h("span", {}, hour(Date.now() / 1000));
    this.chat = h("div", { class: "chat", role: "log", "aria-live": "off", "aria-label": this.name, tabindex: "0" });
    this.note = h("div", { class: "pill note" }, t("chatNote", { name }));
    this.nothing = h("div", { class: "nothing" }, t(tone === "no" || tone === "wait" ? "emptyRight" : "empty"));
    this.writing = h("div", { class: "message theirs writing", hidden: true, "aria-label": `${name} ${t("typing")}` },
      h("div", { class: "bubble" }, h("i"), h("i"), h("i")));
    this.chat.append(this.note, this.nothing, this.writing);
    this.chat.addEventListener("scroll", () => { if (this.atEnd) this.fresh.hidden = true; }, { passive: true });
    this.fresh = h("button", { type: "button", class: "fresh", hidden: true, onclick: () => this.toEnd() });
    this.composer = composer(this);
    this.screen = h("div", { class: "screen" },
      h("div", { class: "clock", "aria-hidden": "true" }, this.ticking, h("span", { class: "island" }), h("span", { class: "battery" })),
      h("div", { class: "top" }, button("back", t("back"), () => this.world.back(), { class: "round back" }),
        h("span", { class: "avatar" }, initials(name)),
        h("div", { class: "who" }, h("strong", {}, name, icon("verified", t("business"))), h("span", {}, display)),
        h("span", { class: "self" }, this.name),
        button("dots", t("deeds", { who: this.name }), () => chooseDeed(this.screen, (deed) => this.does(deed)), { class: "round deeds" })),
      this.chat, this.fresh, this.composer.node);
    this.node = h("section", { class: "phone", role: "listitem", "aria-label": `${this.name} ${this.label}`, "data-contact": this.contact },
      this.caption, this.faults, h("div", { class: "device" }, this.screen));
    this.showFaults();
  }

  get atEnd() { return this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < 60; }
  toEnd() { this.chat.scrollTop = this.chat.scrollHeight; this.fresh.hidden = true; }

  // --- what it is told ----------------------------------------------------------------------------
  apply(change) {
    const entry = change.id && this.entries.get(change.id);
    switch (change.kind) {
      case "entry": this.add(change.entry); break;
      case "phone": this.relabel(change.phone); break;
      case "step": if (entry?.sent) this.step(entry, change.step); break;
      case "read": this.read(change.at, entry); break;
      case "typing": this.typing(true); break;
      case "fault": this.flash(); break;
    }
  }

  add(entry) {
    if (this.entries.has(entry.id)) return this.settle(entry);
    if (entry.sent) entry.steps ??= [];
    entry.field ??= "messages";
    const stay = this.atEnd;
    this.entries.set(entry.id, entry);
    this.nothing.hidden = true;
    if (entry.sent) this.typing(false);
    if (!stands(entry)) this.change(entry);
    else this.place(entry);
    while (this.entries.size > KEPT) {
      this.drop(this.entries.keys().next().value);
      this.note.textContent = t("forgotten");
    }
    if (stay || entry.wrote) this.toEnd();
    else this.count();
    this.world.touched(this);
  }

  /** Below the last message that is not younger, whatever came in which order. */
  place(entry) {
    const node = bubble(entry, this.acts());
    let above = this.writing.previousElementSibling;
    while (above.dataset.id ? this.entries.get(above.dataset.id).at > entry.at : above !== this.nothing) above = above.previousElementSibling;
    above.after(node);
    this.nodes.set(entry.id, node);
    const below = node.nextElementSibling;
    this.dated(node);
    this.dated(below.classList.contains("day") ? below.nextElementSibling : below);
  }

  /** The day stands above a message if the one before it was on another, and above nothing else. */
  dated(node) {
    const above = node.previousElementSibling;
    const chip = above.classList.contains("day");
    const before = (chip ? above.previousElementSibling : above).dataset.id;
    const day = node.dataset.id && date(this.entries.get(node.dataset.id).at);
    const wanted = day && !(before && date(this.entries.get(before).at) === day);
    if (chip && !wanted) above.remove();
    if (wanted && !chip) node.before(h("div", { class: "pill day" }, day));
  }

  drop(id) {
    const node = this.nodes.get(id);
    const below = node?.nextElementSibling;
    node?.remove();
    if (below) this.dated(below);
    this.nodes.delete(id);
    this.entries.delete(id);
  }

  /** An entry that this page drew by itself is confirmed. */
  settle(entry) {
    const known = this.entries.get(entry.id);
    if (known.sent) return;
    Object.assign(known, entry);
    this.nodes.get(entry.id)?.querySelector(".tickbox")?.replaceWith(ownTick(known));
  }

  step(entry, step) {
    if (entry.steps.some((one) => one.status === step.status && one.at === step.at)) return;
    entry.steps.push(step);
    const line = this.nodes.get(entry.id)?.querySelector(".status");
    if (line) refresh(line, entry);
  }

  /** A reaction, an edit, a deletion: what it does to the message that it is about. */
  change(entry) {
    const about = entry.sent?.reaction ?? entry.wrote?.[entry.wrote.type] ?? {};
    const node = this.nodes.get(about.message_id ?? about.original_message_id);
    if (!node) return;
    const kind = entry.sent ? "reaction" : entry.wrote.type;
    if (kind === "reaction") {
      const chips = node.querySelector(".chips");
      chips.replaceChildren(...(about.emoji ? [h("span", {}, about.emoji)] : []));
      chips.hidden = !about.emoji;
    } else {
      const text = node.querySelector(".text");
      if (!text) return;
      text.textContent = kind === "revoke" ? t("removed") : String(about.message?.text?.body ?? "");
      text.classList.add("odd");
      text.title = kind === "edit" ? t("edited") : "";
    }
  }

  read(at, until) {
    for (const entry of this.entries.values()) {
      if (!entry.wrote || entry.read || entry.at > (until?.at ?? at)) continue;
      entry.read = true;
      this.nodes.get(entry.id)?.querySelector(".tickbox")?.replaceWith(ownTick(entry));
    }
  }

  typing(on) {
    clearTimeout(this.stop);
    const stay = this.atEnd;
    this.writing.hidden = !on;
    this.chat.append(this.writing);
    if (on) this.stop = setTimeout(() => this.typing(false), 25_000);
    if (on && stay) this.toEnd();
  }

  relabel(phone) {
    this.phone = { ...this.phone, label: phone.label, tone: phone.tone };
    this.caption.querySelector(".who span").textContent = this.label || phone.name;
    this.caption.querySelector(".tone").className = `tone ${phone.tone ?? ""}`;
  }

  showFaults() {
    this.faults.replaceChildren(...this.world.faultsOf(this.contact).map((one) =>
      h("button", { type: "button", class: "fault", title: one.does, onclick: () => this.world.menu(this.contact) }, icon("bolt"), one.name)));
  }

  flash() {
    this.node.classList.remove("struck");
    void this.node.offsetWidth; // so that the animation starts again
    this.node.classList.add("struck");
  }

  count() {
    this.unseen = (this.fresh.hidden ? 0 : this.unseen ?? 0) + 1;
    this.fresh.replaceChildren(icon("down"), t("newMessages", { n: this.unseen }));
    this.fresh.hidden = false;
  }

  // --- what the person does -----------------------------------------------------------------------
  acts() {
    return {
      find: (id) => this.entries.get(id),
      business: (id) => this.world.business(id),
      show: (id) => this.nodes.get(id)?.scrollIntoView({ block: "center", behavior: "smooth" }),
      quote: (entry) => this.composer.quote(entry),
      react: (entry, near) => chooseReaction(near, (emoji) => this.say({ type: "reaction", reaction: { message_id: entry.id, emoji } }, entry)),
      copy: (code) => navigator.clipboard.writeText(code).then(() => toast(t("copied")), () => toast(code)),
      press: (entry, one) => this.press(entry, one),
      list: (entry, rows) => openList(this.screen, gist(entry), rows, (row) =>
        this.say({ type: "interactive", interactive: { type: "list_reply", list_reply: { id: row.id, title: row.title, description: row.description } } }, entry)),
    };
  }

  /** Something beside the chat; what comes of it is told like everything else. */
  async does(deed) {
    try {
      await call("POST", `/sandbox/phones/${encodeURIComponent(this.contact)}/say`, deed);
    } catch (problem) {
      toast(t("failedCall", { why: problem.message }));
    }
  }

  press(entry, one) {
    if (one.kind === "quick_reply") return this.say({ type: "button", button: { payload: one.payload ?? one.text, text: one.text } }, entry);
    if (one.kind === "location") return this.composer.here(entry);
    const reply = { id: one.payload ?? one.text, title: one.text };
    return this.say({ type: "interactive", interactive: { type: "button_reply", button_reply: reply } }, entry);
  }

  /** The person sends `message`, in the webhook's shape, to the number that wrote `to`. */
  async say(message, to) {
    const pending = { id: `pending-${Math.random()}`, at: Date.now() / 1000, number: to?.number ?? "", field: "messages",
      wrote: to && message.type !== "reaction" ? { ...message, context: { id: to.id } } : message };
    this.add(pending);
    let said = null;
    try {
      said = await call("POST", `/sandbox/phones/${encodeURIComponent(this.contact)}/say`, spoken(message, to));
      pending.answer = { status: said.status, error: said.error };
    } catch (problem) {
      toast(t("failedCall", { why: problem.message }));
    }
    const known = said && this.entries.has(said.wamid);
    this.drop(pending.id);
    if (said && !known) this.add({ ...pending, id: said.wamid });
  }
}

/** The body of `say` for a message. */
function spoken(message, to) {
  const kind = message.type;
  const own = message[kind];
  const body = { phone_number_id: to?.number || undefined };
  if (kind !== "reaction") body.context = to?.id;
  if (kind === "text") body.text = own.body;
  else if (kind === "interactive") body[own.type] = own[own.type];
  else body[kind] = own;
  return body;
}
