// The page of a node in a real browser (Debian's Chromium), driven as a person would: by looking, clicking
// and the keyboard, at the width of a desk and of a phone. DASHBOARD_SHOTS names a folder for screenshots.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';

import { startNpmRelay } from './support/npm_relay.mjs';
import { ok } from './support/sovereign.mjs';
import { World } from './support/world.mjs';

const kBrowser = process.env.SOVEREIGN_CHROMIUM ?? '/usr/bin/chromium';
const kWidths = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const kQuiet = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

describe('the dashboard in Chromium', { skip: existsSync(kBrowser) ? false : `${kBrowser} is not installed (Debian: apt-get install chromium)` }, () => {
  let relay, world, browser, address, context, page;
  const asked = [];
  const broken = [];

  const open = async (size) => {
    context = await browser.newContext({ viewport: size });
    page = await context.newPage();
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => broken.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && broken.push(message.text()));
    await page.goto(address);
    await page.getByText('live', { exact: true }).waitFor();
  };
  const shot = async (name) => {
    if (!process.env.DASHBOARD_SHOTS) return;
    mkdirSync(process.env.DASHBOARD_SHOTS, { recursive: true });
    await page.screenshot({ path: `${process.env.DASHBOARD_SHOTS}/${name}.png`, fullPage: true });
  };
  /** Nothing sticks out at the right, and nothing that can be pressed is too small for a finger. */
  const fits = async () => {
    const [whole, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(whole <= seen, `${whole} pixels of content in ${seen}`);
    for (const button of await page.locator('button:visible').all()) assert.ok((await button.boundingBox()).height >= 40);
  };

  before(async () => {
    relay = await startNpmRelay();
    world = await World.open(relay.url, { dashboard: true });
    browser = await chromium.launch({ executablePath: kBrowser, args: kQuiet });
    const told = await ok(['dashboard', '--home', world.files.at('node')]);
    address = told.out.match(/http:\S+/)[0];
    // Something to look at: one answer, and one that waits.
    const note = await world.mention('are you there?');
    const { asker, code } = await world.questionFor(note, 'are you there?');
    await world.operator.say(asker, `yes ${code}`);
    await world.resultFor(note);
    await world.questionFor(await world.mention('<img src=x onerror=alert(1)> and this?'), 'and this?');
  });
  after(async () => {
    await browser?.close();
    await world?.close();
    await relay?.close();
  });

  for (const [name, size] of Object.entries(kWidths)) {
    it(`shows who, what, whose turn and how it came about, ${name} wide`, async () => {
      await open(size);
      assert.equal(await page.locator('#name').textContent(), 'tester');
      await page.locator('#doing', { hasText: /waits for the operator/ }).waitFor();
      await page.locator('#waiting', { hasText: 'a co-signer asked' }).waitFor();
      assert.equal(await page.locator('#cosigners .row').count(), 2);
      await page.locator('#relays', { hasText: relay.url }).waitFor();
      assert.match(await page.locator('#spend svg').getAttribute('aria-label'), /sat in 30 days, limit/);
      await page.locator('#sessions button', { hasText: 'ended' }).click();
      await page.locator('#session', { hasText: 'chain verified' }).waitFor();
      assert.equal(await page.locator('#session .steps .bad').count(), 0, 'every step is signed');
      assert.ok((await page.locator('#session .steps li').count()) >= 4);
      await fits();
      await shot(name);
      await context.close();
    });
  }

  it('takes what strangers write for text', async () => {
    await open(kWidths.desk);
    await page.locator('#record', { hasText: '<img src=x' }).waitFor();
    assert.equal(await page.locator('main img').count(), 0);
    await context.close();
  });

  it('is live: what happens shows without a reload', async () => {
    await open(kWidths.desk);
    const before = await page.locator('#sessions button').count();
    const note = await world.mention('and something new');
    await page.locator('#record', { hasText: 'and something new' }).waitFor();
    await page.waitForFunction((count) => document.querySelectorAll('#sessions button').length > count, before);
    assert.ok(note);
    await context.close();
  });

  it('lets nobody in without the token, and keeps the token out of the address', async () => {
    await open(kWidths.desk);
    assert.ok(!page.url().includes(new URL(address).hash.slice(1)), 'the history of the browser does not have it');
    await context.close();
    context = await browser.newContext();
    page = await context.newPage();
    await page.goto(new URL(address).origin);
    await page.locator('#token').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('wrong token').waitFor();
    assert.equal(await page.locator('#main').isVisible(), false);
    await shot('gate');
    await context.close();
  });

  it('can be used by the keyboard alone, and pauses only after a yes', async () => {
    await open(kWidths.desk);
    const answers = [false, true];
    page.on('dialog', (dialog) => (answers.shift() ? dialog.accept() : dialog.dismiss()));
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'pause');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('#pause').textContent(), 'Pause agent', 'a no changes nothing');
    await page.keyboard.press('Enter');
    await page.locator('#doing', { hasText: /^paused/ }).waitFor();
    await shot('paused');
    const [status] = (await ok(['status', '--home', world.files.at('node'), '--json'])).json;
    assert.ok(status.paused);
    await context.close();
  });

  it('asks nobody but the node, and nothing in it broke', () => {
    const hosts = new Set(asked.map((url) => new URL(url).host));
    assert.deepEqual([...hosts], [new URL(address).host]);
    assert.deepEqual(broken, []);
  });
});
