// What goes wrong on purpose, for one person or for everyone: switches with what each does.

import { h } from "./dom.js";
import { formatted } from "./format.js";
import { faultTitle, momentTitle } from "./faulttexts.js";
import { toast } from "./sheet.js";
import { call } from "./store.js";
import { count, number, t } from "./texts.js";

// What a person's phone is likely to do comes first, then the rest in the order of a send.
const FIRST = ["undeliverable", "blocked", "opted_out", "marketing_cap", "no_read_receipts", "slow", "drop_after_accept", "status_none"];

export class FaultPanel {
  constructor(active) {
    this.active = active;
    this.kinds = [];
    this.contact = null;
    this.who = h("select", { "aria-label": t("faults"), onchange: () => this.choose(this.who.value || null) });
    this.list = h("div", { class: "switches" });
    this.wipe = h("button", { type: "button", class: "plain wipe", onclick: () => this.send("DELETE", "/sandbox/faults") }, t("clearAll"));
    this.node = h("section", { class: "panel", "aria-label": t("faults"), hidden: true }, h("h2", {}, t("faults")), this.who, this.list, this.wipe);
  }

  title(name) { return faultTitle(name); }

  choose(contact) {
    this.contact = contact;
    this.drawn = null;
    this.refresh();
  }

  /** Draw anew if the list changed, else only which ones are on. */
  refresh() {
    const drawn = `${this.contact}/${this.kinds.length}`;
    if (this.drawn !== drawn) this.draw();
    this.drawn = drawn;
    const mine = new Map(this.active().filter((one) => one.number === this.contact).map((one) => [one.fault, one]));
    for (const row of this.list.querySelectorAll("[data-fault]")) {
      const on = mine.get(row.dataset.fault);
      row.querySelector("[role=switch]").setAttribute("aria-checked", String(Boolean(on)));
      row.querySelector(".struck").textContent = on?.struck ? t("struck", { n: count(on.struck) }) : "";
    }
    this.wipe.hidden = this.active().length === 0;
  }

  draw() {
    this.who.replaceChildren(h("option", { value: "" }, t("everyone")),
      ...(this.contact ? [h("option", { value: this.contact, selected: true }, number(this.contact))] : []));
    const rank = (kind) => (FIRST.indexOf(kind.name) + 1 || FIRST.length + 1);
    const sorted = [...this.kinds].sort((a, b) => rank(a) - rank(b));
    let moment = null;
    this.list.replaceChildren(...sorted.flatMap((kind) => {
      const group = FIRST.includes(kind.name) ? "first" : kind.moment;
      const head = group !== moment ? [h("h3", {}, momentTitle(group))] : [];
      moment = group;
      return [...head, this.row(kind)];
    }));
  }

  row(kind) {
    const fields = Object.entries(kind.takes).map(([name, value]) => {
      const field = h("input", { type: typeof value === "string" || value === null ? "text" : "number", step: "any", name,
        "aria-label": name, placeholder: name, value: typeof value === "number" ? String(value) : "" });
      return typeof value === "boolean" ? null : h("label", {}, name, field);
    });
    if (kind.how.length) fields.push(h("label", {}, "how", h("select", { name: "how" }, kind.how.map((one) => h("option", {}, one)))));
    const flip = h("button", { type: "button", role: "switch", "aria-checked": "false", "aria-label": faultTitle(kind.name),
      onclick: () => this.flip(kind, row, flip.getAttribute("aria-checked") === "true") }, h("i"));
    const row = h("div", { class: "switch", "data-fault": kind.name },
      h("div", { class: "told" }, h("strong", {}, faultTitle(kind.name), h("span", { class: "struck" })), h("span", {}, formatted(kind.does)),
        fields.some(Boolean) && h("div", { class: "fields" }, fields)), flip);
    return row;
  }

  flip(kind, row, on) {
    if (on) {
      const number = this.contact ? `&number=${encodeURIComponent(this.contact)}` : "";
      return this.send("DELETE", `/sandbox/faults?fault=${kind.name}${number}`);
    }
    const body = { fault: kind.name, number: this.contact };
    for (const field of row.querySelectorAll("input, .fields select")) {
      if (field.value === "") continue;
      const wanted = kind.takes[field.name];
      body[field.name] = field.name === "how" || field.name === "to" ? field.value : Number(field.value);
      if (wanted === "required" && field.name !== "to") body[field.name] = Number(field.value);
    }
    return this.send("POST", "/sandbox/faults", body);
  }

  async send(method, path, body) {
    try {
      await call(method, path, body);
    } catch (problem) {
      toast(t("failedCall", { why: problem.message }));
    }
  }
}
