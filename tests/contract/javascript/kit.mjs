// What the tests of the JavaScript SDK share: a client, a destination of our own, patience.

import { createServer } from "node:http";
import { Client, Receiver } from "@upstash/qstash";

export const client = new Client({
  baseUrl: process.env.QSTASH_URL,
  token: process.env.QSTASH_TOKEN,
  retry: false,
});

/** Serves a destination that verifies what it hears; `answers` are used in turn, then the last. */
export async function destination(...answers) {
  const heard = [];
  const refused = [];
  const keys = await signingKeys();
  const receiver = new Receiver({ currentSigningKey: keys.current, nextSigningKey: keys.next });
  const server = createServer(async (request, response) => {
    const body = await text(request);
    // The signature speaks of the URL as it was published: without the slash that HTTP adds.
    const url = request.url === "/" ? address : `${address}${request.url}`;
    try {
      await receiver.verify({ signature: request.headers["upstash-signature"], body, url });
    } catch (error) {
      refused.push(`${url}: ${error}`);
    }
    heard.push({ method: request.method, path: request.url, headers: request.headers, body });
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? { status: 200 };
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const address = `http://127.0.0.1:${server.address().port}`;
  server.unref();
  return {
    url: address,
    heard,
    refused,
    hears: (count) => until(() => heard.length >= count && heard),
    answer: (...next) => answers.splice(0, answers.length, ...next),
  };
}

/** What the broker signs with. */
export async function signingKeys() {
  return await client.http.request({ method: "GET", path: ["v2", "keys"] });
}

/** Waits for a fact; gives what the question gave. */
export async function until(question) {
  const end = Date.now() + 20_000;
  for (;;) {
    const found = await question();
    if (found) return found;
    if (Date.now() > end) throw new Error(`never came true: ${question}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

async function text(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export const REFUSAL = {
  status: 489,
  headers: { "Upstash-NonRetryable-Error": "true" },
  body: "for good",
};
