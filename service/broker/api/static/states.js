// The states of a message: a word, a sign and a colour for each, and what it means.

import { element } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const SIGNS = {
  waiting: "M8 4.5V8l2.5 1.5M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8",
  active: "M2 8h11m0 0L9 4m4 4-4 4",
  retrying: "M13 6A5.5 5.5 0 0 0 3 5.5M3 2.5v3h3M3 10a5.5 5.5 0 0 0 10 .5m0 3v-3h-3",
  delivered: "m2.5 8.5 3.5 3.5 7.5-8",
  failed: "m3.5 3.5 9 9m0-9-9 9",
  cancelled: "M3.5 12.5l9-9M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8",
  paused: "M5.5 3v10m5-10v10", running: "M5 3l8 5-8 5z",
};

export const MESSAGE_STATES = [
  ["waiting", "Waiting", "Its first attempt comes by itself, at its time or when there is room for it."],
  ["active", "Active", "Being sent, or next to be sent."],
  ["retrying", "Retrying", "An attempt failed; the next comes by itself."],
  ["delivered", "Delivered", "The destination answered 2xx."],
  ["failed", "Failed", "Given up. It can be retried from the dead letters."],
  ["cancelled", "Cancelled", "Somebody took it back."],
];
const WORDS = Object.fromEntries(MESSAGE_STATES.map(([state, word]) => [state, word]));
const WAITS = { queue: "for its turn in the queue", flowControl: "for its flow-control key", destination: "for its destination" };

export const ENDED = ["delivered", "failed", "cancelled"];

export function badge(state, word = WORDS[state], detail = "") {
  const sign = document.createElementNS(SVG, "svg");
  sign.setAttribute("viewBox", "0 0 16 16");
  sign.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SIGNS[state] ?? SIGNS.waiting);
  sign.append(path);
  return element("span", { className: "badge", dataset: { state } }, sign, word, detail && element("span", { className: "detail" }, ` ${detail}`));
}

export function messageBadge(message) {
  if (message.cancelRequested && !ENDED.includes(message.state)) return badge("cancelled", "Cancelling");
  return badge(message.state);
}

/** Why a message is not being sent just now. */
export const reason = (message) => WAITS[message.waitsFor] ?? "";

/** A switch that is either running or paused. */
export const runs = (paused) => paused ? badge("paused", "Paused") : badge("running", "Running");
