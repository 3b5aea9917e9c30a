/// <reference lib="dom" />
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { segmentScan } from '../predict/segment-scan.ts';
import {
  blockPhantom,
  modelOf,
  scanOf,
  thresholdPlan,
  thresholdPredictor,
} from '../testing/threshold-model.ts';
import { describeProvenance } from './provenance.ts';
import { reportHtml } from './report-html.ts';

const tools = ['chromium'];
const plan = thresholdPlan();
const model = modelOf(plan);

async function report(title: string): Promise<string> {
  const finding = { severity: 'warning', code: 'test', message: 'Watch <b>this</b> & that.' } as const;
  const scan = scanOf(blockPhantom().volume, { findings: [finding] });
  const segmentation = await segmentScan(scan, model, { predictor: thresholdPredictor(plan) });
  return reportHtml(scan, segmentation, describeProvenance(scan, segmentation, model, {}), title);
}

test('the page is one file that refers to nothing outside, and escapes what it shows', async () => {
  const html = await report('</script><script>alert(1)</script>');
  expect(html).not.toMatch(/<[^>]*\s(?:src|href)\s*=/i);
  expect(html).not.toMatch(/https?:\/\//);
  expect(html).not.toMatch(/\{\{[A-Z]+\}\}/);
  expect(html).not.toContain('<script>alert');
  expect(html).toContain('Watch &lt;b&gt;this&lt;/b&gt; &amp; that.');
  expect(html).toContain('Research use only, not a medical device');
});

describe('in a browser', () => {
  let browser: Browser | undefined;
  let page: Page;
  let folder: string;
  const requests: string[] = [];
  const errors: string[] = [];

  beforeAll(async () => {
    if (!hasSystemTools(tools)) return;
    folder = await mkdtemp(join(tmpdir(), 'glisson-page-'));
    await writeFile(join(folder, 'report.html'), await report('Blocks'));
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        '--headless',
        '--no-sandbox',
        '--use-gl=angle',
        '--use-angle=swiftshader',
        '--enable-unsafe-swiftshader',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    page.on('request', (request) => requests.push(request.url()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(pathToFileURL(join(folder, 'report.html')).href);
  });
  afterAll(async () => {
    await browser?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** Waits until a slice is drawn, and fails when it is not. */
  const reaches = async (number: number) => {
    const drawn = (n: number) => document.getElementById('canvas')?.dataset.drawn === String(n);
    await page.waitForFunction(drawn, number, { timeout: 10_000 });
    expect(await page.locator('#slice-number').textContent()).toBe(String(number));
  };
  /** Pixels of the canvas near a colour. */
  const count = (red: number, green: number, blue: number) =>
    page.evaluate(
      ([r, g, b]) => {
        const canvas = document.getElementById('canvas') as HTMLCanvasElement;
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        let near = 0;
        for (let i = 0; i < data.length; i += 4) {
          if (Math.abs(data[i]! - r!) + Math.abs(data[i + 1]! - g!) + Math.abs(data[i + 2]! - b!) < 30)
            near++;
        }
        return near;
      },
      [red, green, blue],
    );

  test.skipIf(!hasSystemTools(tools))(
    needs(tools, 'wheel, keys, slider and table scroll through all slices'),
    async () => {
      await reaches(4);
      await page.mouse.move(400, 400);
      await page.mouse.wheel(0, 100);
      await reaches(3);
      await page.mouse.wheel(0, -100);
      await page.mouse.wheel(0, -100);
      await reaches(5);
      for (const [key, expected] of [
        ['ArrowUp', 6],
        ['ArrowDown', 5],
        ['PageDown', 1],
        ['PageUp', 11],
        ['Home', 14],
        ['ArrowUp', 14],
        ['End', 1],
        ['n', 6],
      ] as const) {
        await page.keyboard.press(key);
        await reaches(expected);
      }
      await page.locator('#slider').fill('7');
      await reaches(7);
      await page.locator('tr[data-lesion="3"]').click();
      await reaches(9);
    },
  );

  test.skipIf(!hasSystemTools(tools))(needs(tools, 'outlines and masks show and hide'), async () => {
    await page.locator('tr[data-lesion="1"]').click();
    await reaches(4);
    expect(await count(255, 107, 74)).toBeGreaterThan(200);
    expect(await count(53, 208, 186)).toBeGreaterThan(200);
    await page.keyboard.press('l');
    expect(await count(53, 208, 186)).toBe(0);
    await page.keyboard.press(' ');
    expect(await count(255, 107, 74)).toBe(0);
    await page.keyboard.press('m');
    // The lesion is 10 x 7 of 60 x 44 pixels; the canvas shows the slice in its true proportions.
    const [white, black] = [await count(255, 255, 255), await count(0, 0, 0)];
    const canvas = await page.evaluate(() => {
      const { width, height } = document.getElementById('canvas') as HTMLCanvasElement;
      return { width, height };
    });
    const perMm = Math.min(canvas.width / 48, canvas.height / 39.6);
    expect(white / (10 * 0.8 * 7 * 0.9 * perMm ** 2)).toBeCloseTo(1, 1);
    expect(white + black).toBe(canvas.width * canvas.height);
    await page.keyboard.press('m');
    await page.keyboard.press(' ');
    await page.keyboard.press('l');
  });

  test.skipIf(!hasSystemTools(tools))(
    needs(tools, 'space after a click on a button means the outline, and the picture zooms and fits'),
    async () => {
      const pressed = (name: string) => page.locator(`[data-toggle="${name}"]`).getAttribute('aria-pressed');
      await page.locator('[data-toggle="fill"]').click();
      await page.keyboard.press(' ');
      expect([await pressed('fill'), await pressed('outline')]).toEqual(['true', 'false']);
      await page.keyboard.press('f');
      await page.keyboard.press(' ');
      const wide = await count(53, 208, 186);
      for (let n = 0; n < 4; n++) await page.keyboard.press('+');
      expect(await page.locator('#scale-text').textContent()).toBe('2 mm');
      await page.keyboard.press('0');
      expect(await count(53, 208, 186)).toBe(wide);
    },
  );

  test.skipIf(!hasSystemTools(tools))(needs(tools, 'windows change grey levels'), async () => {
    // Liver is 110 HU, lesions are 60: in the narrow window (20 to 120 HU) grey levels 230 and 102.
    await page.locator('tr[data-lesion="1"]').click();
    await reaches(4);
    await page.keyboard.press('3');
    expect(await page.locator('#window-text').textContent()).toBe('W 100  L 70');
    expect(await count(230, 230, 230)).toBeGreaterThan(2000);
    expect(await count(102, 102, 102)).toBeGreaterThan(1000);
  });

  test.skipIf(!hasSystemTools(tools))(needs(tools, 'asks for nothing but itself, without errors'), () => {
    expect(requests.filter((url) => !url.startsWith('data:'))).toHaveLength(1);
    expect(errors).toEqual([]);
  });
});
