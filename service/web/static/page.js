// The page: a list that the feed moves, the health strip, uploads, and the keyboard.

import { Problem, token } from "./api.js";
import { Feed, render, span } from "./document-status.js";
import * as drawer from "./drawer.js";
import { $, element, say, throttled, toast } from "./format.js";
import * as health from "./health.js";
import * as list from "./list.js";
import { acceptFiles } from "./uploads.js";

const HEALTH_MS = 2000;
const TROUBLES_MS = 5000;
const ANNOUNCE_MS = 2000;
const AGAIN_MS = 3000;

const feed = Feed.get("/v1/feed", { all: true, token });

const refreshTroubles = () => feed.link === "live" && !document.hidden && health.refreshTroubles().catch(() => {});
const refreshHealth = throttled(HEALTH_MS, () => health.refresh().then(list.settle).catch(() => {}));
let meanwhile = null; // what the feed tells while the list is being loaded
let toAnnounce = new Map();
const announce = throttled(ANNOUNCE_MS, () => {
  say($("#announcer"), list.announced([...toAnnounce.values()]));
  toAnnounce = new Map();
});

feed.addEventListener("change", ({ detail: doc }) => {
  const before = list.known(doc.id);
  meanwhile?.set(doc.id, doc);
  list.change(doc);
  drawer.change(doc);
  refreshHealth();
  if (before && (before.status !== doc.status || before.erasure !== doc.erasure)) { toAnnounce.set(doc.id, doc); announce(); }
});
feed.addEventListener("reset", () => reload());
feed.addEventListener("link", chip);
feed.addEventListener("link", refreshTroubles);
feed.addEventListener("error", ({ detail }) => toast(`Live updates have stopped: ${detail.message}. Reload the page.`));

async function start() {
  try {
    const { cursor, documents } = await list.load();
    feed.learn(documents);
    feed.open(cursor);
    refreshHealth();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    toast(problem.message);
    setTimeout(start, AGAIN_MS);
  }
}

/** The list anew; the feed goes on where it is, and whatever is newer passes its reducer. */
async function reload(options) {
  meanwhile = new Map();
  try {
    const { documents } = await list.load(options);
    feed.learn(documents);
    // The list may be older than what the feed has told before it came.
    for (const doc of documents) list.change(feed.state(doc.id) ?? doc);
    for (const doc of meanwhile?.values() ?? []) list.change(doc);
    if (list.view.selected) list.select(list.view.selected);
  } catch (problem) { toast(problem.message); }
  meanwhile = null;
}

function chip() {
  const box = $("#link");
  box.dataset.link = feed.link;
  const age = feed.heardAt ? span(Date.now() - feed.heardAt) : "";
  const words = { live: "Live", connecting: feed.heardAt ? "Catching up" : "Connecting", closed: "Paused", offline: age ? `Offline, ${age}` : "Offline" };
  say(box.lastChild, words[feed.link]);
  box.title = feed.heardAt ? `Last heard ${age} ago` : "";
}

function filter(button) {
  for (const other of $("#filters").children) other.ariaPressed = String(other === button);
  list.view.filter = button.dataset.filter ? button.dataset.filter.split(",") : [];
  reload();
}

function search(text) { list.view.search = text; list.settle(); }

$("#filters").addEventListener("click", ({ target }) => target.dataset.filter !== undefined && filter(target));
$("#search").addEventListener("input", ({ target }) => search(target.value));
$("#more").addEventListener("click", () => reload({ older: true }));
$("#show-help").addEventListener("click", () => $("#help").showModal());
$("#list").addEventListener("click", ({ target }) => openRow(target.closest(".row")?.dataset.id));
addEventListener("clear-filters", () => { $("#search").value = ""; search(""); filter($("#filters").firstElementChild); });
acceptFiles((doc) => { feed.learn([doc]); refreshHealth(); });

function openRow(id) {
  const doc = id && list.known(id);
  if (!doc) return;
  list.select(id);
  drawer.open(doc);
}

function move(by) {
  const id = list.step(by);
  if (id && drawer.current()) drawer.open(list.known(id));
}

const chosen = () => drawer.current() ?? list.known(list.view.selected);
const KEYS = {
  "/": () => $("#search").focus(),
  "j": () => move(1),
  "k": () => move(-1),
  "r": () => drawer.perform("retry", chosen()),
  "c": () => drawer.perform("cancel", chosen()),
  "u": () => $("#files").click(),
  "?": () => $("#help").showModal(),
  "Enter": (event) => openRow(event.target.closest?.(".row")?.dataset.id ?? null),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (event.key === "Escape") { if (!drawer.close() && event.target.id === "search") { event.target.value = ""; search(""); event.target.blur(); } return; }
  if (event.target.matches("input, textarea")) return;
  if (event.key === "Enter" && !event.target.closest(".row")) return;
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(event); }
});

const STATES = [
  ["received", "Accepted and stored; about to be queued."], ["queued", "Waiting for its turn."],
  ["processing", "Being read, page by page."], ["retrying", "An attempt failed; the next comes by itself."],
  ["succeeded", "Its text is here."], ["failed", "Given up; only you can retry it."], ["cancelled", "Stopped by somebody."],
];
for (const [status, meaning] of STATES) {
  const badge = element("span", { className: "status-badge" });
  render(badge, { status });
  $("#states").append(element("div", {}, element("dt", {}, badge), element("dd", {}, meaning)));
}

setInterval(() => {
  const staleSince = feed.link === "offline" ? feed.heardAt || Date.now() : 0;
  chip();
  list.tick(staleSince);
  drawer.tick(staleSince);
  health.tick();
}, 1000);
setInterval(refreshHealth, 15_000);
setInterval(refreshTroubles, TROUBLES_MS);

start();
