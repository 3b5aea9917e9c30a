import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Scan } from '@glisson/imaging/volume/scan';
import type { LoadedModel } from '../predict/load-model.ts';
import type { Segmentation } from '../predict/segmentation.ts';

/** What a result is made of and by: everything but the clock is the same in every run. */
export interface Provenance {
  readonly schema: 'glisson.provenance/1';
  readonly notice: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly model: {
    readonly file: string;
    readonly sha256: string;
    readonly planSha256: string;
    readonly recipe: string;
    readonly planVersion: number;
  };
  readonly input: {
    readonly path: string;
    readonly format: string;
    readonly studyInstanceUid?: string;
    readonly seriesInstanceUid?: string;
    readonly slices: number;
    readonly geometry: Scan['volume']['geometry'];
    /** SHA-256 of the voxels in memory (little-endian) after their geometry as JSON text. */
    readonly sha256: string;
  };
  readonly settings: {
    readonly inference: LoadedModel['plan']['inference'];
    readonly postprocess: LoadedModel['plan']['postprocess'];
  };
  readonly warnings: Segmentation['warnings'];
  readonly findings: Scan['findings'];
}

export function describeProvenance(
  scan: Scan,
  segmentation: Segmentation,
  model: LoadedModel,
  extraVersions: Readonly<Record<string, string>>,
): Provenance {
  const { plan } = model;
  return {
    schema: 'glisson.provenance/1',
    notice: 'Research use only, not a medical device.',
    versions: {
      glisson: packageVersion(),
      node: process.versions.node,
      onnxruntime: engineVersion(),
      platform: `${process.platform} ${process.arch}`,
      ...extraVersions,
    },
    model: {
      file: model.path,
      sha256: model.hash,
      planSha256: model.planHash,
      recipe: plan.recipe,
      planVersion: plan.version,
    },
    input: {
      path: scan.path,
      format: scan.format,
      studyInstanceUid: scan.series?.studyInstanceUid,
      seriesInstanceUid: scan.series?.seriesInstanceUid,
      slices: scan.volume.geometry.size[2],
      geometry: scan.volume.geometry,
      sha256: hashVolume(scan.volume),
    },
    settings: { inference: plan.inference, postprocess: plan.postprocess },
    warnings: segmentation.warnings,
    findings: scan.findings,
  };
}

function hashVolume({ geometry, voxels }: Scan['volume']): string {
  const bytes = new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength);
  return createHash('sha256').update(JSON.stringify(geometry)).update(bytes).digest('hex');
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Version of the engine that `@glisson/nn` would load; the engine itself stays unloaded. */
function engineVersion(): string {
  try {
    const nn = createRequire(import.meta.url).resolve('@glisson/nn/runtime/predictor');
    const { version } = createRequire(nn)('onnxruntime-node/package.json') as { version: string };
    return version;
  } catch {
    return 'unknown';
  }
}
