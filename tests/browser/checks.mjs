// Counts what was compared, and tells what a picture is.
import { inflateSync } from 'node:zlib';

let tried = 0;
let surprises = 0;

/** Compares, as text. */
export const is = (what, got, expected) => {
  const [left, right] = [got, expected].map(value => (typeof value === 'string' ? value : JSON.stringify(value)));
  tried += 1;
  surprises += left === right ? 0 : 1;
  console.log(`${left === right ? 'ok  ' : 'BAD '} ${what}`);
  if (left !== right) console.log(`       expected ${right}\n       got      ${left}`);
};

/** Ends with the verdict. A run in which a part was left out is no good run. */
export const verdict = expected => {
  console.log(`${tried - surprises} of ${tried} as expected`);
  if (tried !== expected) console.log(`but ${expected} things were to be compared`);
  return surprises === 0 && tried === expected;
};

/** Width, height and the number of different bytes in the pixels of a PNG. */
export const png = file => {
  if (!file.subarray(0, 8).equals(Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]))) return { width: 0, height: 0, values: 0 };
  const pixels = [];
  for (let at = 8; at + 12 <= file.length; ) {
    const [length, type] = [file.readUInt32BE(at), file.toString('latin1', at + 4, at + 8)];
    if (type === 'IDAT') pixels.push(file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return { width: file.readUInt32BE(16), height: file.readUInt32BE(20), values: new Set(inflateSync(Buffer.concat(pixels))).size };
};
