import { axisVector, type Geometry } from '@glisson/imaging/geometry/geometry';
import { axisMapToLps } from '@glisson/imaging/process/reorient';
import type { GeometryReport } from './inspect-report.ts';

const patientAxes = [
  {
    plus: 'L',
    minus: 'R',
    toPlus: "from the patient's right to the left",
    toMinus: "from the patient's left to the right",
  },
  { plus: 'P', minus: 'A', toPlus: 'from front to back', toMinus: 'from back to front' },
  { plus: 'S', minus: 'I', toPlus: 'from feet to head', toMinus: 'from head to feet' },
] as const;

/** Below this angle an axis counts as straight: rounding of stored directions stays far under it. */
const straightDegrees = 0.1;

/** Says where a grid lies, in numbers and in words. */
export function describeGridForPeople(geometry: Geometry): GeometryReport {
  const vectors = ([0, 1, 2] as const).map((axis) => axisVector(geometry, axis));
  const { perm } = axisMapToLps(geometry);
  const nearest = vectors.map((_, axis) => perm.indexOf(axis as 0 | 1 | 2));
  let code = '';
  let obliqueDegrees = 0;
  const words = vectors.map((vector, axis) => {
    const patientAxis = nearest[axis]!;
    const cosine = vector[patientAxis]!;
    const names = patientAxes[patientAxis]!;
    const degrees = (Math.acos(Math.min(1, Math.abs(cosine))) * 180) / Math.PI;
    obliqueDegrees = Math.max(obliqueDegrees, degrees);
    code += cosine >= 0 ? names.plus : names.minus;
    const tilt = degrees >= straightDegrees ? `, turned by ${degrees.toFixed(1)} degrees` : '';
    return `${cosine >= 0 ? names.toPlus : names.toMinus}${tilt}`;
  });
  const { size, spacing, origin, direction } = geometry;
  return {
    size: [...size],
    spacingMm: [...spacing],
    fieldOfViewMm: [size[0] * spacing[0], size[1] * spacing[1], size[2] * spacing[2]],
    originMm: [...origin],
    direction: [...direction],
    orientationCode: code,
    orientationWords: words,
    plane: (['sagittal', 'coronal', 'axial'] as const)[nearest[2]!]!,
    obliqueDegrees: obliqueDegrees >= straightDegrees ? obliqueDegrees : 0,
  };
}
