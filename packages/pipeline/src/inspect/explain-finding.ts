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
    advice: 'Copy the series again. A lesion within the gap would be invented from its neighbours.',
  },
  'duplicate-slices': {
    meaning: 'Two files claim the same place in the patient.',
    advice: 'Often a series was copied twice, or two phases share one series. Export it again.',
  },
  'uneven-slices': {
    meaning: 'The distances between slices differ a little, while a volume has one distance.',
    advice: 'Positions may be off by that much; nothing to do when it is a fraction of a millimetre.',
  },
  'gantry-tilt': {
    meaning:
      'The scanner leaned while it turned, so the stack of slices is sheared like a pushed deck of cards.',
    advice: 'It is straightened here, and masks are given back on the slices as they were.',
  },
  'spacing-contradiction': {
    meaning:
      'Two fields of the file disagree about the distance of slices; the positions are measured, the field is typed.',
    advice: 'Nothing to do: positions are used.',
  },
  'spacing-doubtful': {
    meaning: 'Hardly any CT has such voxels: lengths and volumes may be wrong by a factor.',
    advice: 'Compare the field of view in mm with the size of a person (an abdomen is 300 to 450 mm wide).',
  },
  'several-stacks': {
    meaning:
      'One series holds pictures that do not fit onto one grid, for example a scan with its localiser or two scans.',
    advice: 'Each part is listed by itself; choose one with --series, as UID#2 for the second.',
  },
  'not-ct': {
    meaning: 'This is another kind of scan. Its values mean something else, so a model for CT sees nonsense.',
    advice: 'Look for a series of modality CT.',
  },
  localizer: {
    meaning: 'A localiser (scout) is the overview picture on which the scan was planned. It is no slice.',
    advice: 'Nothing to do: it is left out.',
  },
  lossy: {
    meaning: 'The pictures were compressed like photographs: values near edges are changed.',
    advice: 'Ask the archive for the original. Outlines and HU are approximate otherwise.',
  },
  colour: {
    meaning: 'A screenshot or a three-dimensional rendering, not a measurement.',
    advice: 'Look for the series that it was made from.',
  },
  pixels: {
    meaning:
      'The header is fine, the pixels are not: cut off in transfer, or compressed in a way that is not known here.',
    advice: 'Copy the files again, or export them uncompressed.',
  },
  'patients-unknown': {
    meaning:
      'Training must keep all scans of one patient on one side: two scans of one patient resemble each other, and a test on the second would look too good.',
    advice: 'Write a patients.csv with the columns case,patient beside the scans.',
  },
  'unreadable-file': {
    meaning: 'A file that is, or pretends to be, DICOM could not be understood.',
    advice: 'Copy it again. If it is a slice of a series, that slice is missing.',
  },
};

/** @returns the explanation, if there is one for this code */
export function explainFinding(code: string): FindingExplanation | undefined {
  return explanations[code];
}
