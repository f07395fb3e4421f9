// The list of documents: one row each, newest first, changed in place while the feed speaks.

import { request } from "./api.js";
import { describe, icon, render } from "./document-status.js";
import { $, absolute, ago, element, say, size } from "./format.js";
import { queue } from "./health.js";

const PAGE = 50;
const rows = new Map(); // id -> {doc, node}
const SVG = "http://www.w3.org/2000/svg";

const DELIVERIES = {
  created: ["QStash has it and will deliver it", "M3 6.5h10v6H3zM3 6.5 8 10l5-3.5M8 1.5v3"],
  active: ["QStash is delivering it now", "M2 8h9m0 0L7.5 4.5M11 8l-3.5 3.5M14 3v10"],
  delivered: ["Delivered: our endpoint answered", "m1.5 8.5 3 3 6-7M7.5 11.5l6.5-7"],
  error: ["The last delivery failed", "M8 2.5 14.5 13.5h-13zM8 6.5v3.2m0 1.8v.1"],
  retry: ["QStash will deliver it again", "M13 6A5.5 5.5 0 0 0 3 5.5M3 2.5v3h3M3 10a5.5 5.5 0 0 0 10 .5m0 3v-3h-3"],
  failed: ["QStash gave up; it is in the dead letter queue", "M3 5.5h10v8H3zM6 2.5h4M6.3 8l3.4 3.4m0-3.4-3.4 3.4"],
  cancelled: ["Taken back from QStash", "M3 8h10M5.5 5.5 3 8l2.5 2.5"],
};
const NOT_YET = ["Not handed to QStash yet", "M4 8h.1M8 8h.1M12 8h.1"];

let loads = 0;

export const view = { filter: [], search: "", next: null, selected: null, loaded: false };

export const known = (id) => rows.get(id)?.doc;

/** Loads the newest documents; gives the cursor from which the feed goes on. */
export async function load({ older = false } = {}) {
  const query = new URLSearchParams({ limit: String(PAGE) });
  for (const status of view.filter) query.append("status", status);
  if (older && view.next) query.set("cursor", view.next);
  const turn = (loads += 1);
  const answer = await request(`/v1/documents?${query}`);
  const { documents, next } = await answer.json();
  if (turn !== loads) return { cursor: null, documents: [] }; // another filter was chosen meanwhile
  if (!older) { rows.clear(); $("#list").replaceChildren(); }
  view.next = next;
  view.loaded = true;
  for (const doc of documents) if (!rows.has(doc.id)) $("#list").append(added(doc));
  settle();
  return { cursor: answer.headers.get("Feed-Cursor"), documents };
}

/** A document changed, or is new. */
export function change(doc) {
  const row = rows.get(doc.id);
  if (!row) { if (fits(doc)) arrive(doc); return; }
  if (doc.position < row.doc.position) return;
  row.doc = doc;
  draw(row);
  settle();
}

function arrive(doc) {
  const node = added(doc);
  node.classList.add("arrived");
  const below = [...$("#list").children].find((other) => rows.get(other.dataset.id).doc.created_at < doc.created_at);
  if (!below && view.next) { rows.delete(doc.id); return; } // older than what is loaded
  $("#list").insertBefore(node, below ?? null);
  settle();
}

/** Shows and hides rows by filter and search; a row that left the filter stays until it is reloaded. */
export function settle() {
  const wanted = view.search.trim().toLowerCase();
  let shown = 0;
  for (const { doc, node } of rows.values()) {
    node.hidden = !(wanted === "" || doc.name.toLowerCase().includes(wanted) || doc.id.includes(wanted)) || !fits(doc);
    if (!node.hidden) shown += 1;
  }
  $("#list").hidden = shown === 0;
  $("#more").hidden = !view.next || wanted !== "";
  if (view.loaded) emptiness(shown);
}

const fits = (doc) => view.filter.length === 0 || view.filter.includes(doc.status);

