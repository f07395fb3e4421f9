// Requests to the broker: with the token, which this tab keeps and no URL ever holds.

const KEY = "waybill-broker-token";
let asking = null;

/** Takes the token out of a link such as `/#token=...`: a fragment is never sent, and goes at once. */
export function tokenFromLink() {
  const given = /^#token=(.+)$/.exec(location.hash);
  if (!given) return;
  sessionStorage.setItem(KEY, decodeURIComponent(given[1]));
  history.replaceState(null, "", "/#/messages");
}

export function signOut() {
  sessionStorage.removeItem(KEY);
  location.reload();
}

/** A problem that the broker explained. */
export class Problem extends Error {
  constructor(status, detail) { super(detail); this.status = status; }
}

/** What the broker answers, read as JSON; nothing for an empty answer. Raises a Problem. */
export async function request(path, options = {}) {
  for (let refused = false; ;) {
    const known = sessionStorage.getItem(KEY) || await askForToken(refused);
    const headers = { ...options.headers, Authorization: `Bearer ${known}` };
    let answer;
    try { answer = await fetch(path, { ...options, headers, cache: "no-store" }); }
    catch { throw new Problem(0, "The broker does not answer."); }
    if (answer.status === 401) {
      // Another one may have been given while this request was under way: then that is tried.
      if (sessionStorage.getItem(KEY) === known) { sessionStorage.removeItem(KEY); refused = true; }
      continue;
    }
    const told = await parsed(answer);
    if (answer.ok) return told;
    throw new Problem(answer.status, told?.error || `The broker answered ${answer.status}.`);
  }
}

async function parsed(answer) {
  const text = await answer.text();
  try { return text ? JSON.parse(text) : null; } catch { return null; }
}

function askForToken(refused) {
  asking ??= new Promise((resolve) => {
    const dialog = document.querySelector("#sign-in");
    const form = dialog.querySelector("form");
    const field = dialog.querySelector("input");
    const trouble = dialog.querySelector(".trouble");
    trouble.hidden = !refused;
    trouble.textContent = "The broker does not know that token. Is it the one of this broker?";
    dialog.oncancel = (event) => event.preventDefault();
    form.onsubmit = (event) => {
      event.preventDefault();
      const given = field.value.trim();
      field.value = "";
      sessionStorage.setItem(KEY, given);
      asking = null;
      dialog.close();
      resolve(given);
    };
    dialog.showModal();
    field.focus();
  });
  return asking;
}
