// One message as the person's phone shows it, with the business' statuses under it.

import { h, icon, initials } from "./dom.js";
import { firstLink, formatted, link, plain } from "./format.js";
import { media, mediaOf } from "./media.js";
import { hour, number, second, t } from "./texts.js";

const RANK = ["accepted", "sent", "delivered", "read", "played"];
const TICKS = { accepted: "clock", sent: "tick", delivered: "ticks", read: "ticks", played: "ticks", failed: "alert" };

/** What a message says in one line: for quotes and the list of chats. */
export function gist(entry) {
  const { sent, wrote } = entry;
  if (sent) return plain(sent.text || sent.header || "") || kindWord(sent.media_type ?? sent.type);
  const own = wrote?.[wrote.type] ?? {};
  const said = own.body ?? own.text ?? own.caption ?? own.emoji ?? own.button_reply?.title ?? own.list_reply?.title;
  return typeof said === "string" && said ? plain(said) : kindWord(wrote?.type ?? "");
}

function kindWord(kind) {
  const words = { image: "photo", document: "document", audio: "audio", video: "video", sticker: "sticker",
    location: "place", contacts: "contact" };
  return words[kind] ? t(words[kind]) : t("notShownType", { type: kind });
}

/** Is this entry a bubble of its own?  Reactions and such change another one. */
export const stands = (entry) =>
  !(entry.sent?.reaction || ["reaction", "edit", "revoke"].includes(entry.wrote?.type));

/** What happened to the person, said by nobody: a new number, a choice in the app. */
const isNews = ({ wrote, field }) =>
  wrote !== undefined && (wrote.type === "system" || !["messages", "smb_message_echoes"].includes(field));

/** The element of an entry.  `act` says what can be done: see phone.js. */
export function bubble(entry, act) {
  if (isNews(entry)) {
    const words = entry.wrote.system?.body ?? entry.wrote.detail ?? kindWord(entry.wrote.type);
    return h("article", { class: "message news", "data-id": entry.id }, h("div", { class: "pill" }, String(words)));
  }
  const mine = entry.wrote !== undefined && entry.field === "messages";
  const inside = entry.sent ? business(entry.sent, act) : person(entry, act);
  const body = h("div", { class: "bubble" }, inside, h("span", { class: "time" }, hour(entry.at), mine && ownTick(entry)));
  const picture = entry.sent?.media_type ?? entry.wrote?.type;
  if (["image", "video"].includes(picture)) body.classList.add("pictured");
  if (picture === "sticker") body.classList.add("bare");
  const tools = h("span", { class: "tools" },
    h("button", { type: "button", "aria-label": t("reply"), title: t("reply"), onclick: () => act.quote(entry) }, icon("reply")),
    !mine && h("button", { type: "button", "aria-label": t("react"), title: t("react"), onclick: (e) => act.react(entry, e.currentTarget) }, icon("smile")));
  return h("article", { class: mine ? "message mine" : "message theirs", "data-id": entry.id, tabindex: "-1" },
    h("div", { class: "line" }, body, tools),
    entry.sent && buttons(entry, act),
    h("div", { class: "chips", hidden: true }),
    entry.sent && statusLine(entry));
}

// --- what the business sent -----------------------------------------------------------------------
function business(sent, act) {
  const parts = [quote(sent.context_id, act)];
  if (sent.media_type) parts.push(media(mediaOf(sent)));
  if (sent.location) parts.push(place(sent.location));
  for (const card of sent.contacts ?? []) parts.push(contactCard(card));
  if (sent.header) parts.push(h("div", { class: "head" }, sent.header));
  const address = (sent.preview || sent.template) && !sent.media_type && firstLink(sent.text ?? "");
  if (address) parts.push(preview(address));
  if (sent.text) parts.push(h("div", { class: "text" }, formatted(sent.text)));
  if (sent.footer) parts.push(h("div", { class: "foot" }, sent.footer));
  if (parts.every((part) => !part)) parts.push(h("div", { class: "text odd" }, kindWord(sent.type)));
  return parts;
}

/** A card for the first link, of what the address itself tells: nothing is fetched. */
function preview(address) {
  let url, path;
  try {
    url = new URL(address);
    path = decodeURI(url.pathname).replace(/\/$/, "");
  } catch {
    return null; // no address, or not one that can be read
  }
  const card = link(address, h("span", { class: "mark" }, icon("globe")),
    h("span", { class: "where" }, h("strong", {}, url.host), h("span", {}, path || "/")));
  card.classList.add("preview");
  return card;
}

function buttons(entry, act) {
  const { buttons: given = [], rows = [] } = entry.sent;
  if (!given.length) return null;
  return h("div", { class: "buttons" }, given.map((one) => {
    const label = [pictogram(one.kind), h("span", {}, one.text)];
    if (one.url) {
      const leading = link(one.url, label);
      leading.classList.add("press");
      return leading;
    }
    const press = { list: () => act.list(entry, rows), copy_code: () => act.copy(one.payload ?? "") };
    return h("button", { type: "button", class: "press", onclick: press[one.kind] ?? (() => act.press(entry, one)) }, label);
  }));
}

