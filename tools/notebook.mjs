// The notebook of examples/notebooks and the script of the same code, see docs/how-to/use-the-notebook.md.
//   node tools/notebook.mjs            executes the notebook; fails on an error in a cell
//   node tools/notebook.mjs --script   compiles and runs the script
//   node tools/notebook.mjs --write    writes the notebook anew from the script
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root, run, setup } from '../scripts/setup.mjs';

const folder = join(root, 'examples', 'notebooks');
const name = 'liver-tumours';
/** The kernel replaces `tsc` where it is installed: it gets a folder of its own, outside of the project's dependencies. */
const kernelFolder = join(root, 'out', 'notebook-kernel');
const kernelVersion = '1.0.22';

/** The cells of a script whose lines `// %%` begin code and `// %% [markdown]` text. */
export function cellsOf(script) {
  return script
    .split(/^\/\/ %%/m)
    .slice(1)
    .map((part) => {
      const isText = part.startsWith(' [markdown]');
      const body = part.slice(part.indexOf('\n') + 1).trim();
      return isText
        ? { type: 'markdown', source: body.replace(/^\/\/ ?/gm, '') }
        : { type: 'code', source: body };
    });
}

/** A notebook of cells, without outputs. */
export function notebookOf(cells) {
  const lines = (source) => source.split(/(?<=\n)/);
  return {
    cells: cells.map(({ type, source }, n) => ({
      cell_type: type,
      id: `cell-${n + 1}`,
      metadata: {},
      ...(type === 'code' && { execution_count: null, outputs: [] }),
      source: lines(source),
    })),
    metadata: {
      kernelspec: { display_name: 'TypeScript', language: 'typescript', name: 'tslab' },
      language_info: { file_extension: '.ts', mimetype: 'text/typescript', name: 'typescript' },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
}

function installKernel(python) {
  const tslab = join(kernelFolder, 'node_modules', '.bin', 'tslab');
  if (!existsSync(tslab)) {
    mkdirSync(kernelFolder, { recursive: true });
    writeFileSync(join(kernelFolder, 'package.json'), '{ "private": true }\n');
    const status = run(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', `tslab@${kernelVersion}`],
      {
        cwd: kernelFolder,
        stdio: 'inherit',
      },
    );
    if (status !== 0) return status;
  }
  const prefix = join(kernelFolder, 'jupyter');
  return run(tslab, ['install', `--python=${python}`, `--prefix=${prefix}`, `--binary=${tslab}`], {
    cwd: kernelFolder,
  });
}

function execute(args) {
  const python = process.env.GLISSON_PYTHON ?? '/usr/bin/python3';
  if (run(python, ['-c', 'import nbconvert, ipykernel']) !== 0) {
    console.error('notebook: needs Jupyter: apt-get install jupyter-nbconvert python3-ipykernel');
    return 1;
  }
  const status = installKernel(python);
  if (status !== 0) return status;
  const out = resolve(args[0] ?? join(root, 'out', 'notebook'));
  mkdirSync(out, { recursive: true });
  process.env.JUPYTER_PATH = join(kernelFolder, 'jupyter', 'share', 'jupyter');
  const convert = ['-m', 'nbconvert', '--to', 'notebook', '--execute', `${name}.ipynb`, '--output-dir', out];
  const limits = ['--ExecutePreprocessor.timeout=1800', '--ExecutePreprocessor.startup_timeout=300'];
  return run(python, [...convert, ...limits], { cwd: folder, stdio: 'inherit' });
}

function runScript() {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const status = run(tsc, ['-p', join(folder, 'tsconfig.json'), '--pretty', 'false'], { stdio: 'inherit' });
  if (status !== 0) return status;
  return run(process.execPath, [join(root, 'out', 'notebook-script', `${name}.js`)], { stdio: 'inherit' });
}

function write() {
  const cells = cellsOf(readFileSync(join(folder, `${name}.ts`), 'utf8'));
  writeFileSync(join(folder, `${name}.ipynb`), `${JSON.stringify(notebookOf(cells), null, 1)}\n`);
  return 0;
}

if (process.argv[1]?.endsWith('notebook.mjs')) {
  setup();
  const [mode, ...args] = process.argv.slice(2);
  process.exit(
    mode === '--write'
      ? write()
      : mode === '--script'
        ? runScript()
        : execute(mode === undefined ? [] : [mode, ...args]),
  );
}
