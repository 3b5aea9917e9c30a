import { expect, test } from 'vitest';
import { sizeOf } from '../graph/shape.ts';
import { arraysOf } from './networks/known-networks.ts';
import { findSource, weightSources } from './registry.ts';

test.each(weightSources)('$name: its size is that of its network, its fields are whole', (source) => {
  const bytes = arraysOf(source.network)!.reduce((sum, { shape }) => sum + sizeOf(shape) * 4, 0);
  // Header and batch counters come on top; the published size has three digits.
  expect(source.approximateBytes / bytes).toBeGreaterThan(0.995);
  expect(source.approximateBytes / bytes).toBeLessThan(1.01);
  expect(source.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(new URL(source.url).protocol).toBe('https:');
  expect(source.input.mean).toHaveLength(3);
  expect(source.input.sd).toHaveLength(3);
});

test('no two sources share a name or a file', () => {
  expect(new Set(weightSources.map(({ name }) => name)).size).toBe(weightSources.length);
  expect(new Set(weightSources.map(({ sha256 }) => sha256)).size).toBe(weightSources.length);
});

test('a source is found by its name, also with its publisher before it', () => {
  for (const source of weightSources) {
    for (const prefix of ['', 'timm/', 'hf-hub:timm/', 'hf_hub:timm/']) {
      expect(findSource(`${prefix}${source.name}`)).toBe(source);
    }
  }
  for (const name of [
    'timm/',
    'timm',
    '',
    'other/resnet18.tv_in1k',
    'timm/timm/resnet18.tv_in1k',
    'resnet18',
  ]) {
    expect(findSource(name)).toBeUndefined();
  }
  expect(findSource(weightSources[0]!.name, [])).toBeUndefined();
});
