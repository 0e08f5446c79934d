// Drives the page as a user would.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { is, png, verdict } from './checks.mjs';

const { PAGE, LOG, WORK, PICTURE, CHROMIUM } = process.env;
const hash = bytes => createHash('sha256').update(bytes).digest('hex');
const log = () => readFileSync(LOG, 'utf8');

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
const page = await context.newPage();
const problems = [];
page.on('pageerror', error => problems.push(String(error)));
page.on('console', message => {
  // That a server refused is what some steps are about.
  if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) problems.push(message.text());
});
const sent = [];
page.on('response', async response => {
  const request = response.request();
  // As it went onto the wire; the page cannot set this header.
  const length = (await request.allHeaders())['content-length'];
  sent.push([new URL(request.url()).origin, request.method(), Number(length ?? 0)]);
});

await page.goto(PAGE);
await page.waitForSelector('body[data-ready=yes]');
const states = () => page.$$eval('#steps li', steps => steps.map(step => step.className));
// What the steps went through, and not only where they ended.
await page.evaluate(() => {
  window.went = [];
  const watch = new MutationObserver(changes => {
    for (const { target } of changes) {
      if (!target.matches('li')) continue;
      const step = [...target.parentNode.children].indexOf(target) + 1;
      const state = `${step} ${target.className}`;
      if (target.className && window.went.at(-1) !== state) window.went.push(state);
    }
  });
  watch.observe(document.querySelector('#steps'), { subtree: true, attributes: true, attributeFilter: ['class'] });
});
const activity = async () => (await fetch(new URL('/activity', PAGE))).json();

is('the page offers three clouds', await page.$$eval('#cloud option', all => all.map(option => option.value)), ['aws', 'gcs', 'azure']);
is('no step is done yet', await states(), ['', '', '', '']);

