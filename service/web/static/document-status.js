// Live document status for any page: Feed reads /v1/feed, <processing-badge> shows one document.
// One module, no dependency. Everything received passes one reducer, so a badge never goes back.

const UNSURE_AFTER = 90_000; // a worker at work reports at least three times in this time
const WATCHDOG_BEATS = 2.5;
const FIRST_BYTE_MS = 10_000;
const HIDDEN_MS = 300_000;
const STREAM_AGAIN_MS = 300_000;
const MOST_DOCUMENTS = 100; // of one request; above it the whole feed is read
const MOST_STATES = 5000;

const WORDS = {
  unknown: "Unknown", received: "Received", queued: "Queued", processing: "Processing",
  retrying: "Retrying", succeeded: "Done", failed: "Failed", cancelled: "Cancelled",
};
const ICONS = {
  clock: "M8 4v4l2.5 1.5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0",
  spinner: "M14 8a6 6 0 1 1-6-6",
  loop: "M13.5 6A6 6 0 0 0 3 5.5M3 2.5v3h3M2.5 10a6 6 0 0 0 10.5.5m0 3v-3h-3",
  check: "m3 8.5 3.5 3.5L13 4.5",
  cross: "m4 4 8 8m0-8-8 8",
  ban: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M4 4l8 8",
  dot: "M11.5 8a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0",
};
const ICON_OF = {
  received: "clock", queued: "clock", processing: "spinner", retrying: "loop",
  succeeded: "check", failed: "cross", cancelled: "ban",
};

/** A duration in the largest unit that fits: 12 s, 4 m, 3 h, 2 d. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60]])
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${seconds} s`;
}

/** How a state is told: {state, word, detail, icon}; `state` is `unsure` when it was silent too long. */
export function describe(doc, now = Date.now()) {
  const state = doc?.status ?? "unknown";
  const silent = doc?.updated_at ? now - Date.parse(doc.updated_at) : 0;
  if (state === "processing" && silent > UNSURE_AFTER)
    return { state: "unsure", word: "Not heard from", detail: span(silent), icon: "dot" };
  return { state, word: WORDS[state] ?? state, detail: detail(doc, state, now), icon: ICON_OF[state] ?? "dot" };
}

function detail(doc, state, now) {
  if (doc?.erasure) return "erased";
  if (state === "processing" && doc.pages_total) return `${doc.pages_done}/${doc.pages_total}`;
  if (state === "retrying" && doc.retry_at) {
    const left = Date.parse(doc.retry_at) - now;
    return left > 0 ? `in ${span(left)}` : "now";
  }
  return state === "failed" && doc.error_code ? doc.error_code.replaceAll("_", " ") : "";
}

/** An icon of the family, as an element. */
export function icon(name) {
  const made = document.createElement("template");
  made.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true" class="status-icon status-icon-${name}"><path d="${ICONS[name]}"/></svg>`;
  return made.content.firstChild;
}

const position = (cursor) => Number(cursor?.split("-")[1] ?? 0);

/** The events of a byte stream; an event that was cut off is none. */
export async function* events(stream, onBytes = () => {}) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    onBytes();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = {};
      for (const line of block.split("\n")) {
        const colon = line.indexOf(": ");
        if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2);
      }
      if (event.data !== undefined) yield { ...event, data: JSON.parse(event.data) };
    }
  }
}

/**
 * The states of documents, kept true by one connection.
 *
 * Options: `all` follows every document, `cursor` goes on from there, `token` is an async function
 * that gives the bearer token, `subject` says whose feed it is: the tabs of one browser share one
 * connection, led by one of them, if address and subject are the same. Events: `link` (its `detail` is connecting, live, offline or
 * closed), `change` (a state), `reset` (what is not in the last snapshot is gone), `error`.
 */
export class Feed extends EventTarget {
  static #shared = new Map();

