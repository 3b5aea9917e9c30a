/** What a finding means for somebody who is new to medical images, and what to do about it. */
export interface FindingExplanation {
  readonly meaning: string;
  readonly advice: string;
}

/** By the code of a finding. Findings without an entry speak for themselves. */
const explanations: Record<string, FindingExplanation> = {
  'not-finite': {
    meaning: 'Some voxels hold no number at all. Computing with them would spread to everything around.',
    advice: 'Export the scan again from its source, or find the step that divided by zero.',
  },
  constant: {
    meaning: 'The picture is one flat grey: it holds no information.',
    advice: 'This is often an empty export or a placeholder. Leave it out.',
  },
  'not-hounsfield': {
    meaning:
      'CT values are measured on a fixed scale: air is -1000, water 0. These are not, so a network trained on CT cannot know what it sees.',
    advice:
      'It may be another kind of scan (MR, PET), a picture that was windowed to grey, or a CT saved without its rescale. Go back to the DICOM files if there are any.',
  },
  'no-air': {
    meaning:
      'Every CT has air around the patient. Here the darkest values were cut off when the file was made.',
    advice:
      'Fine for soft organs when the cut lies below -100 HU: training clips all scans to one range anyway.',
  },
  'thick-slices': {
    meaning:
      'Slices lie far apart, so small lesions fall between them or blur into one slice (partial volume).',
    advice: 'Ask for a thinner reconstruction of the same scan; most scanners keep one of 1 to 2 mm.',
  },
  'single-slice': {
    meaning: 'One slice is a picture, not a volume: nothing can be measured along the body.',
    advice: 'Look for the other files of this series.',
  },
  'left-handed-grid': {
    meaning: 'The three axes of this grid form a mirror image of the usual order. This is legal and is kept.',
    advice: 'Nothing to do: positions in the patient are computed from the directions.',
  },
  'oblique-grid': {
    meaning: 'The slices are tilted against the axes of the body.',
    advice: 'Nothing to do: the tilt is kept and written to every result.',
  },
  'several-studies': {
    meaning: 'The folder holds scans of several examinations, perhaps of several people.',
    advice: 'When only one is meant, choose its series with --series, or point at its folder.',
  },
  'nothing-found': {
    meaning: 'No file here is an image that Glisson reads.',
    advice: 'Check the path. Archives other than zip must be unpacked first.',
  },
  'label-geometry': {
    meaning: 'The labels do not lie on the grid of their scan, so it is unknown which voxel they mean.',
    advice: 'Export the labels again from the program that drew them, on the grid of the scan.',
  },
  'missing-slices': {
    meaning: 'The distance between slices jumps: at least one file of the series is not here.',
    advice: 'Copy the series again. Volumes and lengths across the gap would be wrong.',
  },
};

/** @returns the explanation, if there is one for this code */
export function explainFinding(code: string): FindingExplanation | undefined {
  return explanations[code];
}
