import { describe, expect, test } from 'vitest';
import { liveDisplay } from './live-display.ts';
import { createProgressLine, describeProgress } from './progress-line.ts';
import { createRateEstimator, formatDuration } from './rate.ts';

function stream(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 80, write: (text: string) => written.push(text) };
}

describe('progress', () => {
  test('one line holds stage, bar, count, rate, time left and note', () => {
    const event = { stage: 'segment', done: 30, total: 120, unit: 'slices', note: 'tile 3' };
    expect(describeProgress(event, 10, true)).toBe(
      'segment  [######------------------]  30/120 slices  10.0/s  0:09 left  tile 3',
    );
    expect(describeProgress(event, 0.5, false)).toBe(
      'segment  30/120 slices  25 %  2.0 s each  3:00 left  tile 3',
    );
    expect(describeProgress({ stage: 'load', done: 0, total: 0 }, undefined, true)).toBe('load');
  });

  test('a terminal gets one line that rewrites itself, never wider than the terminal', () => {
    const out = stream(true);
    let now = 0;
    const line = createProgressLine(out, () => now);
    for (let done = 0; done <= 100; done++) {
      now += 20;
      line.onProgress({ stage: 'train', done, total: 100, note: 'x'.repeat(200) });
    }
    line.print('a warning');
    line.finish();
    expect(out.written.length).toBeLessThan(30);
    const drawn = out.written.filter((text) => text.startsWith('\r\u001b[2Ktrain'));
    expect(drawn.length).toBeGreaterThan(15);
    for (const text of drawn) expect(text.slice('\r\u001b[2K'.length).length).toBeLessThan(80);
    expect(drawn.every((text) => !text.includes('\n'))).toBe(true);
    expect(out.written.slice(-2)).toEqual(['\r\u001b[2K', 'a warning\n']);
  });

  test('a pipe gets plain lines: first, last, and one every five seconds', () => {
    const out = stream(false);
    let now = 0;
    const line = createProgressLine(out, () => now);
    for (let done = 0; done <= 120; done++) {
      line.onProgress({ stage: 'train', done, total: 120 });
      now += 100;
    }
    expect(out.written.map((text) => text.split('  ')[1])).toEqual(['0/120', '50/120', '100/120', '120/120']);
    expect(out.written.join('')).not.toContain('\r');
  });

  test('a block of lines stays above the line that rewrites itself, is replaced whole, and is left at the end', () => {
    const out = stream(true);
    const line = createProgressLine(out, () => 0);
    line.onProgress({ stage: 'train', done: 1, total: 9 });
    line.show(['one', '\u001b[36mtwo\u001b[0m']);
    const drawn = describeProgress({ stage: 'train', done: 1, total: 9 }, undefined, true);
    expect(out.written.slice(-2)).toEqual(['\r\u001b[2K', `one\n\u001b[36mtwo\u001b[0m\n${drawn}`]);
    line.show(['x'.repeat(100)]);
    expect(out.written.at(-2)).toBe('\r\u001b[2A\u001b[J');
    line.print('a warning');
    // The line of 100 takes two rows of 80.
    expect(out.written.slice(-3, -1)).toEqual(['\r\u001b[2A\u001b[J', 'a warning\n']);
    line.finish();
    expect(out.written.at(-1)).toBe('\r\u001b[2K');

    const pipe = stream(false);
    createProgressLine(pipe).show(['one']);
    expect(pipe.written).toEqual([]);
  });

  test('there is a display on terminals with room, outside CI, where signs can be shown', () => {
    const terminal = { ...stream(true), columns: 100, rows: 30 };
    const display = (of: object, environment: Record<string, string>) =>
      liveDisplay({ ...terminal, ...of }, createProgressLine(terminal), environment);
    expect(display({}, {})).toMatchObject({ columns: 99, colour: true });
    expect(display({}, { NO_COLOR: '1', LANG: 'de_DE.UTF-8' })).toMatchObject({ colour: false });
    expect(display({}, { LANG: 'de_DE.utf8', LC_ALL: '' })).toBeDefined();
    expect(display({}, { CI: 'true' })).toBeUndefined();
    expect(display({}, { LC_ALL: 'C' })).toBeUndefined();
    expect(display({ isTTY: false }, {})).toBeUndefined();
    expect(display({ rows: 12 }, {})).toBeUndefined();
  });

  test('the rate follows a change of speed without jumping', () => {
    const rate = createRateEstimator(1000);
    expect(rate.perSecond()).toBeUndefined();
    // 10 a second for 20 s, then 40 a second.
    for (let t = 0; t <= 20_000; t += 100) rate.add(t, t / 100);
    expect(rate.perSecond()).toBeCloseTo(10, 1);
    const later = (t: number) => 200 + ((t - 20_000) / 100) * 4;
    rate.add(20_100, later(20_100));
    const justAfter = rate.perSecond()!;
    expect(justAfter).toBeGreaterThan(10);
    expect(justAfter).toBeLessThan(14);
    for (let t = 20_200; t <= 40_000; t += 100) rate.add(t, later(t));
    expect(rate.perSecond()).toBeCloseTo(40, 1);
  });

  test.each([
    [0, '0:00'],
    [75.4, '1:15'],
    [3599.6, '1:00:00'],
    [4000, '1:06:40'],
  ])('%s seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));
});
