import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { hasSystemTools, needs } from '../../../../../testing/system-tools.ts';
import { courses, madeCurve } from '../../testing/made-curve.ts';
import { createBrailleCanvas } from './braille-canvas.ts';
import { curvesPage } from './curves-page.ts';
import { drawCurves } from './curves-svg.ts';
import { textCurves } from './text-curves.ts';
import { ticksTo } from './ticks.ts';

const { falling, turning, plateau, rising } = courses;
const overfitted = madeCurve(
  150,
  { training: falling, validation: turning, dice: plateau, trainingDice: rising },
  0.01,
);
const sound = {
  ...madeCurve(60, { training: falling, validation: falling, dice: rising }, 0.01),
  name: '<b>"&',
};

const short = { training: falling, dice: rising };

describe('braille', () => {
  test('puts 2 x 4 dots into a character, and the first ink stays', () => {
    const canvas = createBrailleCanvas(3, 2);
    expect([canvas.width, canvas.height]).toEqual([6, 8]);
    canvas.dot(0, 0, 1);
    canvas.dot(1, 3, 2);
    canvas.dot(9, 9, 0);
    canvas.line([2, 4], [5, 4], 0);
    const text = (r: number) =>
      canvas
        .row(r)
        .map((cell) => cell.text)
        .join('');
    expect(text(0)).toBe('⢁  ');
    expect(text(1)).toBe(' ⠉⠉');
    expect(canvas.row(0).map(({ ink }) => ink)).toEqual([1, -1, -1]);
  });
});

describe('curves as text', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of terminals are control characters
  const plain = (line: string) => line.replace(/\u001b\[\d+m/g, '');

  test.each([64, 80, 79, 200])('are never wider than %i columns, with or without colours', (width) => {
    const options = { width, height: 6 };
    const bare = textCurves(overfitted, { ...options, colour: false });
    const coloured = textCurves(overfitted, { ...options, colour: true });
    expect(coloured.map(plain)).toEqual(bare);
    expect(coloured).not.toEqual(bare);
    for (const line of bare) expect([...line].length, line).toBeLessThanOrEqual(width);
    expect(bare[0]).toMatch(/^Loss .*validation.* Dice of lesions/);
    expect(bare[7]).toContain('150 of 150');
    expect(bare.slice(8).join(' ')).toMatch(
      /Best: epoch \d+, validation Dice of lesions 0\.\d+\. Overfitting since epoch/,
    );
  });

  test('start with the second epoch, and need room', () => {
    expect(textCurves(madeCurve(1, short), { width: 100, height: 6, colour: false })).toEqual([]);
    expect(textCurves(overfitted, { width: 63, height: 6, colour: false })).toEqual([]);
    expect(textCurves(madeCurve(2, short), { width: 100, height: 6, colour: false })).toHaveLength(9);
  });
});

describe('curves as a picture', () => {
  test('of one run mark its best epoch and shade what overfits', () => {
    const { svg } = drawCurves([overfitted]);
    expect(svg).toMatch(/best: epoch \d+, lesion 0\.\d{3}</);
    expect(svg).toMatch(/150 epochs, overfitting since epoch \d+/);
    expect(svg.match(/#fbe9d9/g)).toHaveLength(2);
    expect(drawCurves([sound]).svg).not.toContain('#fbe9d9');
  });

  test('of several name each, escaped, with colours and forms that repeat nowhere', () => {
    const many = Array.from({ length: 20 }, (_, n) => ({ ...sound, name: `run ${n}` }));
    const { svg, layout } = drawCurves([overfitted, sound, ...many]);
    expect(svg).toContain('&lt;b&gt;&quot;&amp;');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(layout.lastEpoch).toBe(150);
    const looks = [...svg.matchAll(/stroke="(#\w+)" stroke-width="2.2"\/><(\w+)([^>]*)\/><text/g)].map(
      ([, colour, form, rest]) => `${colour} ${form} ${rest!.includes('rotate')}`,
    );
    expect(new Set(looks.slice(0, 21)).size).toBe(21);
  });

  test.each([0.07, 1, 3.3, 12, 400])('ticks up to %f are round and few', (high) => {
    const ticks = ticksTo(high, 4);
    expect(ticks[0]).toBe(0);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThan(8);
    expect(ticks.at(-1)).toBeLessThanOrEqual(high);
  });

  test('a page holds everything, and asks nothing of the network', () => {
    const page = curvesPage([overfitted, sound]);
    expect(page).not.toMatch(/(src|href)=/);
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    expect(page).not.toContain('<b>"');
    expect(page.match(/<details>/g)).toHaveLength(2);
    expect(page).toBe(curvesPage([overfitted, sound]));
  });

  test.skipIf(!hasSystemTools(['chromium']))(
    needs(['chromium'], 'a page shows values under the pointer and by arrow keys, and hides runs'),
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'glisson-curves-page-'));
      const file = join(folder, 'curves.html');
      await writeFile(file, curvesPage([overfitted, sound]));
      const browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: [
          '--no-sandbox',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      });
      try {
        const page = await browser.newPage({ viewport: { width: 1000, height: 1100 } });
        const errors: string[] = [];
        page.on('pageerror', (error) => errors.push(error.message));
        await page.goto(pathToFileURL(file).href);
        const values = page.locator('#values');
        expect(await values.isVisible()).toBe(false);
        const box = (await page.locator('figure svg').boundingBox())!;
        await page.mouse.move(box.x + box.width / 2, box.y + box.height / 3);
        expect(await values.isVisible()).toBe(true);
        const epoch = Number(/epoch (\d+)/.exec((await values.textContent())!)![1]);
        expect(epoch).toBeGreaterThan(60);
        expect(epoch).toBeLessThan(90);
        expect(await values.textContent()).toContain('made');
        await page.mouse.move(5, 5);
        expect(await values.isVisible()).toBe(false);
        await page.locator('figure svg').focus();
        await page.keyboard.press('ArrowLeft');
        expect(await values.textContent()).toContain(`epoch ${epoch - 1}`);
        const group = page.locator('figure g[data-run="1"]').last();
        await page.locator('input[data-run="1"]').uncheck();
        expect(await group.isVisible()).toBe(false);
        await page.locator('input[data-run="1"]').check();
        expect(await group.isVisible()).toBe(true);
        expect(errors).toEqual([]);
      } finally {
        await browser.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
});
