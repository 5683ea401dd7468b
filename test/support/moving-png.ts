import { deflateSync } from 'node:zlib';
import { chunk, commonColours, decode, nearestOf } from './small-png.js';

export interface Frame {
  /** As Chromium writes it: eight bits, RGB or RGBA, not interlaced. All frames have the same size. */
  readonly png: Buffer;
  readonly shownMs: number;
}

interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Makes one moving PNG (APNG), repeated endlessly, with one palette of 256 colours. Each frame holds only the part that changed. */
export function movingPng(frames: readonly Frame[]): Buffer {
  const images = frames.map(({ png }) => decode(png));
  const { width, height, channels } = images[0]!;
  const counts = new Map<number, number>();
  const palettes = images.map(({ pixels }) => commonColours(pixels, channels, counts));
  const palette = palettes.at(-1)!;
  const nearest = new Map<number, number>();
  const indices = images.map(({ pixels }) => {
    const found = Buffer.alloc(width * height);
    for (let i = 0; i < found.length; i++) {
      const colour = (pixels[i * channels]! << 16) | (pixels[i * channels + 1]! << 8) | pixels[i * channels + 2]!;
      let index = nearest.get(colour);
      if (index === undefined) nearest.set(colour, (index = nearestOf(palette, colour)));
      found[i] = index;
    }
    return found;
  });
  let sequence = 0;
  const body = indices.flatMap((image, i) => {
    const part = i === 0 ? { x: 0, y: 0, width, height } : changed(indices[i - 1]!, image, width, height);
    const control = Buffer.alloc(26);
    for (const [at, value] of [sequence++, part.width, part.height, part.x, part.y].entries())
      control.writeUInt32BE(value, at * 4);
    control.writeUInt16BE(frames[i]!.shownMs, 20);
    control.writeUInt16BE(1_000, 22);
    const data = deflateSync(rowsOf(image, width, part), { level: 9 });
    if (i === 0) return [chunk('fcTL', control), chunk('IDAT', data)];
    const numbered = Buffer.alloc(4);
    numbered.writeUInt32BE(sequence++);
    return [chunk('fcTL', control), chunk('fdAT', Buffer.concat([numbered, data]))];
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const animation = Buffer.alloc(8);
  animation.writeUInt32BE(frames.length, 0);
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([
    frames[0]!.png.subarray(0, 8),
    chunk('IHDR', header),
    chunk('acTL', animation),
    chunk('PLTE', colours),
    ...body,
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The smallest rectangle that holds all changes; one pixel if there are none. */
function changed(before: Buffer, after: Buffer, width: number, height: number): Part {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (before[y * width + x] === after[y * width + x]) continue;
      [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
    }
  }
  return right < 0
    ? { x: 0, y: 0, width: 1, height: 1 }
    : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

function rowsOf(image: Buffer, stride: number, { x, y, width, height }: Part): Buffer {
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row++)
    image.copy(rows, row * (width + 1) + 1, (y + row) * stride + x, (y + row) * stride + x + width);
  return rows;
}
