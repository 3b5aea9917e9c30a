import type { Geometry, Mat3 } from '@glisson/imaging/geometry/geometry';
import { describe, expect, test } from 'vitest';
import { describeGridForPeople } from './describe-geometry.ts';

const grid = (direction: Mat3): Geometry => ({
  size: [512, 400, 30],
  spacing: [0.7, 0.8, 5],
  origin: [-100, -90, 12],
  direction,
});
const cos = Math.cos(Math.PI / 9);
const sin = Math.sin(Math.PI / 9);

describe('a grid in words', () => {
  test('an axial scan', () => {
    expect(describeGridForPeople(grid([1, 0, 0, 0, 1, 0, 0, 0, 1]))).toMatchObject({
      orientationCode: 'LPS',
      orientationWords: ["from the patient's right to the left", 'from front to back', 'from feet to head'],
      plane: 'axial',
      obliqueDegrees: 0,
      fieldOfViewMm: [512 * 0.7, 320, 150],
    });
  });

  test('a sagittal one: x runs to the back, y to the feet, slices to the right', () => {
    const found = describeGridForPeople(grid([0, 0, -1, 1, 0, 0, 0, -1, 0]));
    expect(found).toMatchObject({ orientationCode: 'PIR', plane: 'sagittal' });
    expect(found.orientationWords[1]).toBe('from head to feet');
  });

  test('a mirrored (left-handed) grid keeps its own directions', () => {
    expect(describeGridForPeople(grid([-1, 0, 0, 0, 1, 0, 0, 0, 1])).orientationCode).toBe('RPS');
  });

  test('an oblique one says by how much', () => {
    const found = describeGridForPeople(grid([1, 0, 0, 0, cos, -sin, 0, sin, cos]));
    expect(found).toMatchObject({ orientationCode: 'LPS', plane: 'axial' });
    expect(found.obliqueDegrees).toBeCloseTo(20, 6);
    expect(found.orientationWords[2]).toBe('from feet to head, turned by 20.0 degrees');
  });

  test('each patient axis is named once, at 45 degrees too', () => {
    const half = Math.SQRT1_2;
    const { orientationCode } = describeGridForPeople(grid([half, -half, 0, half, half, 0, 0, 0, 1]));
    expect(new Set(orientationCode.replace('R', 'L').replace('A', 'P'))).toEqual(new Set('LPS'));
  });
});
