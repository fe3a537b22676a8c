// The page: a bar, phones side by side, a drawer; on a narrow screen a list of chats first.

import { gist, stands } from "./bubble.js";
import { Drawer } from "./drawer.js";
import { FaultPanel } from "./faults.js";
import { button, h, icon } from "./dom.js";
import { PhoneView } from "./phone.js";
import { dialog, toast } from "./sheet.js";
import { Store, call } from "./store.js";
import { count, hour, language, number, t } from "./texts.js";

const NARROW = matchMedia("(max-width: 620px)");
const SHOWN = 24; // phones that are drawn; more are found by searching

class Page {
  constructor() {
    document.documentElement.lang = language;
    document.title = t("title");
    this.views = new Map();
    this.numbers = {};
    this.active = [];
    this.total = 0;
    this.store = new Store(this);
    this.drawer = new Drawer();
    this.panel = new FaultPanel(() => this.active);
    this.build();
    this.store.load();
  }

  build() {
    this.field = h("input", { type: "search", placeholder: t("find"), "aria-label": t("find"), oninput: () => {
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.store.load(this.field.value), 200);
    } });
    this.counts = h("dl", { class: "counts" });
    this.link = h("span", { class: "link", role: "status" }, h("i"), h("span", {}, t("reconnecting")));
    this.place = h("span", { class: "place-of", "aria-live": "polite" });
    this.tabs = [["webhooks", "hook", this.drawer.node], ["faults", "bolt", this.panel.node]].map(([key, sign, node]) => {
      const tab = h("button", { type: "button", class: "tab", "aria-pressed": "false", onclick: () => this.toggle(key) }, icon(sign), h("span", {}, t(key)));
      return { key, node, tab };
    });
    const bar = h("header", { class: "bar" },
      h("div", { class: "brand" }, h("img", { src: "/page/icon.svg", alt: "" }), h("div", {}, h("h1", {}, t("brand")), h("p", {}, t("tagline")))),
      h("label", { class: "search" }, icon("search"), this.field),
      this.counts,
      h("nav", { class: "pager" }, button("back", t("previous"), () => this.turn(-1)), this.place, button("forth", t("next"), () => this.turn(1))),
      h("div", { class: "tabs" }, h("button", { type: "button", class: "tab add", "aria-label": t("addPhone"), title: t("addPhone"), onclick: () => this.addPhone() }, icon("plus")),
        this.tabs.map(({ tab }) => tab)),
      this.link);
    this.strip = h("div", { class: "phones", role: "list", "aria-label": t("title"), tabindex: "-1" });
    this.strip.addEventListener("scroll", () => this.where(), { passive: true });
    new ResizeObserver(() => this.where()).observe(this.strip);
    this.list = h("nav", { class: "people", "aria-label": t("chats") });
    this.more = h("p", { class: "more", role: "status", hidden: true });
    this.side = h("aside", { class: "side", hidden: true }, this.drawer.node, this.panel.node);
    document.body.replaceChildren(bar, h("main", {}, this.list, h("div", { class: "stage" }, this.strip, this.more), this.side));
    const wide = matchMedia("(min-width: 1240px)").matches;
    this.toggle(wide ? localStorage.getItem("drawer") ?? "webhooks" : "", true);
    NARROW.addEventListener("change", () => this.rows());
    document.addEventListener("keydown", (event) => {
      if (event.target.closest("input, textarea, select, dialog")) return;
      if (event.key === "/") { event.preventDefault(); this.field.focus(); }
      if (event.key === "ArrowRight") this.turn(1);
      if (event.key === "ArrowLeft") this.turn(-1);
    });
    setInterval(() => this.views.forEach((view) => { view.ticking.textContent = hour(Date.now() / 1000); }), 20_000);
  }

  // --- what the store tells -----------------------------------------------------------------------
  snapshot(all) {
    this.numbers = all.business;
    this.active = all.faults;
    this.kinds = new Map(all.kinds.map((kind) => [kind.name, kind]));
    this.panel.kinds = all.kinds;
    this.total = all.total;
    this.found = all.found;
    const [x, seen] = [this.strip.scrollLeft, this.open];
    this.views.clear();
    this.strip.replaceChildren();
    for (const phone of all.phones) this.show(phone);
    this.strip.scrollLeft = x;
    if (seen && this.views.has(seen)) this.enter(seen);
    this.drawer.reset(all.posts);
    this.stats(all.counts);
    this.panel.refresh();
    this.remaining();
    this.linked();
  }

  update({ changes = [], counts, faults, total }) {
    for (const change of changes) {
      if (change.kind === "webhook") { this.drawer.add(change.webhook); continue; }
      if (change.kind === "entry") this.drawer.belongs(change.id, change.contact);
      let view = this.views.get(change.contact);
      if (!view && !this.store.find && this.views.size < SHOWN && (change.phone || change.entry)) {
        view = this.show(change.phone ?? { contact: change.contact, name: "", label: {}, entries: [] });
        this.found = Math.max(this.found, this.views.size);
      }
      view?.apply(change);
    }
    if (total) this.total = total;
    if (counts) this.stats(counts);
    if (faults) {
      this.active = faults;
      this.views.forEach((view) => view.showFaults());
      this.panel.refresh();
    }
    this.later ??= setTimeout(() => this.remaining(), 300);
  }

  line(live) {
    this.link.classList.toggle("on", live);
    this.link.lastChild.textContent = t(live ? "live" : "reconnecting");
  }

  /** A wa.me link was opened: its text is typed into a phone, and the person presses "send". */
  async linked() {
    const asked = new URLSearchParams(location.search);
    if (!asked.has("chat")) return;
    history.replaceState(null, "", "/"); // opened once, not with every reload
    const digits = (text) => text.replace(/\D/g, "");
    const chat = digits(asked.get("chat"));
    const number = Object.keys(this.numbers).find((id) => digits(this.numbers[id].number) === chat);
    if (!number) return toast(t("noNumber", { number: `+${chat}` }));
    try {
      const phone = asked.get("phone");
      const contact = phone ? (await call("POST", "/sandbox/phones", { phone })).contact : this.anybody();
      if (!contact) return toast(t("noPhones"));
      if (!this.views.has(contact)) await this.store.load("");
      this.enter(contact);
      this.views.get(contact).composer.draft(asked.get("text") ?? "", number);
    } catch (problem) {
      toast(t("failedCall", { why: problem.message }));
    }
  }

  /** Whose phone a link is opened on if nobody says: somebody's who has not been talking, or the first. */
  anybody() {
    const all = [...this.views.values()];
    return (all.find((view) => !view.entries.size) ?? all[0])?.contact;
  }

  // --- what the phones ask for --------------------------------------------------------------------
  business(id) { return this.numbers[id] ?? Object.values(this.numbers)[0] ?? { name: "", number: "" }; }

  faultsOf(contact) {
    return this.active.filter((fault) => fault.number === contact || fault.number === null)
      .map((fault) => ({ name: this.panel.title(fault.fault), does: this.kinds.get(fault.fault)?.does ?? "" }));
  }

  menu(contact) {
    this.panel.choose(contact);
    this.toggle("faults", true);
    this.panel.node.querySelector("select, button, input")?.focus();
  }

  back() {
    this.open = null;
    document.body.classList.remove("inside");
    this.rows();
  }

  touched(view) {
    if (this.views.has(view.contact) && NARROW.matches) this.drawn ??= setTimeout(() => this.rows(), 200);
  }

  // --- drawing ------------------------------------------------------------------------------------
  show(phone) {
    const view = new PhoneView(phone, this);
    this.views.set(phone.contact, view);
    this.strip.append(view.node);
    view.toEnd();
    this.touched(view);
    return view;
  }

  stats({ received, refused, webhooks }) {
    const no = Object.entries(refused);
    const entries = [
      ["received", count(received), ""],
      ["refused", count(no.reduce((sum, [, n]) => sum + n, 0)), no.map(([code, n]) => `${code}: ${n}`).join("\n")],
      ["posted", count(webhooks.posted + webhooks.failed), webhooks.failed ? `${webhooks.failed} ${t("failedPosts")}` : ""],
    ];
    this.counts.replaceChildren(...entries.map(([key, n, title]) =>
      h("div", { title, class: key === "refused" && n !== "0" ? "warn" : null }, h("dd", {}, n), h("dt", {}, t(key)))));
  }

  remaining() {
    this.later = undefined;
    const hidden = (this.store.find ? this.found : this.total) - this.views.size;
    const none = this.views.size ? "" : t(this.store.find ? "noneFound" : "noPhones");
    this.more.textContent = hidden > 0 ? t("notShown", { n: count(hidden) }) : none;
    this.more.hidden = !this.more.textContent;
    this.where();
  }

  /** Say which phones are in view. */
  where() {
    const box = this.strip.getBoundingClientRect();
    const inside = [...this.views.values()].map((view) => view.node.getBoundingClientRect())
      .map((one) => one.left >= box.left - 40 && one.right <= box.right + 40);
    const [first, last] = [inside.indexOf(true) + 1, inside.lastIndexOf(true) + 1];
    this.place.textContent = first ? t("of", { first, last, all: inside.length }) : "";
  }

  turn(by) {
    const step = this.strip.firstElementChild?.getBoundingClientRect().width ?? 0;
    const many = Math.max(1, Math.floor(this.strip.clientWidth / (step + 24)));
    this.strip.scrollBy({ left: by * many * (step + 24), behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  toggle(key, open = this.shown !== key) {
    this.shown = open ? key : "";
    for (const { key: own, node, tab } of this.tabs) {
      node.hidden = own !== this.shown;
      tab.setAttribute("aria-pressed", String(own === this.shown));
    }
    this.side.hidden = !this.shown;
    this.drawer.draw();
    if (matchMedia("(min-width: 1240px)").matches) localStorage.setItem("drawer", this.shown);
  }

  /** The list of chats, for narrow screens: newest first. */
  rows() {
    this.drawn = undefined;
    const sorted = [...this.views.values()].sort((a, b) => (b.last?.at ?? 0) - (a.last?.at ?? 0));
    this.list.replaceChildren(...sorted.map((view) => {
      const last = view.last;
      return h("button", { type: "button", class: "person", onclick: () => this.enter(view.contact) },
        h("span", { class: "avatar" }, view.contact.slice(-2), h("i", { class: `tone ${view.phone.tone ?? ""}` })),
        h("span", { class: "who" }, h("strong", {}, view.name), h("span", {}, view.label || view.phone.name)),
        h("span", { class: "when" }, last && stands(last) ? hour(last.at) : ""),
        h("span", { class: "gist" }, last ? gist(last) : t("empty")));
    }));
  }

  enter(contact) {
    this.open = contact;
    document.body.classList.add("inside");
    const view = this.views.get(contact);
    view.node.scrollIntoView({ inline: "start", block: "nearest" });
    view.toEnd();
  }

  addPhone() {
    const field = h("input", { type: "text", placeholder: "+49 171 3920011", "aria-label": t("addHint"), required: true, autofocus: true });
    const add = async (phone) => {
      try {
        const added = await call("POST", "/sandbox/phones", { phone });
        box.close();
        this.field.value = "";
        await this.store.load("");
        this.enter(added.contact);
      } catch (problem) {
        toast(t("failedCall", { why: problem.message }));
      }
    };
    const without = () => add(`DE.${String(Date.now()).padStart(20, "7")}`);
    const box = dialog(t("addTitle"),
      h("form", { class: "adding", onsubmit: (event) => { event.preventDefault(); add(field.value); } },
        h("label", {}, t("addHint"), field), h("button", { type: "submit", class: "main" }, t("addButton"))),
      h("button", { type: "button", class: "plain", onclick: without }, icon("person"), t("addWithout")));
  }
}

new Page();
