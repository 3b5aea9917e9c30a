const stops = [
  [0, 0, 0],
  [96, 12, 64],
  [214, 60, 40],
  [252, 168, 56],
  [255, 255, 240],
] as const;

/** A share of 0 to 1 from black over red and yellow to white, as [red, green, blue]. */
export function heat(share: number): [number, number, number] {
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const low = stops[Math.min(stops.length - 2, Math.floor(place))]!;
  const high = stops[Math.min(stops.length - 1, Math.floor(place) + 1)]!;
  const part = place - Math.min(stops.length - 2, Math.floor(place));
  return [0, 1, 2].map((c) => Math.round(low[c]! + part * (high[c]! - low[c]!))) as [number, number, number];
}
