import type { Shape } from '../../graph/shape.ts';

/** A group of an HDF5 file and its attributes that are texts or lists of texts. */
export interface Hdf5Group {
  /** '/' for the root, else '/a/b'. */
  readonly path: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/** An array of an HDF5 file. */
export interface Hdf5Dataset {
  readonly path: string;
  readonly shape: Shape;
  readonly type: 'F64' | 'F32' | 'I64' | 'I32' | 'I16' | 'I8' | 'U64' | 'U32' | 'U16' | 'U8' | undefined;
}

export interface Hdf5Listing {
  readonly groups: readonly Hdf5Group[];
  readonly datasets: readonly Hdf5Dataset[];
}

/** What the thread is asked: first to open the bytes of a file, then for datasets. */
export type Hdf5Request =
  | { readonly kind: 'open'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'read'; readonly path: string };

export type Hdf5Reply =
  | { readonly kind: 'listing'; readonly listing: Hdf5Listing }
  /** Little-endian numbers of the type that the listing told. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'failed'; readonly message: string };
