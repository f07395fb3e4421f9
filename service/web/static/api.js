// Requests to the API: the token if one is wanted, and problems as sentences.

const KEY = "waybill-token";
let asking = null;

export const token = async (renew = false) => {
  if (renew) sessionStorage.removeItem(KEY);
  return sessionStorage.getItem(KEY) ?? (renew ? askForToken() : null);
};

function askForToken() {
  asking ??= new Promise((resolve) => {
    const dialog = document.querySelector("#sign-in");
    const field = dialog.querySelector("input");
    dialog.addEventListener("close", () => {
      sessionStorage.setItem(KEY, field.value);
      field.value = "";
      asking = null;
      resolve(sessionStorage.getItem(KEY));
    }, { once: true });
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.showModal();
  });
  return asking;
}

/** A problem that the server explained. */
export class Problem extends Error {
  constructor(status, detail) { super(detail); this.status = status; }
}

/** The answer, or a Problem. */
export async function request(path, options = {}) {
  for (let renew = false; ; renew = true) {
    const known = await token(renew);
    const headers = { ...options.headers, ...(known && { Authorization: `Bearer ${known}` }) };
    let answer;
    try { answer = await fetch(path, { ...options, headers }); }
    catch { throw new Problem(0, "The server does not answer. It is tried again by itself."); }
    if (answer.ok) return answer;
    if (answer.status === 401) continue;
    throw new Problem(answer.status, await explanation(answer));
  }
}

async function explanation(answer) {
  const fallback = `The server answered ${answer.status}.`;
  try { return (await answer.json()).detail || fallback; } catch { return fallback; }
}

/** Sends a file; `onProgress` hears the share that has gone out. */
export async function upload(file, onProgress) {
  const known = await token();
  const sent = await send(file, known, onProgress);
  if (sent.status === 401) {
    await token(true);
    return upload(file, onProgress);
  }
  const told = parsed(sent.responseText);
  if (sent.status === 202) return told;
  throw new Problem(sent.status, told?.detail ?? (sent.status ? `The server answered ${sent.status}.` : "The upload was interrupted."));
}

function send(file, known, onProgress) {
  return new Promise((resolve) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", `/v1/documents?name=${encodeURIComponent(file.name)}`);
    sending.setRequestHeader("Content-Type", "application/pdf");
    if (known) sending.setRequestHeader("Authorization", `Bearer ${known}`);
    sending.upload.onprogress = (event) => onProgress(event.loaded / (event.total || 1));
    sending.onloadend = () => resolve(sending);
    sending.send(file);
  });
}

function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}