  /** The page's one feed for this address. */
  static get(base = "/v1/feed", options = {}) {
    if (!Feed.#shared.has(base)) Feed.#shared.set(base, new Feed(base, options));
    return Feed.#shared.get(base);
  }

  link = "closed";
  heardAt = 0; // when the last byte came
  #states = new Map();
  #watchers = new Map();
  #cursor; #epoch; #base; #all; #token;
  #beat = 15; #retry = 3000; #failures = 0;
  #renewing = null; // while a snapshot is coming: the ids it has named
  #replace = false; // whether its states count even if they are older
  #tab = Math.random().toString(36).slice(2);
  #others = new Map(); // what the other tabs want, by tab; only the leader needs it
  #channel = null; #release = null; #leading = false; #name; #overdue = 0;
  #connection = null; #wake = () => {}; #running = false; #settle = 0; #hidden = 0; #triedAt = 0; #resume = false;

  constructor(base, { all = false, cursor = null, token = null, subject = "" } = {}) {
    super();
    this.#base = base; this.#all = all; this.#cursor = cursor; this.#token = token;
    this.#name = `feed:${all ? "all:" : ""}${base}:${subject}`;
    const look = () => this.#look();
    for (const name of ["online", "pageshow"]) addEventListener(name, look);
    document.addEventListener("visibilitychange", look);
    addEventListener("pagehide", () => { if (this.#running) { this.close(); this.#resume = true; } });
  }

  state(id) { return this.#states.get(id); }

  /** Calls `told(state)` now, if it is known, and at every change; returns how to stop it. */
  watch(id, told) {
    const fresh = !this.#watchers.has(id);
    if (fresh) this.#watchers.set(id, new Set());
    this.#watchers.get(id).add(told);
    if (this.#states.has(id)) told(this.#states.get(id));
    if (fresh) this.#reselect();
    return () => {
      const left = this.#watchers.get(id);
      left?.delete(told);
      if (left?.size === 0) { this.#watchers.delete(id); this.#reselect(); }
    };
  }

  /** Begins to follow; only a feed of everything needs it. */
  open(cursor = this.#cursor) { this.#cursor = cursor; this.#go(); return this; }

  /** Takes in states that were read elsewhere, such as a list; an older one changes nothing. */
  learn(docs) { for (const doc of docs) this.#take(doc); }

  close() {
    this.#running = false;
    this.#connection?.abort();
    this.#wake();
    this.#post({ gone: this.#tab });
    this.#channel = this.#channel?.close();
    this.#release?.();
    clearTimeout(this.#overdue);
    this.#say("closed");
  }

  #reselect() {
    if (this.#all) return;
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      if (!this.#watchers.size && !this.#others.size) return this.close();
      this.#cursor = null; // another selection needs a snapshot
      this.#connection?.abort("again");
      this.#go();
      this.#want();
    }, 60);
  }

  #go() {
    this.#wake();
    if (this.#running) return;
    this.#running = true;
    this.#say("connecting");
    if (navigator.locks && globalThis.BroadcastChannel) this.#elect(); else this.#run();
  }

  /** Leads as soon as no other tab does; until then it lives on what the leader hears. */
  #elect(options = {}) {
    this.#channel ??= new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#told(data);
    this.#want();
    this.#await();
    const lead = () => new Promise((release) => {
      if (!this.#running) return release();
      this.#release = release;
      clearTimeout(this.#overdue);
      this.#others.clear();
      this.#post({ lead: true });
      // The others first say what they want.
      setTimeout(() => { if (this.#release === release) { this.#leading = true; this.#run(); } }, 60);
    });
    const stop = () => { this.#release = null; this.#leading = false; };
    navigator.locks.request(this.#name, options, lead).then(stop, () => {
      stop(); // another tab took over, because this one was silent
      this.#connection?.abort("led");
      if (this.#running) this.#elect();
    });
  }

  #await() {
    clearTimeout(this.#overdue);
    this.#overdue = setTimeout(() => { if (this.#running && !this.#release && !document.hidden) this.#elect({ steal: true }); }, this.#beat * WATCHDOG_BEATS * 1000);
  }

  #post(message) { this.#channel?.postMessage(message); }

  #want() { if (!this.#release) this.#post({ tab: this.#tab, want: [...this.#watchers.keys()], after: position(this.#cursor) }); }

  #told({ tab, want, after, lead, gone, event, link }) {
    if (lead) this.#want();
    else if (gone) { if (this.#others.delete(gone) && this.#release) this.#reselect(); }
    else if (want && this.#release) {
      const wanted = new Set(this.#ids());
      this.#others.set(tab, want);
      for (const data of this.#states.values())
        if (this.#all ? data.position > after : want.includes(data.id)) this.#post({ event: { event: "status", data } });
      this.#post({ link: this.link });
      if (this.#leading && want.some((id) => !wanted.has(id))) this.#reselect();
    } else if (event && !this.#release) { this.#await(); this.heardAt = Date.now(); this.#hear(event); }
    if (link && !this.#release) this.#say(link);
  }

  #ids() { return [...new Set([...this.#watchers.keys(), ...[...this.#others.values()].flat()])]; }

  async #run() {
    let pollUntil = 0;
    while (this.#running) {
      const connection = this.#connection = new AbortController();
      const polling = Date.now() < pollUntil;
      this.#triedAt = Date.now();
      let pause;
      try { pause = await (polling ? this.#poll(connection.signal) : this.#stream(connection)); }
      catch (error) {
        if (this.#connection !== connection || !this.#running || connection.signal.reason === "led") return;
        if (error.final) { this.#fail(error); return; }
        if (!error.buffered && connection.signal.reason === "again") { this.#failures = 0; continue; }
        if (error.buffered || ++this.#failures % 3 === 0) pollUntil = polling ? 0 : Date.now() + STREAM_AGAIN_MS;
        this.#say("offline");
        pause = error.wait ?? Math.random() * Math.min(30_000, 500 * 2 ** this.#failures);
      }
      if (pause) await this.#sleep(pause);
    }
  }

  async #request(path, query, signal) {
    const headers = { "Feed-Client": "document-status/1" };
    if (this.#cursor) headers["Last-Event-ID"] = this.#cursor;
    for (let fresh = false; ; fresh = true) {
      const token = this.#token && await this.#token(fresh);
      if (token) headers.Authorization = `Bearer ${token}`;
      const answer = await fetch(`${this.#base}${path}?${query}`, { headers, signal, cache: "no-store" });
      if (answer.ok) return answer;
      if (answer.status === 401 && token && !fresh) continue;
      const error = new Error(`the feed answered ${answer.status}`);
      error.status = answer.status;
      error.final = answer.status < 500 && answer.status !== 429 && answer.status !== 408;
      const after = Number(answer.headers.get("Retry-After"));
      if (after) error.wait = after * 1000;
      throw error;
    }
  }

  #selection() {
    const ids = this.#ids();
    return this.#all || ids.length > MOST_DOCUMENTS ? null : new URLSearchParams(ids.map((id) => ["doc", id]));
  }

  async #stream(connection) {
    const query = this.#selection();
    const answer = await this.#request(query ? "" : "/all", query ?? "", connection.signal);
    let quiet, heard = false;
    const watch = (ms) => { clearTimeout(quiet); quiet = setTimeout(() => connection.abort("silent"), ms); };
    watch(FIRST_BYTE_MS);
    try {
      for await (const event of events(answer.body, () => { heard = true; this.heardAt = Date.now(); watch(this.#beat * WATCHDOG_BEATS * 1000); }))
        this.#hear(event);
      if (this.#running) this.#say("connecting");
      return this.#retry;
    } catch (error) {
      // Headers without a byte behind them: something on the way holds the stream back.
      throw !heard && connection.signal.reason === "silent" ? { buffered: true } : error;
    } finally { clearTimeout(quiet); }
  }

  async #poll(signal) {
    const query = this.#selection() ?? new URLSearchParams({ all: "true" });
    query.set("wait", "25");
    const { id, reset, docs, more } = await (await this.#request("/poll", query, signal)).json();
    this.heardAt = Date.now();
    if (reset || !this.#cursor) {
      this.#hear({ event: "reset" });
      this.#hear({ event: "snapshot", data: { docs, last: true, more }, id });
    } else {
      for (const data of docs) this.#hear({ event: "status", data });
      this.#hear({ event: "beat", id });
    }
    return 200;
  }

  #hear({ event, data, id, retry }) {
    if (this.#release) this.#post({ event: { event, data, id, retry } });
    if (retry) this.#retry = Number(retry);
    if (event === "hello") {
      this.#beat = data.beat;
      if (!this.#cursor) { this.#renewing = new Set(); this.#replace = this.#epoch !== data.epoch; }
      this.#epoch = data.epoch;
      this.#failures = 0;
    } else if (event === "reset") { this.#renewing = new Set(); this.#replace = true; }
    else if (event === "snapshot") this.#snapshot(data);
    else if (event === "status") this.#take(data);
    if (id) { this.#cursor = id; this.#say("live"); }
  }

  #snapshot({ docs, last, more = false }) {
    for (const doc of docs) {
      if (this.#replace) this.#states.delete(doc.id);
      this.#renewing?.add(doc.id);
      this.#take(doc);
    }
    if (!last || !this.#renewing) return;
    if (!more) for (const id of this.#states.keys()) if (!this.#renewing.has(id)) this.#states.delete(id);
    this.#renewing = null;
    this.#replace = false;
    this.dispatchEvent(new CustomEvent("reset", { detail: { more } }));
  }

  #take(doc) {
    const known = this.#states.get(doc.id);
    if (known && doc.position <= known.position) return;
    this.#states.set(doc.id, doc);
    if (this.#all && this.#states.size > MOST_STATES) this.#states.delete(this.#states.keys().next().value);
    for (const told of this.#watchers.get(doc.id) ?? []) told(doc);
    this.dispatchEvent(new CustomEvent("change", { detail: doc }));
  }

  #say(link) {
    if (link === this.link) return;
    this.link = link;
    if (this.#release) this.#post({ link });
    this.dispatchEvent(new CustomEvent("link", { detail: link }));
  }

  #fail(error) {
    this.close();
    this.#say("offline");
    this.dispatchEvent(new CustomEvent("error", { detail: error }));
  }

  #sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => { clearTimeout(timer); resolve(); };
    });
  }

  #look() {
    clearTimeout(this.#hidden);
    if (document.hidden) {
      this.#hidden = setTimeout(() => { if (this.#running) { this.close(); this.#resume = true; } }, HIDDEN_MS);
    } else if (this.#resume) { this.#resume = false; this.#go(); }
    else if (this.#running && Date.now() - Math.max(this.heardAt, this.#triedAt) > this.#beat * 1000) { this.#connection?.abort("again"); this.#wake(); }
  }
}

/** <processing-badge doc="ID" feed="/v1/feed">: what is inside stays until something is known. */
export class ProcessingBadge extends HTMLElement {
  static observedAttributes = ["doc", "feed"];
  #stop = null; #feed; #doc; #timer;
  #onLink = () => this.#show();

  connectedCallback() {
    this.setAttribute("role", "status");
    this.#follow();
    this.#timer = setInterval(() => this.#show(), 1000);
  }

  disconnectedCallback() { this.#unfollow(); clearInterval(this.#timer); }

  attributeChangedCallback() { if (this.isConnected && this.#timer) this.#follow(); }

  #follow() {
    this.#unfollow();
    const id = this.getAttribute("doc");
    if (!id) return;
    this.#feed = Feed.get(this.getAttribute("feed") ?? "/v1/feed");
    this.#feed.addEventListener("link", this.#onLink);
    this.#stop = this.#feed.watch(id, (doc) => {
      const before = this.#doc?.status;
      this.#doc = doc;
      this.#show();
      if (before !== doc.status) this.dispatchEvent(new CustomEvent("state-change", { bubbles: true, detail: doc }));
    });
  }

  #unfollow() {
    this.#stop?.();
    this.#feed?.removeEventListener("link", this.#onLink);
    this.#stop = null; this.#doc = undefined;
  }

  #show() { if (this.#doc) render(this, this.#doc, this.#feed.link === "offline" ? this.#feed.heardAt : 0); }
}

/** Draws the badge of a state into an element, touching only what is different. */
export function render(element, doc, staleSince = 0) {
  const told = describe(doc);
  if (element.dataset.state !== told.state) {
    element.dataset.state = told.state;
    const word = Object.assign(document.createElement("span"), { className: "status-word", textContent: told.word });
    // Progress moves too often to be read out; the word alone is.
    const more = Object.assign(document.createElement("span"), { className: "status-detail", ariaLive: "off" });
    element.replaceChildren(icon(told.icon), word, more);
  }
  const text = told.detail ? ` ${told.detail}` : "";
  if (element.lastChild.textContent !== text) element.lastChild.textContent = text;
  element.toggleAttribute("data-stale", staleSince > 0);
  const title = staleSince ? `as of ${span(Date.now() - staleSince)} ago: the connection is down` : doc.error ?? "";
  if (element.title !== title) element.title = title;
}

customElements.define("processing-badge", ProcessingBadge);
