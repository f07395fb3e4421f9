// The health strip: how the queue does, from /v1/queue; above it what is wrong with the tables behind it.

import { request } from "./api.js";
import { $, element, say } from "./format.js";
import { span } from "./document-status.js";

const MINUTES = 15;
let oldest = null;

export const queue = { total: 0, failed: 0, last: null };

export async function refresh() {
  const told = await (await request(`/v1/queue?minutes=${MINUTES}`)).json();
  queue.last = told;
  queue.failed = told.failed;
  queue.total = told.waiting + told.in_flight + told.retrying + told.failed + told.succeeded + told.cancelled;
  for (const name of ["waiting", "in_flight", "retrying", "failed"]) figure(name, told[name]);
  oldest = told.oldest_waiting;
  tick();
  const byMinute = new Map(told.minutes.map((one) => [Date.parse(one.minute), one]));
  const newest = Math.floor(Date.now() / 60000) * 60000;
  const row = Array.from({ length: MINUTES }, (_, age) => byMinute.get(newest - age * 60000));
  const done = (one) => (one ? one.succeeded + one.failed : 0);
  // The minute that runs has just begun: a fair "last minute" is whichever of two has more.
  say($("[data-figure=finished] b"), String(Math.max(done(row[0]), done(row[1]))));
  bars(row.reverse(), done);
  const timing = told.processing_p50_ms === null ? "" : `half of them within ${(told.processing_p50_ms / 1000).toFixed(1)} s, 95 % within ${(told.processing_p95_ms / 1000).toFixed(1)} s`;
  $("[data-figure=finished]").title = timing;
}

/** What an operator should know of the tables: stale rows, events that could not be folded. */
export async function refreshTroubles() {
  const told = await (await request("/v1/projections")).json();
  const notes = told.projections.flatMap((one) => one.notes);
  const shown = [...$("#troubles").children].map((one) => one.textContent);
  if (notes.join() === shown.join()) return;
  $("#troubles").replaceChildren(...notes.map((note) => element("p", { className: "notice" }, note)));
}

function figure(name, number) {
  const box = $(`[data-figure=${name}]`);
  say($("b", box), String(number));
  if (number) box.dataset.on = name; else delete box.dataset.on;
}

function bars(minutes, done) {
  const highest = Math.max(1, ...minutes.map(done));
  $("#minutes").replaceChildren(...minutes.map((one) => {
    const bar = element("li");
    bar.style.height = `${Math.max(8, Math.round((100 * done(one)) / highest))}%`;
    if (done(one)) bar.dataset.any = "";
    if (one?.failed) bar.dataset.bad = "";
    return bar;
  }));
}

/** The oldest one ages between two answers. */
export function tick() {
  say($("[data-figure=oldest] b"), oldest ? span(Date.now() - Date.parse(oldest)) : "–");
}
