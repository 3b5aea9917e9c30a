import { ImagingError } from '@glisson/imaging/errors/imaging-error';
import { NetworkError } from '@glisson/nn/errors/network-error';
import { PipelineError } from '@glisson/pipeline/errors/pipeline-error';
import { describe, expect, test } from 'vitest';
import { describeFailure, renderFailure, UsageError } from './error-report.ts';

describe('failures', () => {
  test('of our own come apart into what, where, found, expected and advice', () => {
    const error = new ImagingError('damaged', 'The file is cut off.', {
      where: 'a.dcm',
      found: '10 bytes',
      expected: '20 bytes',
      advice: 'Copy it again.',
    });
    const { report, exitCode, isExpected } = describeFailure(error, false);
    expect(report).toEqual({
      code: 'damaged',
      message: 'The file is cut off.',
      where: 'a.dcm',
      found: '10 bytes',
      expected: '20 bytes',
      advice: 'Copy it again.',
    });
    expect([exitCode, isExpected]).toEqual([1, true]);
    expect(renderFailure(report).split('\n')).toEqual([
      'glisson: The file is cut off.',
      '  where:    a.dcm',
      '  found:    10 bytes',
      '  expected: 20 bytes',
      '  Copy it again.',
    ]);
  });

  test.each([
    ['an option that cannot be', new PipelineError('option-invalid', 'No such recipe.'), 'option-invalid', 2],
    ['a wrong command line', new UsageError('--to is missing.'), 'usage', 2],
    ['the network', new NetworkError('shape-mismatch', 'Shapes differ.'), 'shape-mismatch', 1],
    ['the system', Object.assign(new Error('x'), { code: 'ENOENT', path: '/x' }), 'not-found', 1],
    ['an abort', new DOMException('stop', 'AbortError'), 'cancelled', 130],
    ['a reader that was cancelled', new ImagingError('cancelled', 'Cancelled.'), 'cancelled', 130],
  ])('of %s are expected', (_, error, code, exitCode) => {
    const failure = describeFailure(error, false);
    expect([failure.report.code, failure.exitCode, failure.isExpected]).toEqual([code, exitCode, true]);
  });

  test('after Ctrl-C are a cancellation, whatever broke on the way out', () => {
    expect(describeFailure(new TypeError('worker is gone'), true).exitCode).toBe(130);
  });

  test('of glisson itself say so', () => {
    const failure = describeFailure(new TypeError('x is undefined'), false);
    expect(failure.isExpected).toBe(false);
    expect(failure.report).toMatchObject({ code: 'internal', advice: expect.stringContaining('--debug') });
    expect(describeFailure('a string', false).report.message).toContain('a string');
  });
});
