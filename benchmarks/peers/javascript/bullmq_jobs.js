// BullMQ on Redis: `work URL FOLDER` or `produce URL COUNT BATCH`; see ../../job_run.py.
import { openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";

const NAME = "nothing";
const CONCURRENCY = 100;
const CLIENTS = 32;
const BODY = { body: "x".repeat(100) };

// BullMQ asks for the option: a worker waits for jobs for as long as it takes.
const connect = (url) => new Redis(url, { maxRetriesPerRequest: null });
const seconds = () => (performance.timeOrigin + performance.now()) / 1000;

async function work(url, folder) {
  const ran = counter(folder);
  const worker = new Worker(NAME, async () => ran(), {
    connection: connect(url),
    concurrency: CONCURRENCY,
  });
  process.once("SIGTERM", async () => {
    await worker.close();
    process.exit(0);
  });
  await worker.waitUntilReady();
  console.log("ready");
}

// Keeps the moment of the newest job, and how many, in a file of this process.
function counter(folder) {
  const file = openSync(join(folder, String(process.pid)), "w");
  const numbers = Buffer.alloc(16);
  let count = 0;
  return () => {
    count += 1;
    numbers.writeDoubleLE(seconds(), 0);
    numbers.writeDoubleLE(count, 8);
    writeSync(file, numbers, 0, numbers.length, 0);
  };
}

async function produce(url, count, batch) {
  const queue = new Queue(NAME, { connection: connect(url) });
  await queue.waitUntilReady();
  console.log("ready");
  await new Promise((resolve) => process.stdin.once("data", resolve));
  const began = seconds();
  let left = count;
  const client = async () => {
    while (left > 0) {
      const size = Math.min(batch, left);
      left -= size;
      await enqueue(queue, size);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  console.log(JSON.stringify({ began, ended: seconds(), version: `BullMQ ${version()}` }));
  process.exit(0);
}

function enqueue(queue, size) {
  if (size === 1) return queue.add(NAME, BODY);
  return queue.addBulk(Array.from({ length: size }, () => ({ name: NAME, data: BODY })));
}

function version() {
  const described = new URL("node_modules/bullmq/package.json", import.meta.url);
  return JSON.parse(readFileSync(described)).version;
}

const [verb, url, ...rest] = process.argv.slice(2);
if (verb === "work") await work(url, rest[0]);
else await produce(url, Number(rest[0]), Number(rest[1]));
