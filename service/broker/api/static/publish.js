// The form that publishes one message, as a batch of one: there a destination needs no escaping.

import { request } from "./api.js";
import { $, element, toast } from "./words.js";

const OPTIONS = {
  delay: "Upstash-Delay", retries: "Upstash-Retries", label: "Upstash-Label",
  flowKey: "Upstash-Flow-Control-Key", flowValue: "Upstash-Flow-Control-Value", type: "Content-Type", method: "Upstash-Method",
};

/** Opens the form, filled with what is given; `done` is called when a message was published. */
export function openPublish(given, done) {
  const form = $("#publish-form");
  for (const [name, value] of Object.entries(given)) if (form.elements[name]) form.elements[name].value = value;
  complain("");
  form.onsubmit = (event) => { event.preventDefault(); send(form, done); };
  $("#publish-close").onclick = () => $("#publish").close();
  $("#publish").showModal();
  form.elements.destination.focus();
}

async function send(form, done) {
  const button = $("button[type=submit]", form);
  button.disabled = true;
  try {
    const answer = await request("/v2/batch", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify([item(form)]) });
    if (answer[0].error) throw new Error(answer[0].error);
    $("#publish").close();
    const [first, ...others] = answer.flat();
    const words = first.deduplicated ? "It is a duplicate of" : others.length ? `${others.length + 1} messages were published;` : "Published:";
    toast(words, element("a", { href: `#/messages/${encodeURIComponent(first.messageId)}` }, others.length ? "the first." : "open it."));
    done();
  } catch (problem) { complain(problem.message); }
  finally { button.disabled = false; }
}

function item(form) {
  const given = Object.fromEntries(new FormData(form));
  const headers = {};
  for (const [name, header] of Object.entries(OPTIONS)) if (given[name].trim()) headers[header] = given[name].trim();
  for (const line of given.headers.split("\n").filter((one) => one.trim())) {
    const [, name, value] = /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (!name) throw new Error(`Other headers: '${line.trim()}' is not a name, a colon and a value.`);
    headers[name] = value;
  }
  return { destination: given.destination.trim(), headers, body: given.body, queue: given.queue.trim() || null };
}

function complain(text) {
  const box = $("#publish-trouble");
  box.hidden = !text;
  box.textContent = text;
  if (text) box.scrollIntoView({ block: "nearest" });
}
