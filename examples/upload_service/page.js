"use strict";
// Whatever comes from a server or from a file name is shown as text, never as markup.
const $ = selector => document.querySelector(selector);
const make = (tag, text, className) => Object.assign(document.createElement(tag), { textContent: text ?? "", className: className ?? "" });
const steps = [...document.querySelectorAll("#steps li")];
const show = (step, state, text) => {
  steps[step].className = state;
  steps[step].querySelector("pre").textContent = text ?? "";
};
/** A URL as it may be looked at: without what makes it a token. */
const redacted = url => url.replace(/((?:X-Amz-|X-Goog-|[?&])(?:Signature|sig)=)[^&]+/gi, "$1REDACTED");
const bytes = count => {
  const [unit, name] = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]].find(([unit]) => count >= unit) ?? [1, "B"];
  return `${(count / unit).toLocaleString("en", { maximumFractionDigits: unit === 1 ? 0 : 1 })} ${name}`;
};

class Refused extends Error {
  constructor(status, why, document) {
    super(`${status} ${why}`);
    Object.assign(this, { status, document });
  }
}
/** Asks the upload server. */
const ask = async (path, wish) => {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wish) });
  const json = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, json.error);
  return json;
};
/** Uses a token at the gateway. */
const use = async (token, body) => {
  // The browser writes Content-Length itself, from the body.
  const { "content-length": _, ...headers } = token.headers;
  const answer = await fetch(token.url, { method: token.method, headers, body, cache: "no-store", referrerPolicy: "no-referrer" });
  // 308 is Google's way to say that more is to come.
  if (answer.ok || answer.status === 308) return answer;
  const document = await answer.text();
  const xml = new DOMParser().parseFromString(document, "application/xml");
  // Azure numbers its answers in their text.
  const part = name => (xml.querySelector(name)?.textContent ?? "").split(/\s*RequestId:/)[0];
  throw new Refused(answer.status, `${part("Code")}: ${part("Message")}`, document);
};

let timer;
const countdown = token => {
  clearInterval(timer);
  const skew = Date.now() / 1000 - token.now;
  const tick = () => {
    const left = Math.max(0, Math.round(token.expires_at + skew - Date.now() / 1000));
    $("#countdown").textContent = left ? `It expires in ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}.` : "It has expired.";
  };
  tick();
  timer = setInterval(tick, 1000);
};

let link;
/** Files of more bytes than this go in parts. */
let whole = Infinity;
const say = (output, good, text) => {
  output.className = good ? "good" : "bad";
  output.textContent = text;
};
const lines = token => Object.entries(token.headers).map(([name, value]) => `${name}: ${value}`).join("\n");

/** The four steps of a file with one token. */
const inOne = async (file, wish, at) => {
  const token = await ask("/tokens/upload", wish);
  at(0, "done");
  at(1, "done", `${token.method} ${redacted(token.url)}\n${lines(token)}`);
  countdown(token);
  const sent = `${file.size} bytes to ${new URL(token.url).host}`;
  at(2, "now", sent);
  const stored = await use(token, file);
  at(2, "done", sent);
  return { key: token.key, etag: stored.headers.get("etag") };
};

/** The same again for each part, with a token of its own. */
const inParts = async (file, wish, at) => {
  let step = await ask("/uploads/begin", wish);
  at(0, "done");
  const [tokens, sent] = [[], []];
  for (let renewed = false; !step.done; ) {
    const part = `bytes ${step.from} to ${step.to - 1}`;
    if ($("#slow").checked && sent.length === 1 && !renewed && !step.is_session_uri) {
      renewed = true;
      step = await ask("/uploads/renew", { upload: step.upload, number: step.number });
      tokens.push(`${part}: a new token`);
    } else if (tokens.length === 0 || !step.is_session_uri) {
      tokens.push(`${part}: ${redacted(step.url)}`);
    }
    at(1, "done", tokens.join("\n"));
    countdown(step);
    at(2, "now", [...sent, `${part} …`].join("\n"));
    const answer = await use(step, file.slice(step.from, step.to));
    sent.push(`${part} to ${new URL(step.url).host}: ${answer.status}`);
    at(2, "now", sent.join("\n"));
    $("#progress").value = step.to / step.all;
    const range = /-(\d+)$/.exec(answer.headers.get("range"));
    step = await ask("/uploads/sent", {
      upload: step.upload, number: step.number, bytes: step.to - step.from, etag: answer.headers.get("etag"),
      received: range ? Number(range[1]) + 1 : null,
    });
  }
  at(2, "done", sent.join("\n"));
  return { key: step.key, etag: `${step.parts} parts, ${step.bytes} bytes` };
};