function emptiness(shown) {
  const box = $("#empty");
  box.hidden = shown > 0;
  if (shown > 0) return;
  const cause = view.search ? "search" : view.filter.includes("failed") ? "healthy" : view.filter.length ? "filter" : "nothing";
  if (box.dataset.cause === cause) return;
  box.dataset.cause = cause;
  const clear = (text) => element("button", { onclick: () => dispatchEvent(new Event("clear-filters")) }, text);
  box.replaceChildren(...{
    nothing: () => [icon("clock"), element("h2", {}, "Nothing here yet"), element("p", {}, "Drop a PDF anywhere on this page, or send the first one from a terminal:"), element("pre", {}, "waybill upload invoice.pdf")],
    search: () => [icon("dot"), element("h2", {}, "No document matches"), element("p", {}, "Names and ids of the documents loaded here were searched. "), clear("Clear the search")],
    filter: () => [icon("dot"), element("h2", {}, "None in this state"), element("p", {}, "There are documents in other states. "), clear("Show all of them")],
    healthy: () => [icon("check"), element("h2", {}, "Nothing has failed"), element("p", {}, queue.total ? `All is well with ${queue.total} document${queue.total === 1 ? "" : "s"}. ` : "All is well. "), clear("Show all documents")],
  }[cause]());
}

function added(doc) {
  const badge = element("span", { className: "status-badge" });
  const name = element("div", { className: "name" }, element("b"), element("small"));
  const pages = element("div", { className: "pages" }, element("span"), element("progress", { max: 1, value: 0 }));
  const delivery = element("span", { className: "delivery" });
  const when = element("time", { className: "when" });
  const node = element("li", { className: "row", tabIndex: 0, dataset: { id: doc.id } }, badge, name, pages, delivery, when);
  const row = { doc, node };
  rows.set(doc.id, row);
  draw(row);
  return node;
}

function draw({ doc, node }) {
  const [badge, name, pages, delivery, when] = node.children;
  render(badge, doc);
  say(name.firstChild, doc.erasure ? "Erased" : doc.name || doc.id);
  name.classList.toggle("erased", Boolean(doc.erasure));
  const trouble = doc.status === "failed" || doc.status === "retrying" ? doc.error : null;
  name.lastChild.classList.toggle("bad", Boolean(trouble));
  say(name.lastChild, trouble ?? [doc.id, doc.erasure ? "" : size(doc.bytes)].filter(Boolean).join(" · "));
  name.title = [doc.name, doc.id, trouble].filter(Boolean).join("\n");
  const total = doc.pages_total;
  pages.toggleAttribute("data-none", !total);
  if (total) {
    const done = doc.status === "succeeded" ? total : doc.pages_done;
    const noun = `page${total === 1 ? "" : "s"}`;
    say(pages.firstChild, done < total ? `${done} / ${total} ${noun}` : `${total} ${noun}`);
    pages.lastChild.hidden = doc.status === "succeeded";
    pages.lastChild.value = done / total;
  }
  glyph(delivery, doc);
  ages({ doc, node }, when);
}

function glyph(box, doc) {
  const [words, path] = DELIVERIES[doc.delivery] ?? NOT_YET;
  const heard = doc.heard_at ? `; last heard ${ago(doc.heard_at)}` : "";
  box.title = `${words}${heard}`;
  if (box.dataset.delivery === (doc.delivery ?? "none")) return;
  box.dataset.delivery = doc.delivery ?? "none";
  const svg = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  line.setAttribute("d", path);
  svg.append(line);
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", words);
  box.replaceChildren(svg);
}

function ages({ doc }, when) {
  say(when, ago(doc.updated_at));
  when.dateTime = doc.updated_at;
  when.title = absolute(doc.updated_at);
}

/** Once a second: relative times, countdowns, and how stale all of it is. */
export function tick(staleSince) {
  for (const row of rows.values()) {
    if (row.node.hidden) continue;
    render(row.node.firstChild, row.doc, staleSince);
    ages(row, row.node.lastChild);
  }
}

/** Marks one row as the current one; `step` goes down or up from it. */
export function select(id) {
  view.selected = id;
  for (const { doc, node } of rows.values()) {
    if (doc.id === id) node.setAttribute("aria-current", "true"); else node.removeAttribute("aria-current");
  }
}

export function step(by) {
  const shown = [...$("#list").children].filter((node) => !node.hidden);
  const at = shown.findIndex((node) => node.dataset.id === view.selected);
  const next = shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by))];
  if (!next) return null;
  select(next.dataset.id);
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return next.dataset.id;
}

/** What a screen reader is told, gathered: a hundred changes are one sentence. */
export function announced(changes) {
  if (changes.length > 3) return `${changes.length} documents changed.`;
  // After an erasure nothing may go on saying the name, and the announcer says its last words until others come.
  return changes.map((doc) => (doc.erasure ? "A document: Erased" : `${doc.name || doc.id}: ${describe(doc).word}`)).join(". ");
}
