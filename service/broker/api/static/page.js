// The page: the strip, the views behind the hash, what moves them, and the keyboard.

import { Problem, request, signOut, tokenFromLink } from "./api.js";
import * as drawer from "./message.js";
import { DeadLetters } from "./dead-letters.js";
import { FlowControl } from "./flow-control.js";
import { Messages } from "./messages.js";
import { openPublish } from "./publish.js";
import { Queues } from "./queues.js";
import { Schedules } from "./schedules.js";
import { MESSAGE_STATES, badge } from "./states.js";
import { UrlGroups } from "./url-groups.js";
import { $, clock, element, many, say, tick, toast } from "./words.js";

const LOOK_MS = 1500;
const AGAIN_MS = 3000;
const SHARE = 10; // it waits so many times as long as the answers took: looking must not be the load
const ANNOUNCE_MS = 5000;

const views = {
  "messages": new Messages(), "queues": new Queues(), "schedules": new Schedules(),
  "dead-letters": new DeadLetters(), "flow-control": new FlowControl(), "url-groups": new UrlGroups(),
};
const NAMES = Object.keys(views);
const told = { mayWrite: false, overview: null };

let shown = null, looking = false, timer = null, heardAt = 0, announcedAt = 0, announced = "";

/** `#/queues`, or `#/messages/msg_1?state=failed`. */
function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  return { name: name in views ? name : "messages", id: rest.length ? decodeURIComponent(rest.join("/")) : null, query: new URLSearchParams(query) };
}

function go() {
  const { name: named, id, query } = route();
  // A message opens above whatever view is there.
  const name = id && shown ? NAMES.find((one) => views[one] === shown) : named;
  for (const link of $("#views").children) {
    const current = link.getAttribute("href") === `#/${name}`;
    if (current) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    if (current) link.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  if (shown !== views[name]) {
    shown = views[name];
    $("#view").replaceChildren(shown.node);
    $("#view").setAttribute("aria-label", name);
  }
  if (!id) shown.enter(query);
  if (id) drawer.open(id); else drawer.close();
  look();
}

/** Asks for everything that can be seen, and then again after a while; one question at a time. */
async function look() {
  clearTimeout(timer);
  if (looking) { timer = setTimeout(look, 100); return; }
  looking = true;
  const began = Date.now();
  let pause = LOOK_MS;
  try {
    await overview();
    await Promise.all([shown.refresh(told), drawer.refresh(told)]);
    heardAt = Date.now();
    pause = Math.max(LOOK_MS, SHARE * (heardAt - began));
    chip("live", "Live");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    pause = AGAIN_MS;
    if (problem.status === 0) chip("offline", heardAt ? "Offline" : "No answer");
    else { chip("live", "Live"); toast(problem.message); }
  } finally {
    looking = false;
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, pause);
  }
}

async function overview() {
  const found = await request("/waybill/v1/overview");
  clock.ahead = found.time - Date.now();
  const before = told.mayWrite;
  Object.assign(told, { overview: found, mayWrite: found.mayWrite });
  document.body.dataset.may = found.mayWrite ? "write" : "read";
  $("#reading").hidden = found.mayWrite;
  $("#misbehaving").hidden = !found.misbehaving;
  say($("#misbehaving code"), found.misbehaving ?? "");
  $("#publish-open").hidden = !found.mayWrite;
  if (before !== found.mayWrite) shown.draw?.();
  const figures = { ...found.counts, delivered: found.lastHour.delivered, failed: found.lastHour.failed };
  for (const [name, count] of Object.entries(figures)) figure(name, count, found.atLeast.includes(name));
  announce(figures);
}

function figure(name, count, more) {
  const box = $(`#strip [data-figure=${name}]`);
  say($("b", box), `${count.toLocaleString()}${more ? "+" : ""}`);
  box.toggleAttribute("data-any", count > 0);
}

/** What a screen reader is told, not too often: that something changed, in one sentence. */
function announce(figures) {
  const text = `${figures.waiting} waiting, ${figures.active} active, ${figures.retrying} retrying, ${many(figures.deadLetters, "dead letter")}.`;
  if (text === announced || Date.now() - announcedAt < ANNOUNCE_MS) return;
  [announced, announcedAt] = [text, Date.now()];
  say($("#announcer"), text);
}

function chip(link, word) {
  $("#link").dataset.link = link;
  say($("#link b"), word);
}

function publish(given = {}) {
  if (!told.mayWrite) return toast("This token may only read.");
  openPublish(given, look);
}

const rows = () => [...document.querySelectorAll("#view [data-row]")];

function move(by) {
  const there = rows();
  const at = there.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  there[at < 0 ? 0 : Math.min(there.length - 1, Math.max(0, at + by))]?.focus();
}

const KEYS = {
  "/": () => { location.hash = "#/messages"; setTimeout(() => $("#find")?.focus()); },
  "j": () => move(1), "k": () => move(-1), "p": () => publish(),
  "c": () => drawer.press("cancel"), "r": () => drawer.press("retry"),
  "?": () => $("#help").showModal(),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (event.key === "Escape") { drawer.leave(); return; }
  if (event.target.matches("input, textarea, select")) return;
  if (event.key === "Enter" && event.target.matches("tr")) { $("a", event.target)?.click(); return; }
  const act = KEYS[event.key] ?? (NAMES[event.key - 1] && (() => { location.hash = `#/${NAMES[event.key - 1]}`; }));
  if (act) { event.preventDefault(); act(); }
});

for (const [state, word, meaning] of MESSAGE_STATES)
  $("#states").append(element("div", {}, element("dt", {}, badge(state, word)), element("dd", {}, meaning)));

$("#publish-open").addEventListener("click", () => publish());
$("#show-help").addEventListener("click", () => $("#help").showModal());
$("#sign-out").addEventListener("click", signOut);
addEventListener("hashchange", () => { tokenFromLink(); go(); });
addEventListener("look", look);
addEventListener("publish-again", ({ detail }) => publish(detail));
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
setInterval(tick, 1000);

tokenFromLink();
go();
