/** The colours of the style sheet, for canvases. They follow light and dark mode. */
export interface CanvasColors {
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

let known: CanvasColors | undefined;
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => (known = undefined));

export function canvasColors(): CanvasColors {
  if (known) return known;
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  known = {
    text: color('text'),
    muted: color('muted'),
    border: color('border'),
    panel: color('panel'),
    background: color('background'),
    accent: color('accent'),
    faintAccent: color('faint-accent'),
    good: color('good'),
    warning: color('warning'),
    critical: color('critical'),
  };
  return known;
}

/** Gives a canvas the resolution of the screen, and clears it. Sizes are in CSS pixels. */
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
