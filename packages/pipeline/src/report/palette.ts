/** Colours of the pictures and the report: a dark reading room, liver and lesion apart for colour-blind eyes too. */
export const colours = {
  background: '#0b0e12',
  bright: '#f2f5f8',
  text: '#c7d0da',
  faint: '#7f8b98',
  liver: '#35d0ba',
  lesion: '#ff6b4a',
  caution: '#ffc555',
} as const;