function pictogram(kind) {
  const name = { url: "link", phone_number: "phone", copy_code: "copy", list: "list", location: "pin",
    contact_info: "person", quick_reply: "reply", reply: "reply" }[kind];
  return name ? icon(name) : null;
}

/** The newest status in words; all of them, with their times, on a closer look. */
export function statusLine(entry) {
  const line = h("div", { class: "status" });
  refresh(line, entry);
  return line;
}

/** Show the statuses as they are now. */
export function refresh(line, entry) {
  const failed = entry.steps.find((step) => step.status === "failed");
  const best = entry.steps.reduce((a, b) => (RANK.indexOf(b.status) > RANK.indexOf(a.status) ? b : a));
  const now = failed && RANK.indexOf(best.status) < 2 ? failed : best;
  const name = TICKS[now.status] ? now.status : "accepted";
  const words = now.code ? `${t(name)} · ${now.code} ${now.text ?? ""}` : t(name);
  const how = entry.sent.template ? t("template", { name: entry.sent.template.name }) : t("freeText");
  const all = entry.steps.map((step) => `${t(step.status)} ${second(step.at)}`).join(" → ");
  line.className = `status ${name}`;
  line.title = all;
  line.replaceChildren(icon(TICKS[name]), h("span", { class: "state" }, words), h("span", { class: "how" }, `· ${how}`));
}

// --- what the person wrote ------------------------------------------------------------------------
function person(entry, act) {
  const message = entry.wrote;
  const own = message[message.type] ?? {};
  const parts = [quote(message.context?.id, act)];
  switch (message.type) {
    case "text": parts.push(h("div", { class: "text" }, formatted(String(own.body ?? "")))); break;
    case "button": parts.push(h("div", { class: "text" }, String(own.text ?? ""))); break;
    case "interactive": {
      const reply = own.button_reply ?? own.list_reply ?? {};
      parts.push(h("div", { class: "text" }, String(reply.title ?? own.nfm_reply?.body ?? "")));
      if (reply.description) parts.push(h("div", { class: "foot" }, reply.description));
      break;
    }
    case "location": parts.push(place(own)); break;
    case "contacts": parts.push(...message.contacts.map(contactCard)); break;
    case "image": case "video": case "audio": case "document": case "sticker":
      parts.push(media({ kind: message.type, source: own.id ? `/sandbox/files/${own.id}` : own.url,
        name: own.filename, voice: own.voice }));
      if (own.caption) parts.push(h("div", { class: "text" }, formatted(String(own.caption))));
      break;
    default: parts.push(h("div", { class: "text odd" }, kindWord(message.type)));
  }
  if (entry.field !== "messages") parts.push(h("div", { class: "foot" }, t("fromApp")));
  return parts;
}

/** Ticks of the person's own message: did the gateway hear it, did the business read it? */
export function ownTick(entry) {
  const { answer, read } = entry;
  if (read) return h("span", { class: "tickbox seen", title: t("seen") }, icon("ticks", t("seen")));
  if (!answer) return h("span", { class: "tickbox", title: t("waiting") }, icon("clock", t("waiting")));
  if (answer.status === 200) return h("span", { class: "tickbox", title: t("heard") }, icon("ticks", t("heard")));
  const why = t("unheard", { why: answer.error ?? `HTTP ${answer.status}` });
  return h("span", { class: "tickbox bad", title: why }, icon("alert", why));
}

// --- parts of both --------------------------------------------------------------------------------
function quote(id, act) {
  const quoted = id && act.find(id);
  if (!quoted) return null;
  const who = quoted.sent ? act.business(quoted.number).name : t("you");
  return h("button", { type: "button", class: quoted.sent ? "quote" : "quote own", onclick: () => act.show(id) },
    h("strong", {}, who), h("span", {}, gist(quoted)));
}

function place({ latitude, longitude, name, address }) {
  return h("div", { class: "place" }, h("span", { class: "map" }, icon("pin")),
    h("span", { class: "where" }, h("strong", {}, name ?? t("place")),
      h("span", {}, address ?? `${Number(latitude).toFixed(5)}, ${Number(longitude).toFixed(5)}`)));
}

function contactCard(card) {
  const name = String(card.name?.formatted_name ?? t("contact"));
  const company = card.org?.company === name ? t("contact") : card.org?.company;
  const ways = [
    ...(card.phones ?? []).map(({ phone }) => ["phone", String(phone ?? ""), `tel:${phone}`]),
    ...(card.emails ?? []).map(({ email }) => ["mail", email, `mailto:${email}`]),
    ...(card.urls ?? []).map(({ url }) => ["globe", url, url]),
  ].filter(([, text]) => typeof text === "string" && text);
  return h("div", { class: "contact" },
    h("div", { class: "holder" }, h("span", { class: "avatar" }, initials(name)),
      h("span", { class: "where" }, h("strong", {}, name), company && h("span", {}, String(company)))),
    ways.map(([sign, text, address]) => {
      const way = link(address, icon(sign), h("span", {}, sign === "phone" ? number(text) : text));
      way.classList.add("way");
      return way;
    }));
}

