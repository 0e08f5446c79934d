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
  if (answer.ok) return answer;
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
const say = (output, good, text) => {
  output.className = good ? "good" : "bad";
  output.textContent = text;
};
const upload = async () => {
  const file = $("#file").files[0];
  const place = { cloud: $("#cloud").value, bucket: $("#bucket").value };
  const wish = { ...place, name: file.name, size: file.size, content_type: file.type };
  steps.forEach((_, step) => show(step, ""));
  $("#link").hidden = true;
  say($("#verdict"), true, "");
  let step = 0;
  try {
    show(0, "now", JSON.stringify(wish));
    const token = await ask("/tokens/upload", wish);
    show(0, "done", JSON.stringify(wish));
    step = 1;
    const headers = Object.entries(token.headers).map(([name, value]) => `${name}: ${value}`).join("\n");
    show(1, "done", `${token.method} ${redacted(token.url)}\n${headers}`);
    countdown(token);
    step = 2;
    const sent = `${file.size} bytes to ${new URL(token.url).host}`;
    show(2, "now", sent);
    const stored = await use(token, file);
    show(2, "done", sent);
    step = 3;
    link = await ask("/tokens/read", { ...place, key: token.key });
    show(3, "done", `${token.key}\nETag ${stored.headers.get("etag")}`);
    $("#download").href = link.url;
    $("#link").hidden = false;
    $("#revoke").disabled = false;
  } catch (error) {
    show(step, "failed", error.message);
  }
  await look();
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
  ["Form", record => record.form],
  ["Class", record => record.classification],
  ["Lives", record => record.lifetime === null ? "" : `${record.lifetime} s`],
  ["Fingerprint", record => record.fingerprint],
  ["Request", record => record.request_id],
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
$("#form").addEventListener("submit", busy($("#send"), upload));
$("#try").addEventListener("click", busy($("#try"), () => attempt()));
$("#other").addEventListener("click", busy($("#other"), other));
$("#revoke").addEventListener("click", async () => {
  await revoke();
  await look();
});

const begin = async () => {
  $("#columns").append(...columns.map(([name]) => Object.assign(make("th", name), { scope: "col" })));
  const { clouds, buckets, prices } = await (await fetch("/options")).json();
  $("#cloud").append(...clouds.map(({ id, title }) => new Option(title, id)));
  $("#bucket").append(...buckets.map(({ name }) => new Option(name)));
  const tell = () => {
    $("#rule").textContent = buckets.find(({ name }) => name === $("#bucket").value).rule;
  };
  $("#bucket").addEventListener("change", tell);
  tell();
  $("#prices").textContent = prices;
  await look();
  document.body.dataset.ready = "yes";
};
begin();
