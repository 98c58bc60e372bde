// Checks that a notification comes from Open Connectors. Needs nothing but Node 18.
//
// SIGNATURE_KEY=... node verify.mjs standard ID TIMESTAMP SIGNATURE [NOW] < body
// SIGNATURE_KEY=... node verify.mjs elements SIGNATURE < body

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const TOLERANCE = 5 * 60; // seconds

const sign = (key, ...signed) => {
  const hmac = createHmac("sha256", key);
  for (const part of signed) hmac.update(part);
  return hmac.digest("base64");
};

const same = (expected, given) => {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
};

// A key of the Standard Webhooks specification is base64 after `whsec_`, else text.
const keyBytes = (key) =>
  key.startsWith("whsec_") ? Buffer.from(key.slice("whsec_".length), "base64") : Buffer.from(key);

// The headers webhook-id, webhook-timestamp and webhook-signature; `body` is a Buffer.
export const verify = (key, id, timestamp, signatures, body, now) => {
  if (!/^[0-9]+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE) return false;
  const expected = `v1,${sign(keyBytes(key), `${id}.${timestamp}.`, body)}`;
  // While keys are rotated there are two signatures, and one of them is ours.
  return signatures.split(" ").filter((one) => same(expected, one)).length > 0;
};

// The header Elements-Webhook-Signature, whose key is the text as it is.
export const verifyElements = (key, signature, body) =>
  same(`sha256=${sign(Buffer.from(key), body)}`, signature);

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const key = process.env.SIGNATURE_KEY;
  const body = readFileSync(0);
  const [kind, ...rest] = process.argv.slice(2);
  const now = rest[3] === undefined ? Date.now() / 1000 : Number(rest[3]);
  const genuine =
    kind === "elements"
      ? verifyElements(key, rest[0], body)
      : verify(key, rest[0], rest[1], rest[2], body, now);
  console.log(genuine ? "genuine" : "refused");
  process.exitCode = genuine ? 0 : 1;
}
