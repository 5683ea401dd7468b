/** Colours for canvases: the style sheet's own, which follow light and dark. */
export interface Inks {
  readonly text: string;
  readonly muted: string;
  readonly border: string;
  readonly panel: string;
  readonly background: string;
  readonly accent: string;
  readonly faintAccent: string;
  readonly good: string;
  readonly warning: string;
  readonly critical: string;
}

let known: Inks | undefined;
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => (known = undefined));

export function inks(): Inks {
  if (known) return known;
  const style = getComputedStyle(document.documentElement);
  const ink = (name: string) => style.getPropertyValue(`--${name}`).trim();
  known = {
    text: ink('text'),
    muted: ink('muted'),
    border: ink('border'),
    panel: ink('panel'),
    background: ink('background'),
    accent: ink('accent'),
    faintAccent: ink('faint-accent'),
    good: ink('good'),
    warning: ink('warning'),
    critical: ink('critical'),
  };
  return known;
}

/** Makes a canvas as fine as the screen, and clears it. Sizes are in CSS pixels. */
export function fitCanvas(canvas: HTMLCanvasElement): {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
} {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  const [fineWidth, fineHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== fineWidth || canvas.height !== fineHeight) {
    canvas.width = fineWidth;
    canvas.height = fineHeight;
  }
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Pixels of a size written in the style sheet's unit. */
export function pixels(rem: number): number {
  return rem * parseFloat(getComputedStyle(document.documentElement).fontSize);
}
