import { existsSync } from 'node:fs';

const folder = '/usr/lib/chromium';
const driver = `${folder}/vk_swiftshader_icd.json`;

/** Whether Debian's Chromium has brought its software GPU (SwiftShader, a Vulkan driver that computes on the CPU). */
export const hasSoftwareGpu = existsSync(driver);

/** Environment of a process whose WebGPU runs on it; the libraries are those of Chromium. */
export const softwareGpuEnvironment = { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: folder } as const;
