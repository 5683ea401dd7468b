let calls: (() => void)[] = [];

/** Calls back when the rows that are being rendered can be measured. All calls share one layout. */
export function onLayout(call: () => void): void {
  calls.push(call);
}

/** Computes the layout in this task instead of in the frame. To be called when everything of the task has been rendered. */
export function computeLayout(): void {
  const due = calls;
  calls = [];
  for (const call of due) call();
  document.body.getBoundingClientRect();
}
