import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Sizes by name of value; `null` is a size that stays open. */
export type InferredShapes = Readonly<Record<string, readonly (number | null)[]>>;

/** Also from the compiled file. */
const script = fileURLToPath(new URL('../../src/testing/check_onnx.py', import.meta.url));

/**
 * Has the ONNX project's own checker and strict shape inference look at models, and returns the shapes that they infer
 * from the inputs alone. Throws what they have to say against a model.
 * @param python the interpreter that has onnx
 * @param models files, and numbers for the names of their open sizes
 */
export function checkOnnx(
  python: string,
  models: readonly { readonly file: Uint8Array; readonly sizes?: Readonly<Record<string, number>> }[],
): InferredShapes[] {
  const folder = mkdtempSync(join(tmpdir(), 'glisson-onnx-'));
  try {
    const lines = models.map(({ file, sizes = {} }, index) => {
      const path = join(folder, `${index}.onnx`);
      writeFileSync(path, file);
      return JSON.stringify({ file: path, sizes });
    });
    const { status, stdout, stderr } = spawnSync(python, [script], {
      input: lines.join('\n'),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Error(`onnx: ${stderr}`);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as InferredShapes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
