import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Scan } from '@glisson/imaging/volume/scan';
import type { ForeignPlan } from '../plan/foreign-plan.ts';
import type { PatchPlan } from '../plan/patch-plan.ts';
import type { Plan } from '../plan/plan.ts';
import type { LoadedModel } from '../predict/loaded-model.ts';
import type { Segmentation } from '../predict/segmentation.ts';
import { packageVersion } from './package-version.ts';

/** What a result is made of and by: everything but the clock is the same in every run. */
export interface Provenance {
  readonly schema: 'glisson.provenance/1';
  readonly notice: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly model: {
    readonly file: string;
    readonly sha256: string;
    readonly planSha256: string;
    /** Of a foreign network, its name. */
    readonly recipe: string;
    readonly planVersion: number;
    /** The plan of a foreign network, which is no part of its model. */
    readonly planFile?: string;
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
  readonly settings:
    | Pick<Plan, 'inference' | 'postprocess'>
    | Pick<PatchPlan, 'inference' | 'postprocess'>
    | Pick<ForeignPlan, 'input' | 'tile' | 'output' | 'postprocess'>;
  readonly warnings: Segmentation['warnings'];
  readonly findings: Scan['findings'];
}

export function describeProvenance(
  scan: Scan,
  segmentation: Segmentation,
  model: LoadedModel,
  extraVersions: Readonly<Record<string, string>>,
): Provenance {
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
      recipe: model.kind === 'foreign' ? `foreign network ${model.plan.name}` : model.plan.recipe,
      planVersion: model.plan.version,
      ...(model.kind === 'foreign' && { planFile: model.planPath }),
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
    settings: settingsOf(model),
    warnings: segmentation.warnings,
    findings: scan.findings,
  };
}

/** The choices of the plan that shape a result; of a foreign one all, since no model file keeps them. */
function settingsOf(model: LoadedModel): Provenance['settings'] {
  if (model.kind === 'trained') {
    const { inference, postprocess } = model.plan;
    return { inference, postprocess };
  }
  if (model.kind === 'patch') {
    const { inference, postprocess } = model.plan;
    return { inference, postprocess };
  }
  const { input, tile, output, postprocess } = model.plan;
  return { input, tile, output, postprocess };
}

function hashVolume({ geometry, voxels }: Scan['volume']): string {
  const bytes = new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength);
  return createHash('sha256').update(JSON.stringify(geometry)).update(bytes).digest('hex');
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
