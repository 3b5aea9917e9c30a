/**
 * Adds an intercept to 16-bit values, two at a time in one 32-bit word: twice as fast as one at a time, which
 * is what makes reading a series a matter of the disk. Carries are kept from crossing between the halves by
 * adding the lower 15 bits and the signs apart.
 */
export interface PairsResult {
  /** Whether every sum is in the range of Int16 (and no value had its top bit set where `unsigned`). */
  readonly fits: boolean;
  /** False: no sum is below -1024. True: one may be. */
  readonly maybeBelowAir: boolean;
}

const signs = 0x80008000 | 0;
const rests = 0x7fff7fff;
const sum1024 = 0x04000400;

/**
 * @param words pairs of 16-bit values
 * @param mask bits of a value that count, e.g. 0x0fff
 * @param unsigned whether values are unsigned; they must then be below 32768 to fit
 * @param intercept in the range of Int16
 * @param out pairs of sums, as Int16; wrong where they do not fit
 */
export function addToPairs(
  words: Int32Array,
  mask: number,
  unsigned: boolean,
  intercept: number,
  out: Int32Array,
): PairsResult {
  const masks = mask | (mask << 16);
  const addend = (intercept & 0xffff) | (intercept << 16);
  const addendRest = addend & rests;
  const tops = unsigned ? signs : 0;
  let overflow = 0;
  let low = 0;
  for (let i = 0; i < out.length; i++) {
    const pair = words[i]! & masks;
    const sum = ((pair & rests) + addendRest) ^ ((pair ^ addend) & signs);
    out[i] = sum;
    // Equal signs in, another sign out: overflow.
    overflow |= (~(pair ^ addend) & (pair ^ sum)) | (pair & tops);
    low |= ((sum & rests) + sum1024) ^ sum;
  }
  return { fits: (overflow & signs) === 0, maybeBelowAir: (low & signs) !== 0 };
}
