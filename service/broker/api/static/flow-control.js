// Flow-control keys: how much of each limit is used, and what waits for it.

import { request } from "./api.js";
import { runs } from "./states.js";
import { Table, command } from "./table.js";
import { element, span } from "./words.js";

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
    this.show(keys, (key) => key.flowControlKey, (key) => {
      const path = `/v2/flowControl/${encodeURIComponent(key.flowControlKey)}`;
      return [
        element("b", {}, key.flowControlKey), runs(key.isPaused), String(key.waitListSize),
        limit(key.parallelismCount, key.parallelismMax, "", key.isPinnedParallelism),
        limit(key.rateCount, key.rateMax, ` in ${span(key.ratePeriod * 1000)}`, key.isPinnedRate),
        [
          key.isPaused ? command("Resume", "switch", `${path}/resume`, "POST", `Messages of ${key.flowControlKey} are sent again.`) : command("Pause", "switch", `${path}/pause`, "POST", `Messages of ${key.flowControlKey} wait.`),
          key.rateMax ? command("Reset rate", "reset", `${path}/resetRate`, "POST", "A new period began, with nothing counted.") : null,
          element("a", { href: `#/messages?${new URLSearchParams({ flowControlKey: key.flowControlKey })}` }, "Its messages"),
        ],
      ];
    });
  }
}

/** `2 of 3`, or only what is used where there is no limit. */
const limit = (used, most, more, pinned) => `${most ? `${used} of ${most}${more}` : "no limit"}${pinned ? ", pinned" : ""}`;
