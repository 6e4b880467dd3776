// Lastseen for Node.js 18 and newer: one file, no package. Copy it beside your code.
//
//   import { watch, ping } from "./lastseen.mjs";
//   await watch("nightly-report", report);          // start, then success, or failure with the error
//   await ping("worker-alive");                     // a beat
//
// Where to comes from LASTSEEN_PING_URL and LASTSEEN_PING_KEY; without them nothing is sent. A ping never throws, and
// holds the job at most 5 s at its start and some 33 s at its end.

import { randomUUID } from "node:crypto";

const START_MS = 5_000;
const END_MS = 10_000;
const END_WAITS_MS = [1_000, 2_000]; // before the second and the third try of an end
const BODY_CHARS = 8_000;
const MAY_PASS = new Set([408, 429]);

/**
 * Run a job under watch; return what it returns, throw what it throws.
 *
 * `options`: `create` (make the check at its first ping) and then `schedule` (cron) with `tz`, or `timeout` (seconds
 * between two runs), `grace` (seconds), `tags`.
 */
export async function watch(slug, job, options = {}) {
  const rid = randomUUID();
  await ping(slug, { ...options, signal: "start", rid });
  let result;
  try {
    result = await job();
  } catch (error) {
    await ping(slug, { ...options, signal: "fail", rid, body: described(error) });
    throw error;
  }
  await ping(slug, { ...options, rid });
  return result;
}

/** Send one ping; return whether it was stored. `signal`: "" for success, "start", "fail", "log" or an exit status. */
export async function ping(slug, { signal = "", rid = "", body = "", create = false, ...check } = {}) {
  const base = (process.env.LASTSEEN_PING_URL ?? "").trim().replace(/\/+$/, "");
  const key = (process.env.LASTSEEN_PING_KEY ?? "").trim();
  if (!base || !key) return false;
  const asked = Object.entries({ rid, ...(create ? { create: "1", ...check } : {}) });
  const query = new URLSearchParams(asked.filter(([, value]) => value !== "" && value != null));
  const url = `${base}/${key}/${encodeURIComponent(slug)}${signal === "" ? "" : `/${signal}`}?${query}`;
  const waits = signal === "start" ? [] : END_WAITS_MS;
  for (let attempt = 0; ; attempt += 1) {
    const problem = await sent(url, body, signal === "start" ? START_MS : END_MS);
    if (problem === "") return true;
    if (!problem.again || attempt === waits.length) {
      console.warn(`lastseen: the ping of ${slug} was not stored: ${problem.why}`);
      return false;
    }
    await new Promise((resume) => setTimeout(resume, waits[attempt]));
  }
}

async function sent(url, body, withinMs) {
  try {
    const answer = await fetch(url, { method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(withinMs) });
    const said = (await answer.text()).trim().slice(0, 300);
    if (answer.ok) return "";
    return { again: answer.status >= 500 || MAY_PASS.has(answer.status), why: `HTTP ${answer.status}: ${said}` };
  } catch (error) {
    return { again: true, why: error?.cause?.message ?? error?.message ?? String(error) }; // names no URL: it is a secret
  }
}

/** Return an error as text: its class and message first, which must survive any cut, then where it was thrown. */
function described(error) {
  if (!(error instanceof Error)) return String(error).slice(0, BODY_CHARS);
  const headline = `${error.name}: ${error.message}`;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const cause = error.cause instanceof Error ? [`caused by ${error.cause.name}: ${error.cause.message}`] : [];
  return [headline, ...cause, ...frames].join("\n").slice(0, BODY_CHARS);
}
