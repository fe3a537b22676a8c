// Elements without markup: text is set as text, addresses are looked at before they are set.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element; members of `props` are attributes, `on…` listeners, `class`, `data-…`. */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An address a person may follow: http, https, tel or mailto; anything else leads nowhere. */
export function safe(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "tel:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** Is it a file on this machine?  Only those are loaded. */
export function local(address) {
  try {
    const url = new URL(address, location.href);
    return ["127.0.0.1", "localhost", "[::1]", location.hostname].includes(url.hostname);
  } catch {
    return false;
  }
}

/** Initials for an avatar. */
export function initials(name) {
  const parts = name.split(/\s+/).filter((part) => /[\p{L}\p{N}]/u.test(part[0] ?? ""));
  return (parts.length > 1 ? parts[0][0] + parts[parts.length - 1][0] : name.slice(0, 2)).toUpperCase();
}

const PATHS = {
  tick: "M2 6.6 5 9.6 11.4 2.6",
  ticks: "M1 6.6 4 9.6 10.4 2.6M7.2 8.6 8.2 9.6 14.6 2.6",
  clock: "M8 1.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6M8 3.4V6l1.8 1.2",
  alert: "M8 1.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6M8 3.4v3M8 8.5v.1",
  send: "M3.5 12 20 4.5 14.5 20l-3.2-6.3zM11.3 13.7 20 4.5",
  plus: "M12 5v14M5 12h14",
  dots: "M12 5.5v.1M12 12v.1M12 18.5v.1",
  search: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12M15 15l5 5",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  forth: "M9 5l7 7-7 7",
  down: "M5 9l7 7 7-7",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9v.1",
  paper: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  play: "M8 5.5v13l10-6.5z",
  voice: "M12 4a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0v-5A2.5 2.5 0 0 1 12 4M6 11.5a6 6 0 0 0 12 0M12 17.5V21",
  pin: "M12 21c5-6 7-8.600 7-11.500a7 7 0 0 0-14 0C5 12.400 7 15 12 21M12 7.500a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.500 20c1-4 4-5.500 7.500-5.500s6.500 1.500 7.500 5.500",
  phone: "M6 4h3.500l1.500 4-2 1.500a11 11 0 0 0 5.500 5.500l1.500-2 4 1.500V18a2 2 0 0 1-2 2C11 20 4 13 4 6a2 2 0 0 1 2-2",
  mail: "M4 6h16v12H4zM4 7.5l8 6 8-6",
  link: "M14 5h5v5M19 5l-8 8M10 6H5v13h13v-5",
  globe: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17M3.500 12h17M12 3.500c5 5 5 12 0 17M12 3.500c-5 5-5 12 0 17",
  reply: "M10 6 4 11.500l6 5.500v-3.500c5 0 8 1.500 10 5 0-6-3.500-9.500-10-9.500z",
  copy: "M9 9h10v11H9zM5 15V4h10v2",
  list: "M8 6h12M8 12h12M8 18h12M4 6v.1M4 12v.1M4 18v.1",
  smile: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17M8 14c1 2 2.500 2.800 4 2.800s3-.8 4-2.800M9 9.500v.1M15 9.500v.1",
  bolt: "M13 3 5 13.500h6L10 21l9-11.500h-6.500z",
  hook: "M12 3v9M12 12a4.500 4.500 0 1 1-4.500 4.500M9 6l3-3 3 3",
  verified: "M12 2.800 14.500 4.600l3-.2.800 3 2.500 1.800-1.100 2.800 1.100 2.800-2.500 1.800-.8 3-3-.2L12 21.200l-2.500-1.800-3 .2-.8-3-2.500-1.800L4.300 12 3.200 9.200l2.500-1.800.8-3 3 .2zM8.500 12l2.500 2.500 4.500-5",
};

/** A line drawing; the small ones (tick, ticks, clock, alert) are 16 by 12. */
export function icon(name, label) {
  const small = ["tick", "ticks", "clock", "alert"].includes(name);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", small ? "0 0 16 12" : "0 0 24 24");
  svg.setAttribute("class", `icon i-${name}`);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button with a drawing and a name for those who do not see it. */
export function button(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "round", "aria-label": label, title: label, onclick, ...props }, icon(name));
}
