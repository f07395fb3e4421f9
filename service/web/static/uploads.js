// Files dropped or chosen: three at a time, each with its progress.

import { upload } from "./api.js";
import { $, element, size } from "./format.js";

const AT_ONCE = 3;
const waiting = [];
let running = 0;
let onAccepted = () => {};

export function acceptFiles(accepted) {
  onAccepted = accepted;
  const input = $("#files");
  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  let depth = 0;
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const over = (change) => (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = Math.max(0, depth + change);
    $("#overlay").hidden = depth === 0;
  };
  addEventListener("dragenter", over(1));
  addEventListener("dragleave", over(-1));
  addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    $("#overlay").hidden = true;
    take(event.dataTransfer.files);
  });
}

function take(files) {
  for (const file of files) {
    const told = element("span", { className: "told" }, "waiting");
    const bar = element("progress", { max: 1, value: 0 });
    const line = element("li", {}, element("span", { title: file.name }, file.name), told, bar);
    $("#uploads").append(line);
    waiting.push({ file, line, told, bar });
  }
  pump();
}

async function pump() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    send(waiting.shift()).finally(() => { running -= 1; pump(); });
  }
}

async function send({ file, line, told, bar }) {
  try {
    const accepted = await upload(file, (share) => {
      bar.value = share;
      told.textContent = share < 1 ? `${Math.round(share * 100)} % of ${size(file.size)}` : "being stored";
    });
    line.remove();
    onAccepted(accepted.document);
  } catch (problem) {
    line.dataset.failed = "";
    told.textContent = problem.message;
    bar.remove();
    const again = element("button", { title: "Try again" }, "Again");
    const away = element("button", { title: "Dismiss", ariaLabel: "Dismiss" }, "✕");
    again.onclick = () => { line.remove(); take([file]); };
    away.onclick = () => line.remove();
    line.append(element("span", {}, again, away));
  }
}
