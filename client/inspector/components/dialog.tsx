import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** A modal dialog. It uses the browser's own, which keeps the focus inside and gives it back. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  // At once, not after the next frame: what is typed before a dialog has the focus would be taken for the page's shortcuts.
  useLayoutEffect(() => {
    element.current?.showModal();
  }, []);
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-label={title}
      onClose={close}
      onClick={(event) => {
        if (event.target === element.current) close();
      }}
    >
      <div class="dialog-head">
        <h2>{title}</h2>
        <button class="quiet" aria-label="Close" title="Close ( Esc )" onClick={close}>
          ×
        </button>
      </div>
      {children}
    </dialog>
  );
}
