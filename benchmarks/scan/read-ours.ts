// Our side of the reading benchmark, in a process of its own: reads one DICOM folder, prints time and memory.
import { readScan } from '@glisson/imaging/scan/read-scan';

const folder = process.argv[2]!;
// What the pydicom side imports before its clock starts, we load before ours starts.
await import('@glisson/imaging/dicom/read-dicom-scan');
const start = performance.now();
const scan = await readScan(folder);
const ms = performance.now() - start;
const { voxels } = scan.volume;
let checksum = 0;
for (let i = 0; i < voxels.length; i++) checksum += voxels[i]!;
process.stdout.write(
  `${JSON.stringify({ ms, voxels: voxels.length, bytes: voxels.byteLength, checksum, peakRssMb: process.resourceUsage().maxRSS / 1024 })}\n`,
);
