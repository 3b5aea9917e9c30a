import { expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import { engineError } from './engine-error.ts';

test.each([
  // As ONNX Runtime 1.30, its WebAssembly build, Dawn, V8 and Node say it.
  ['Non-zero status code … Failed to allocate memory for requested buffer of size 4000000', 'out-of-memory'],
  ["Can't create a session. failed to allocate a buffer of size 400.", 'out-of-memory'],
  ['Array buffer allocation failed', 'out-of-memory'],
  ['SafeIntExceptionHandler::SafeIntOnOverflow() Integer overflow', 'out-of-memory'],
  ['INVALID_ARGUMENT : Tensor shape is too large', 'out-of-memory'],
  ['std::bad_alloc', 'out-of-memory'],
  ['WebAssembly.Memory(): could not allocate memory: Out of memory', 'out-of-memory'],
  ['The ArrayBuffer/ArrayBufferView size exceeds the supported range.', 'out-of-memory'],
  ['Invalid typed array length: 70368744177664', 'out-of-memory'],
  ['Worker terminated due to reaching memory limit: JS heap out of memory', 'out-of-memory'],
  ['Failed to get a WebGPU adapter: No supported adapters', 'provider-unavailable'],
  ['OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library', 'provider-unavailable'],
  ['Load model failed: Protobuf parsing failed.', 'engine-failed'],
  ['Got invalid dimensions for input: x', 'engine-failed'],
])('%s: %s', (message, code) => {
  const error = engineError(new Error(message), 'cuda');
  expect(error.code).toBe(code);
  expect(error.message).toContain(message);
});

test('sizes and providers are named; errors of our own pass', () => {
  expect(engineError(new Error('requested buffer of size 4000000: bad_alloc'), 'cpu').message).toContain(
    'for a buffer of 4.0 MB',
  );
  expect(engineError(new Error('no webgpu adapter'), 'webgpu').message).toContain("'webgpu' cannot start");
  const own = new NetworkError('closed', 'the engine was closed');
  expect(engineError(own, 'cpu')).toBe(own);
  expect(engineError('text', 'cpu').message).toBe('text');
});
