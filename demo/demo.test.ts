import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { runDemo } from './testing/run-demo.ts';

const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
const playwright = await import('playwright-core').catch(() => undefined);
const withoutBrowser = !chromium ? 'there is no chromium in /usr/bin' : !playwright ? 'playwright-core is not installed' : false;

const hollow = ['--hollow', '--nodes', '4', '--servers', '4', '--bots', '8', '--rate', '1000', '--seconds', '8'];

/** What the page is told until it has been told of the verdict. */
async function followEvents(url: string): Promise<string> {
  let told = '';
  const { body } = await fetch(`${url}events`);
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    told += Buffer.from(chunk).toString('utf8');
    if (told.includes('"verdict"')) break;
  }
  return told;
}

test('the hollow form updates under load without a failed request, and says that it is simulated', async () => {
  let told = '';
  const verdict = await runDemo(hollow, async (url) => {
    assert.match(await (await fetch(url)).text(), /<title>Coxswain/);
    told = await followEvents(url);
  });
  assert.equal(verdict.simulated, true);
  assert.equal(verdict.failed, 0);
  assert.ok(verdict.requests > 0);
  assert.deepEqual(verdict.phases.map(({ phase }) => phase).filter((phase) => phase !== 'start'), ['ramp', 'before', 'update', 'after']);
  assert.match(told, /SIMULATED/);
  assert.match(told, /"v2":\[1,0\]/, 'the map has shown servers of the new version');
});

test('the page in a browser', { skip: withoutBrowser }, async () => {
  const browser = await playwright!.chromium.launch({ executablePath: chromium!, args: ['--no-sandbox'] });
  try {
    await runDemo(hollow, async (url) => {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('request', (request) => assert.ok(request.url().startsWith(url), 'self-contained'));
      await page.goto(url);
      await page.locator('#simulated', { hasText: 'SIMULATED' }).waitFor();
      await page.locator('#phase', { hasText: 'rolling update' }).waitFor({ timeout: 120_000 });
      await page.locator('#verdict b', { hasText: '0 of' }).waitFor({ timeout: 120_000 });
      assert.match((await page.locator('#mapTitle').textContent()) ?? '', /^4 nodes: servers v1 0, v2 4, load bots 8$/);
      assert.equal(await page.locator('#failed').textContent(), '0');
      if (process.env.DEMO_SCREENSHOT) await page.screenshot({ path: process.env.DEMO_SCREENSHOT, fullPage: true });
      assert.deepEqual(errors, []);
    });
  } finally {
    await browser.close();
  }
});
