// Elements, times and sizes for people.

/** An element: `element("li", {className: "row"}, "text", child)`. Text is only ever text. */
export function element(name, properties = {}, ...children) {
  const { dataset = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(name), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const $ = (selector, within = document) => within.querySelector(selector);

/** Changes text only where it is different, so that nothing flickers and no reader repeats. */
export const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };

/** The broker's clock, as far as its last answer tells: ages must not depend on this machine's. */
export const clock = { ahead: 0, now: () => Date.now() + clock.ahead };

export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 100 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export function relative(at, now = clock.now()) {
  if (at > now + 500) return `in ${span(at - now)}`;
  return now - at < 3000 ? "just now" : `${span(now - at)} ago`;
}

export const took = (ms) => ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
export const absolute = (at) => DATE.format(new Date(at));
export const timeOfDay = (at) => TIME.format(new Date(at));

/** A moment that ages by itself: `tick` says it anew. */
export function moment(at, prefix = "") {
  const node = element("time", { dateTime: new Date(at).toISOString(), title: absolute(at), dataset: { at: String(at), prefix } });
  node.textContent = prefix + relative(at);
  return node;
}

export function tick() {
  for (const node of document.querySelectorAll("time[data-at]")) say(node, node.dataset.prefix + relative(Number(node.dataset.at)));
}

export function size(bytes) {
  for (const [unit, factor] of [["MB", 1e6], ["KB", 1e3]])
    if (bytes >= factor) return `${(bytes / factor).toFixed(bytes >= 10 * factor ? 0 : 1)} ${unit}`;
  return `${bytes} B`;
}

export const many = (count, one, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;

let hiding;
export function toast(text, link = null) {
  const node = $("#toast");
  node.replaceChildren(text, ...(link ? [" ", link] : []));
  node.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { node.hidden = true; }, 8000);
}

/** A button that asks once more before it acts. */
export function twice(label, sure, act) {
  let until = 0;
  const button = element("button", { onclick: () => {
    if (Date.now() < until) { until = 0; calm(); return act(); }
    until = Date.now() + 4000;
    say(button, sure);
    button.classList.add("sure");
    setTimeout(() => Date.now() >= until && calm(), 4100);
  } }, label);
  const calm = () => { say(button, label); button.classList.remove("sure"); };
  return button;
}
