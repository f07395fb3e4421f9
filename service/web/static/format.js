// Times and sizes for people, and small helpers to build the page.

import { span } from "./document-status.js";

export const ago = (iso, now = Date.now()) => {
  const past = now - Date.parse(iso);
  return past < 5000 ? "just now" : `${span(past)} ago`;
};

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
export const absolute = (iso) => DATE.format(new Date(iso));
export const clock = (iso) => TIME.format(new Date(iso));

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  for (const [unit, factor] of [["GB", 1e9], ["MB", 1e6], ["KB", 1e3]])
    if (bytes >= factor) return `${(bytes / factor).toFixed(bytes >= 10 * factor ? 0 : 1)} ${unit}`;
  return `${bytes} B`;
}

/** An element: `element("li", {className: "row"}, "text", child)`. Text is only ever text. */
export function element(name, properties = {}, ...children) {
  const { dataset = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(name), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const $ = (selector, within = document) => within.querySelector(selector);

/** Changes text only where it is different, so that nothing flickers and no reader repeats. */
export const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };

let hiding;
export function toast(text) {
  const node = $("#toast");
  node.textContent = text;
  node.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { node.hidden = true; }, 6000);
}

/** At most one call each `pause` ms, and always one after the last request for it. */
export function throttled(pause, work) {
  let last = 0, timer = null;
  return () => {
    if (timer !== null) return;
    timer = setTimeout(() => { timer = null; last = Date.now(); work(); }, Math.max(0, last + pause - Date.now()));
  };
}
