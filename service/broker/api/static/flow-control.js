// Flow-control keys: how much of each limit is used, what waits for it, and limits that somebody pins.

import { request } from "./api.js";
import { openForm } from "./forms.js";
import { runs } from "./states.js";
import { Table, button, command } from "./table.js";
import { $, element, span } from "./words.js";

export class FlowControl extends Table {
  constructor() {
    super({
      name: "Flow control", noun: "key", columns: ["Key", "State", "Waiting", "At once", "Rate", ""],
      nothing: [element("h2", {}, "No flow-control keys"), element("p", {}, "A key is made by the first message that names it, with its limits: so many at once, or so many in a time.")],
    });
    this.all = element("p", { className: "quiet" });
    this.head.append(this.all);
  }

  async refresh() {
    const [keys, all] = await Promise.all([request("/v2/flowControl"), request("/v2/globalParallelism")]);
    this.all.textContent = `Of all attempts, ${all.parallelismCount} of at most ${all.parallelismMax} are under way.`;
    this.show(keys, (key) => key.flowControlKey, cells);
  }
}

function cells(key) {
  const name = key.flowControlKey;
  const path = `/v2/flowControl/${encodeURIComponent(name)}`;
  return [
    element("b", {}, name), runs(key.isPaused), String(key.waitListSize),
    limit(key.parallelismCount, key.parallelismMax, "", key.isPinnedParallelism),
    limit(key.rateCount, key.rateMax, ` in ${span(key.ratePeriod * 1000)}`, key.isPinnedRate),
    [
      key.isPaused ? command("Resume", "switch", `${path}/resume`, "POST", `Messages of ${name} are sent again.`) : command("Pause", "switch", `${path}/pause`, "POST", `Messages of ${name} wait.`),
      button("Pin", "pin", () => pin(key, path)),
      key.isPinnedParallelism || key.isPinnedRate ? command("Unpin", "unpin", `${path}/unpin?parallelism=${key.isPinnedParallelism}&rate=${key.isPinnedRate}`, "POST", `The next message of ${name} decides about its limits again.`) : null,
      key.rateMax ? command("Reset rate", "reset", `${path}/resetRate`, "POST", "A new period began, with nothing counted.") : null,
      element("a", { href: `#/messages?${new URLSearchParams({ flowControlKey: name })}` }, "Its messages"),
    ],
  ];
}

/** `2 of 3`, or only what is used where there is no limit. */
const limit = (used, most, more, pinned) => `${most ? `${used} of ${most}${more}` : "no limit"}${pinned ? ", pinned" : ""}`;

function pin(key, path) {
  const dialog = $("#pin");
  $("h2", dialog).textContent = `Pin limits of ${key.flowControlKey}`;
  const known = { parallelism: key.parallelismMax || "", rate: key.rateMax || "", period: key.rateMax ? `${key.ratePeriod}s` : "" };
  openForm(dialog, known, async (given) => {
    const limits = Object.entries(given).filter(([, value]) => value);
    await request(`${path}/pin?${new URLSearchParams(limits)}`, { method: "POST" });
    return `The limits of ${key.flowControlKey} hold until they are unpinned.`;
  });
}