// A name that would be markup if it were not shown as text.
const name = '<b>cat<i>.png';
const clouds = [
  { id: 'aws', gateway: 'gateway of S3', stored: 200, other: ['403 SignatureDoesNotMatch', 'path'], revoked: '403 AccessDenied: Access Denied', signature: /X-Amz-Signature=([^&]+)/ },
  { id: 'gcs', gateway: 'gateway of Google Cloud Storage', stored: 200, other: ['403 SignatureDoesNotMatch', 'path'], revoked: '403 AccessDenied: Access denied.', signature: /X-Goog-Signature=([^&]+)/ },
  { id: 'azure', gateway: 'gateway of Azure Blob Storage', stored: 201, other: ['403 AuthenticationFailed', 'resource'], revoked: '403 AuthenticationFailed: The server could not authenticate the request.', signature: /[?&]sig=([^&]+)/ },
];
const seen = [];
for (const cloud of clouds) {
  const told = what => `${cloud.id}: ${what}`;
  const file = randomBytes(300_000);
  const [before, logged] = [await activity(), log().length];
  const meter = (counts, name) => counts.traffic.find(meter => meter.name === name);
  sent.length = 0;
  await page.evaluate(() => { window.went = []; });
  await page.selectOption('#cloud', cloud.id);
  await page.selectOption('#bucket', 'media-uploads');
  await page.setInputFiles('#file', { name, mimeType: 'image/png', buffer: file });
  await page.click('#send');
  await page.waitForSelector('#send:enabled');

  is(told('the four steps, in order'), await page.evaluate(() => window.went),
    ['1 now', '1 done', '2 done', '3 now', '3 done', '4 done']);
  is(told('the four steps are done'), await states(), ['done', 'done', 'done', 'done']);
  const href = await page.getAttribute('#download', 'href');
  const gateway = new URL(href).origin;
  is(told('the gateway is another server than the page'), gateway === new URL(PAGE).origin, false);

  // Where the file went: by the browser, by the servers' counts, and by their log.
  const large = sent.filter(([, , size]) => size > 500);
  is(told('the browser sent the file once, to the gateway'), large, [[gateway, 'PUT', file.length]]);
  const after = await activity();
  const grew = name => meter(after, name).bytes_in - meter(before, name).bytes_in;
  is(told('the gateway counted its bytes and no more'), grew(cloud.gateway), file.length);
  is(told('the upload server took two short questions'), grew('upload server') > 0 && grew('upload server') < 500, true);
  const lines = log().slice(logged).split('\n');
  const of = pattern => lines.filter(line => pattern.test(line)).length;
  is(told('the log has it once, at the gateway'), [of(new RegExp(`^${cloud.gateway}: PUT \\S+ -> ${cloud.stored} ok; 300000 bytes in`)), of(/300000 bytes in/)], [1, 1]);
  is(told('the log has the two questions'), [of(/^upload server: POST \/tokens\/upload -> 200 ok/), of(/^upload server: POST \/tokens\/read -> 200 ok/)], [1, 1]);

  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  const back = join(WORK, 'back');
  await download.saveAs(back);
  is(told('it comes back the same'), hash(readFileSync(back)), hash(file));
  is(told('under a harmless name'), /^\d+--b-cat-i-\.png$/.test(download.suggestedFilename()), true);
  const verdictOf = async button => {
    await page.click(button);
    await page.waitForFunction(() => document.querySelector('#verdict').textContent !== '');
    await page.waitForSelector('#other:enabled');
    const verdict = await page.textContent('#verdict');
    await page.evaluate(() => { document.querySelector('#verdict').textContent = ''; });
    return verdict;
  };
  is(told('the link is good'), await verdictOf('#try'), `200, ${file.length} bytes`);
  is(told('the link is for its own file alone, and the upload server knows why'), (await verdictOf('#other')).split('\n').map(line => line.split(':')[0]),
    cloud.other);
  is(told('the link is revoked, and fails'), await verdictOf('#revoke'), cloud.revoked);
  is(told('it fails again'), await verdictOf('#try'), cloud.revoked);
  is(told('it fails outside of the page, too'), (await fetch(href)).status, 403);
  is(told('the log has these four refusals, three of a revoked token'), log().slice(logged).split('\n').filter(line => line.startsWith(`${cloud.gateway}: GET`))
    .map(line => /-> 403 \S+ \((\w+): /.exec(line)?.[1]).filter(Boolean), ['signature_mismatch', 'revoked', 'revoked', 'revoked']);

  await page.waitForFunction(count => document.querySelectorAll('#audit tr').length === count, 3 * (seen.length + 1));
  is(told('the audit log has three records, newest first'), await page.$$eval('#audit tr', rows => rows.slice(0, 3).map(row => row.children[1].textContent)),
    ['revoked', 'issued', 'issued']);
  is(told('and the record of the revocation names the token that was granted'),
    ...(await page.$$eval('#audit tr', rows => rows.slice(0, 2).map(row => row.children[8].textContent))));
  is(told('a picture is public, so that its link lives longer than the token of its upload'),
    await page.$$eval('#audit tr', rows => rows.slice(1, 3).map(row => [3, 6, 7].map(at => row.children[at].textContent))),
    [['read', 'public', '3600 s'], ['create', 'public', '900 s']]);
  seen.push(decodeURIComponent(cloud.signature.exec(href)[1]));
}

const shown = await page.evaluate(() => document.body.innerText);
const records = JSON.stringify((await activity()).audit);
const spelt = seen.flatMap(signature => [signature, encodeURIComponent(signature), signature.slice(0, 20)]);
is('three signatures were made', seen.filter(signature => signature.length >= 44).length, 3);
is('none is in the text of the page', spelt.filter(text => shown.includes(text)), []);
is('none is in the audit log', spelt.filter(text => records.includes(text)), []);
is('none is in the log of the servers', spelt.filter(text => log().includes(text)), []);
is('the name of a file made no markup', await page.$$eval('#steps b, #steps i, #audit b, #audit i', all => all.length), 0);
is('and is shown as it is', (await page.textContent('#steps li:first-child pre')).includes(name), true);

// A refusal is shown where it happens.
await page.selectOption('#bucket', 'secure-invoices');
await page.click('#send');
await page.waitForSelector('#send:enabled');
is('a picture is no invoice: refused at the first step', await states(), ['failed', '', '', '']);
is('with the reason', await page.textContent('#steps li:first-child pre'), '403 bounds_content_type');

is('and the audit log says why', (await page.textContent('#audit tr:first-child td:last-child')).includes('"image/png" was asked for'), true);

// A large file goes in parts, of which the second needs a new token.
const film = randomBytes(20 << 20);
await page.selectOption('#bucket', 'media-uploads');
await page.check('#slow');
for (const cloud of clouds.slice().reverse()) {
  const told = what => `${cloud.id}, in parts: ${what}`;
  const [before, logged] = [await activity(), log().length];
  const meter = (counts, name) => counts.traffic.find(meter => meter.name === name);
  sent.length = 0;
  await page.evaluate(() => { window.went = []; });
  await page.selectOption('#cloud', cloud.id);
  await page.setInputFiles('#file', { name: 'film.mp4', mimeType: 'video/mp4', buffer: film });
  await page.click('#send');
  await page.waitForSelector('#send:enabled');
  is(told('the four steps are done'), await states(), ['done', 'done', 'done', 'done']);
  is(told('steps two and three, for each part'), (await page.evaluate(() => window.went)).filter(state => state === '2 done').length > 0, true);
  const gateway = new URL(await page.getAttribute('#download', 'href')).origin;
  const eight = 8 << 20;
  is(told('three parts went to the gateway'), sent.filter(([,, size]) => size > 500), [eight, eight, film.length - 2 * eight].map(size => [gateway, 'PUT', size]));
  const after = await activity();
  is(told('the upload server took questions alone'), meter(after, 'upload server').bytes_in - meter(before, 'upload server').bytes_in < 1500, true);
  const refreshed = after.tokens.refreshed - before.tokens.refreshed;
  is(told('tokens that were renewed in the middle'), refreshed, cloud.id === 'gcs' ? 0 : 1);
  is(told('the log has three parts'), log().slice(logged).split('\n').filter(line => line.startsWith(`${cloud.gateway}: PUT`) && /; (8388608|4194304) bytes in/.test(line)).length, 3);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  const back = join(WORK, 'film');
  await download.saveAs(back);
  is(told('it comes back the same'), hash(readFileSync(back)), hash(film));
}

// The picture is of a good run.
await page.click('#revoke');
await page.waitForFunction(() => /^403 /.test(document.querySelector('#verdict').textContent));
await page.waitForFunction(() => document.querySelector('#audit tr td:nth-child(2)').textContent === 'revoked');
writeFileSync(PICTURE, await page.screenshot({ fullPage: true }));
const picture = readFileSync(PICTURE);
const { width, height, values } = png(picture);
is('the picture is as wide as the window', width, 1440);
is('it is high, and no plain area', [height > 800, values > 100, picture.length > 50_000], [true, true, true]);
is('nothing went wrong in the page', problems, []);

// The rate is that of the user, and whoever asks for more is told when to come again.
await page.click('#flood');
await page.waitForSelector('#flood:enabled', { timeout: 60_000 });
const flooded = await page.textContent('#flooded');
is('the rate ends', /^\d+ more were given, then: 429 too many tokens: the next in \d+ s$/.test(flooded), true);
const { tokens, audit } = await activity();
is('after as many tokens as the rate has', [tokens.issued + tokens.refreshed <= 102, Number(flooded.split(' ')[0]) > 30], [true, true]);
is('and that is on record', [audit[0].decision, audit[0].why.startsWith('too many tokens')], ['refused', true]);

await browser.close();
process.exit(verdict(2 + 3 * 19 + 9 + 3 * 7 + 3 + 3) ? 0 : 1);