const upload = async () => {
  const file = $("#file").files[0];
  const place = { cloud: $("#cloud").value, bucket: $("#bucket").value };
  const wish = { ...place, name: file.name, size: file.size, content_type: file.type };
  steps.forEach((_, step) => show(step, ""));
  $("#link").hidden = true;
  $("#progress").hidden = file.size <= whole;
  $("#progress").value = 0;
  say($("#verdict"), true, "");
  let step = 0;
  const at = (now, state, text) => {
    step = state === "done" ? now + 1 : now;
    show(now, state, text ?? JSON.stringify(wish));
  };
  try {
    at(0, "now");
    const stored = await (file.size > whole ? inParts : inOne)(file, wish, at);
    link = await ask("/tokens/read", { ...place, key: stored.key });
    show(3, "done", `${stored.key}\n${stored.etag}`);
    $("#download").href = link.url;
    $("#link").hidden = false;
    $("#revoke").disabled = false;
  } catch (error) {
    show(step, "failed", error.message);
  }
};

const attempt = async (token = link) => {
  try {
    const got = await use(token);
    say($("#verdict"), true, `${got.status}, ${(await got.arrayBuffer()).byteLength} bytes`);
  } catch (error) {
    say($("#verdict"), false, error.message);
    return error.document;
  }
};
/** Uses the link for a file that it is not for, and asks the upload server why that was refused. */
const other = async () => {
  const changed = { ...link, url: link.url.replace("?", "x?") };
  const answer = await attempt(changed);
  if (!answer) return;
  const { cause, advice } = await ask("/explain", { method: link.method, url: link.url, answer });
  $("#verdict").textContent += `\n${cause}: ${advice}`;
};
const revoke = async () => {
  try {
    await ask("/tokens/revoke", { id: link.id });
    $("#revoke").disabled = true;
    await attempt();
  } catch (error) {
    say($("#verdict"), false, error.message);
  }
};

/** Asks again and again, and uses none of what it gets. */
const flood = async () => {
  const wish = { cloud: $("#cloud").value, bucket: $("#bucket").value, key: "users/42/none" };
  let granted = 0;
  try {
    for (;; granted++) await ask("/tokens/read", wish);
  } catch (error) {
    say($("#flooded"), false, `${granted} more were given, then: ${error.message}`);
  }
};

const bar = (name, count, most) => {
  const row = make("div", name, "bar");
  row.append(make("b", bytes(count)), Object.assign(document.createElement("progress"), { max: Math.max(most, 1), value: count }));
  row.lastChild.setAttribute("aria-label", name);
  return row;
};
const columns = [
  ["Time", record => new Date(record.at * 1000).toISOString().slice(11, 19)],
  ["Decision", record => record.decision],
  ["User", record => record.user],
  ["Action", record => record.action],
  ["Resource", record => record.resource],
  ["Form", record => record.form ?? ""],
  ["Class", record => record.classification],
  ["Lives", record => `${record.lifetime} s`],
  ["Fingerprint", record => record.fingerprint ?? ""],
  ["Session", record => (record.session ?? "").slice(0, 8)],
  ["Client", record => record.client],
  ["Why", record => record.why],
];
/** Shows what the servers counted and wrote down. */
const look = async () => {
  const { traffic, saved, audit } = await (await fetch("/activity", { cache: "no-store" })).json();
  const most = Math.max(...traffic.map(meter => meter.bytes_in + meter.bytes_out));
  $("#bars").replaceChildren(...traffic.map(meter => bar(meter.name, meter.bytes_in + meter.bytes_out, most)));
  $("#saved").replaceChildren(...saved.flatMap(({ what, value }) => [make("dt", what), make("dd", value)]));
  $("#audit").replaceChildren(...audit.map(record => {
    const row = document.createElement("tr");
    row.append(...columns.map(([, of]) => make("td", of(record))));
    row.children[1].className = record.decision;
    return row;
  }));
};

const busy = (button, work) => async event => {
  event.preventDefault();
  button.disabled = true;
  await work();
  button.disabled = false;
  await look();
};
$("#flood").addEventListener("click", busy($("#flood"), flood));
$("#form").addEventListener("submit", busy($("#send"), upload));
$("#try").addEventListener("click", busy($("#try"), () => attempt()));
$("#other").addEventListener("click", busy($("#other"), other));
$("#revoke").addEventListener("click", async () => {
  await revoke();
  await look();
});

const begin = async () => {
  $("#columns").append(...columns.map(([name]) => Object.assign(make("th", name), { scope: "col" })));
  const { clouds, buckets, limit, prices, ...options } = await (await fetch("/options")).json();
  $("#cloud").append(...clouds.map(({ id, title }) => new Option(title, id)));
  $("#bucket").append(...buckets.map(({ name }) => new Option(name)));
  const tell = () => {
    $("#rule").textContent = buckets.find(({ name }) => name === $("#bucket").value).rule;
  };
  $("#bucket").addEventListener("change", tell);
  tell();
  $("#limit").textContent = limit;
  whole = options.whole;
  $("#prices").textContent = prices;
  await look();
  document.body.dataset.ready = "yes";
};
begin();
