(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId('data').textContent);
  const count = data.slices.length;
  const [lowest, highest] = data.window;
  const picture = byId('picture');
  const canvas = byId('canvas');
  const slider = byId('slider');
  const strip = byId('strip');
  const rows = [...document.querySelectorAll('tr[data-lesion]')];

  const show = { outline: true, fill: false, liver: true, mask: false };
  const level = { low: lowest, high: highest };
  const place = { zoom: 1, x: 0, y: 0 };
  let number = startingSlice();
  let chosen;
  let pointer;

  function startingSlice() {
    if (data.lesions.length > 0) return data.lesions[0].slice;
    const liver = data.slices.map((slice) => slice.liverPixels);
    const most = Math.max(...liver);
    return most > 0 ? liver.indexOf(most) + 1 : Math.ceil(count / 2);
  }

  // Decoded slices, the ones used last at the end; old ones are forgotten to keep the page light.
  const kept = new Map();
  const mostKept = 80;

  function decoded(n) {
    const known = kept.get(n);
    if (known !== undefined) {
      kept.delete(n);
      kept.set(n, known);
      return known;
    }
    const slice = { grey: undefined, ...decodeLabels(data.slices[n - 1].labels) };
    kept.set(n, slice);
    if (kept.size > mostKept) kept.delete(kept.keys().next().value);
    const image = new Image();
    image.src = `data:image/webp;base64,${data.slices[n - 1].picture}`;
    slice.ready = image.decode().then(() => {
      const surface = new OffscreenCanvas(data.width, data.height).getContext('2d');
      surface.drawImage(image, 0, 0);
      const { data: rgba } = surface.getImageData(0, 0, data.width, data.height);
      slice.grey = Uint8Array.from({ length: rgba.length / 4 }, (_, i) => rgba[4 * i + 1]);
      if (n === number) draw();
    });
    return slice;
  }

  /** Alternating runs as LEB128 numbers `length * 4 + label`. */
  function decodeLabels(text) {
    if (text === '') return { labels: undefined, liver: undefined, lesion: undefined };
    const labels = new Uint8Array(data.width * data.height);
    const bytes = atob(text);
    let at = 0;
    let value = 0;
    let factor = 1;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes.charCodeAt(i);
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
      if (byte & 0x80) continue;
      const length = Math.floor(value / 4);
      labels.fill(value % 4, at, at + length);
      at += length;
      value = 0;
      factor = 1;
    }
    return { labels, liver: outline(labels, 1), lesion: outline(labels, 2) };
  }

  /** The region's border along pixel edges. */
  function outline(labels, least) {
    const { width, height } = data;
    const path = new Path2D();
    const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && labels[y * width + x] >= least;
    for (let y = 0; y <= height; y++) {
      for (let x = 0; x < width; x++) {
        const from = x;
        while (x < width && inside(x, y - 1) !== inside(x, y)) x++;
        if (x > from) {
          path.moveTo(from, y);
          path.lineTo(x, y);
        }
      }
    }
    for (let x = 0; x <= width; x++) {
      for (let y = 0; y < height; y++) {
        const from = y;
        while (y < height && inside(x - 1, y) !== inside(x, y)) y++;
        if (y > from) {
          path.moveTo(x, from);
          path.lineTo(x, y);
        }
      }
    }
    return path;
  }

  const surface = new OffscreenCanvas(data.width, data.height).getContext('2d');
  const pixels = surface.createImageData(data.width, data.height);
  const greyTable = new Uint8Array(256);

  function setTable() {
    for (let g = 0; g < 256; g++) {
      const hu = lowest + (g * (highest - lowest)) / 255;
      greyTable[g] = Math.min(
        255,
        Math.max(0, Math.round((255 * (hu - level.low)) / (level.high - level.low))),
      );
    }
  }

  function paint(slice) {
    const rgba = pixels.data;
    for (let i = 0, to = 0; i < slice.grey.length; i++, to += 4) {
      const grey = show.mask ? (slice.labels?.[i] === 2 ? 255 : 0) : greyTable[slice.grey[i]];
      rgba[to] = grey;
      rgba[to + 1] = grey;
      rgba[to + 2] = grey;
      rgba[to + 3] = 255;
      if (show.fill && !show.mask && slice.labels !== undefined) {
        const label = slice.labels[i];
        if (label === 2) tint(rgba, to, 255, 107, 74, 0.42);
        else if (label === 1 && show.liver) tint(rgba, to, 53, 208, 186, 0.22);
      }
    }
    surface.putImageData(pixels, 0, 0);
  }

  function tint(rgba, at, red, green, blue, share) {
    rgba[at] += share * (red - rgba[at]);
    rgba[at + 1] += share * (green - rgba[at + 1]);
    rgba[at + 2] += share * (blue - rgba[at + 2]);
  }

  /** Scale (screen pixels a slice pixel, x and y) and offset of the slice on the canvas. */
  function layout() {
    const widthMm = data.width * data.pixelMm[0];
    const heightMm = data.height * data.pixelMm[1];
    const perMm = Math.min(canvas.width / widthMm, canvas.height / heightMm) * place.zoom;
    const scaleX = perMm * data.pixelMm[0];
    const scaleY = perMm * data.pixelMm[1];
    const left = (canvas.width - data.width * scaleX) / 2 + place.x;
    const top = (canvas.height - data.height * scaleY) / 2 + place.y;
    return { perMm, scaleX, scaleY, left, top };
  }

  function draw() {
    const slice = decoded(number);
    const context = canvas.getContext('2d');
    const { perMm, scaleX, scaleY, left, top } = layout();
    const dots = window.devicePixelRatio;
    if (slice.grey !== undefined) {
      paint(slice);
      context.resetTransform();
      context.fillStyle = '#000';
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingEnabled = !show.mask;
      context.imageSmoothingQuality = 'high';
      context.setTransform(scaleX, 0, 0, scaleY, left, top);
      context.drawImage(surface.canvas, 0, 0);
      if (show.outline && !show.mask && slice.labels !== undefined) {
        // Paths are placed by the slice's transform but stroked in screen pixels, so lines stay even.
        const matrix = new DOMMatrix([scaleX, 0, 0, scaleY, left, top]);
        context.resetTransform();
        context.lineWidth = 1.5 * dots;
        context.lineCap = 'square';
        if (show.liver) strokePath(context, slice.liver, matrix, data.colours.liver);
        strokePath(context, slice.lesion, matrix, data.colours.lesion);
      }
      if (chosen !== undefined && chosen.slice === number && !show.mask) drawDiameter(context, dots);
      canvas.dataset.drawn = String(number);
    }
    byId('slice-number').textContent = number;
    byId('slice-count').textContent = ` / ${count}`;
    byId('slice-mm').textContent = `${data.slices[number - 1].mm} mm`;
    const width = Math.round(level.high - level.low);
    byId('window-text').textContent = `W ${width}  L ${Math.round((level.high + level.low) / 2)}`;
    drawScale(perMm / dots);
    slider.value = number;
    drawStrip();
    for (const row of rows) {
      const lesion = data.lesions[row.dataset.lesion - 1];
      row.setAttribute('aria-current', String(number >= lesion.first && number <= lesion.last));
    }
  }

  function strokePath(context, path, matrix, colour) {
    const placed = new Path2D();
    placed.addPath(path, matrix);
    context.strokeStyle = colour;
    context.stroke(placed);
  }

  function drawDiameter(context, dots) {
    const { scaleX, scaleY, left, top } = layout();
    const [from, to] = chosen.ends.map(([x, y]) => [left + (x + 0.5) * scaleX, top + (y + 0.5) * scaleY]);
    context.resetTransform();
    context.strokeStyle = data.colours.bright;
    context.lineWidth = 1.25 * dots;
    context.setLineDash([4 * dots, 3 * dots]);
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    context.setLineDash([]);
    const right = from[0] > to[0] ? from : to;
    context.font = `${12.5 * dots}px system-ui, sans-serif`;
    context.lineWidth = 3 * dots;
    context.strokeStyle = '#000';
    const text = `#${chosen.id}  ${chosen.mm} mm`;
    context.strokeText(text, right[0] + 8 * dots, right[1] + 4 * dots);
    context.fillStyle = data.colours.bright;
    context.fillText(text, right[0] + 8 * dots, right[1] + 4 * dots);
  }

  function drawScale(perMm) {
    const lengths = [1, 2, 5, 10, 20, 50, 100, 200];
    const mm = lengths.findLast((length) => length * perMm <= 130) ?? 1;
    byId('scale-bar').style.width = `${mm * perMm}px`;
    byId('scale-text').textContent = mm >= 10 ? `${mm / 10} cm` : `${mm} mm`;
  }

  /** Head (or left, or back) is on top; widths show how much liver and lesion each slice holds. */
  function drawStrip() {
    const dots = window.devicePixelRatio;
    strip.width = strip.clientWidth * dots;
    strip.height = strip.clientHeight * dots;
    const context = strip.getContext('2d');
    const step = strip.height / count;
    const mostLiver = Math.max(1, ...data.slices.map((slice) => slice.liverPixels));
    const mostLesion = Math.max(1, ...data.slices.map((slice) => slice.lesionPixels));
    context.fillStyle = '#0b0e12';
    context.fillRect(0, 0, strip.width, strip.height);
    data.slices.forEach((slice, n) => {
      const y = Math.floor((count - 1 - n) * step);
      const thick = Math.max(1, Math.floor((count - n) * step) - y);
      const bar = (share, colour) => {
        context.fillStyle = colour;
        context.fillRect(0, y, Math.max(2 * dots, share * strip.width), thick);
      };
      if (slice.liverPixels > 0) bar((0.9 * slice.liverPixels) / mostLiver, '#1c5f58');
      if (slice.lesionPixels > 0) bar((0.6 * slice.lesionPixels) / mostLesion, data.colours.lesion);
    });
    const y = (count - number + 0.5) * step;
    context.fillStyle = data.colours.bright;
    context.fillRect(0, y - dots, strip.width, 2 * dots);
  }

  function go(to) {
    number = Math.min(count, Math.max(1, Math.round(to)));
    draw();
    // The neighbours are decoded ahead, so that scrolling does not wait.
    for (const next of [number + 1, number - 1]) if (next >= 1 && next <= count) decoded(next);
  }

  function choose(lesion) {
    chosen = lesion;
    go(lesion.slice);
  }

  function nextLesion(step) {
    if (data.lesions.length === 0) return;
    const at = chosen === undefined ? (step > 0 ? -1 : 0) : chosen.id - 1;
    choose(data.lesions[(at + step + data.lesions.length) % data.lesions.length]);
  }

  function setWindow(low, high) {
    level.low = low;
    level.high = Math.max(low + 2, high);
    setTable();
    for (const button of document.querySelectorAll('[data-window]')) {
      button.setAttribute('aria-pressed', String(button.dataset.window === `${low},${high}`));
    }
    draw();
  }

  function toggle(name) {
    show[name] = !show[name];
    document.querySelector(`[data-toggle="${name}"]`).setAttribute('aria-pressed', String(show[name]));
    draw();
  }

  function fit() {
    place.zoom = 1;
    place.x = 0;
    place.y = 0;
    draw();
  }

  /** Zooms about a point of the canvas, which stays where it is. */
  function zoomAt(x, y, factor) {
    const zoom = Math.min(20, Math.max(1, place.zoom * factor));
    const change = zoom / place.zoom;
    place.x = (place.x - x + canvas.width / 2) * change + x - canvas.width / 2;
    place.y = (place.y - y + canvas.height / 2) * change + y - canvas.height / 2;
    place.zoom = zoom;
    if (zoom === 1) fit();
    else draw();
  }

  function resize() {
    const dots = window.devicePixelRatio;
    canvas.width = Math.max(1, Math.round(picture.clientWidth * dots));
    canvas.height = Math.max(1, Math.round(picture.clientHeight * dots));
    draw();
  }

  const presets = [...document.querySelectorAll('[data-window]')];
  const applyPreset = (button) => setWindow(...button.dataset.window.split(',').map(Number));
  const keys = {
    ArrowUp: () => go(number + 1),
    ArrowRight: () => go(number + 1),
    ArrowDown: () => go(number - 1),
    ArrowLeft: () => go(number - 1),
    PageUp: () => go(number + 10),
    PageDown: () => go(number - 10),
    Home: () => go(count),
    End: () => go(1),
    ' ': () => toggle('outline'),
    f: () => toggle('fill'),
    l: () => toggle('liver'),
    m: () => toggle('mask'),
    n: () => nextLesion(1),
    p: () => nextLesion(-1),
    0: fit,
    '+': () => zoomAt(canvas.width / 2, canvas.height / 2, 1.25),
    '-': () => zoomAt(canvas.width / 2, canvas.height / 2, 0.8),
  };
  presets.forEach((button, n) => {
    keys[n + 1] = () => applyPreset(button);
    button.addEventListener('click', () => applyPreset(button));
  });
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = event.target.closest?.('tr[data-lesion]');
    if (event.key === 'Enter' && row) choose(data.lesions[row.dataset.lesion - 1]);
    const action = keys[event.key];
    if (action === undefined || event.target.closest?.('summary')) return;
    event.preventDefault();
    action();
  });
  // A touch pad sends many small turns: they add up to whole slices.
  let turned = 0;
  document.querySelector('.stage').addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 0 ? event.deltaY / 40 : event.deltaY;
      if (event.ctrlKey || event.metaKey) {
        const { x, y } = canvasPoint(event);
        zoomAt(x, y, Math.exp(-lines / 10));
        return;
      }
      const isNotch = event.deltaMode !== 0 || Math.abs(event.deltaY) >= 40;
      turned += isNotch ? Math.sign(lines) : lines;
      const whole = Math.trunc(turned);
      if (whole === 0) return;
      turned -= whole;
      go(number - whole);
    },
    { passive: false },
  );
  slider.addEventListener('input', () => go(Number(slider.value)));
  byId('reset').addEventListener('click', fit);
  for (const button of document.querySelectorAll('[data-toggle]')) {
    button.addEventListener('click', () => toggle(button.dataset.toggle));
  }
  for (const row of rows) row.addEventListener('click', () => choose(data.lesions[row.dataset.lesion - 1]));

  // After a click with the mouse, keys belong to the picture again: space must not press the button once more.
  document.addEventListener('click', (event) => {
    if (event.detail > 0 && event.target.closest?.('button, tr')) picture.focus({ preventScroll: true });
  });

  function canvasPoint(event) {
    const box = canvas.getBoundingClientRect();
    const dots = window.devicePixelRatio;
    return { x: (event.clientX - box.left) * dots, y: (event.clientY - box.top) * dots };
  }

  picture.addEventListener('contextmenu', (event) => event.preventDefault());
  picture.addEventListener('pointerdown', (event) => {
    picture.setPointerCapture(event.pointerId);
    pointer = { x: event.clientX, y: event.clientY, sets: event.button === 2 };
  });
  picture.addEventListener('pointerup', () => {
    pointer = undefined;
  });
  picture.addEventListener('pointermove', (event) => {
    readPixel(event);
    if (pointer === undefined) return;
    const dx = event.clientX - pointer.x;
    const dy = event.clientY - pointer.y;
    pointer.x = event.clientX;
    pointer.y = event.clientY;
    if (pointer.sets) {
      const width = Math.max(10, level.high - level.low + dx);
      const centre = (level.high + level.low) / 2 + dy / 2;
      setWindow(centre - width / 2, centre + width / 2);
    } else {
      place.x += dx * window.devicePixelRatio;
      place.y += dy * window.devicePixelRatio;
      draw();
    }
  });
  picture.addEventListener('pointerleave', () => {
    byId('pixel-text').textContent = '';
  });

  function readPixel(event) {
    const { scaleX, scaleY, left, top } = layout();
    const point = canvasPoint(event);
    const x = Math.floor((point.x - left) / scaleX);
    const y = Math.floor((point.y - top) / scaleY);
    const slice = decoded(number);
    if (slice.grey === undefined || x < 0 || y < 0 || x >= data.width || y >= data.height) {
      byId('pixel-text').textContent = '';
      return;
    }
    const grey = slice.grey[y * data.width + x];
    const hu = Math.round(lowest + (grey * (highest - lowest)) / 255);
    const bound = grey === 0 ? '≤ ' : grey === 255 ? '≥ ' : '≈ ';
    const label = ['', ' · liver', ' · lesion'][slice.labels?.[y * data.width + x] ?? 0];
    byId('pixel-text').textContent = `${bound}${hu} HU${label}`;
  }

  for (const side of ['left', 'right', 'top', 'bottom']) byId(`side-${side}`).textContent = data.sides[side];
  byId('strip-bottom').textContent = data.numbering[0];
  byId('strip-top').textContent = data.numbering[1];
  slider.max = count;
  setTable();
  if (data.lesions.length > 0) chosen = data.lesions[0];
  new ResizeObserver(resize).observe(picture);
  picture.focus({ preventScroll: true });
})();
