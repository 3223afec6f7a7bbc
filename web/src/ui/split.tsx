// The bar between two parts of which one has a width that a person may change: by mouse, or by keys when it has the focus.
import type { Signal } from '@preact/signals';

interface Props {
  label: string;
  width: Signal<number>; // px
  min: number;
  max: number;
  // Where the part with that width lies.
  side: 'left' | 'right';
}

export function Split({ label, width, min, max, side }: Props) {
  const set = (value: number) => {
    width.value = Math.round(Math.max(min, Math.min(max, value)));
  };
  const onPointerDown = (event: PointerEvent) => {
    const bar = event.currentTarget as HTMLElement;
    const from = event.clientX;
    const before = width.peek();
    bar.setPointerCapture(event.pointerId);
    const move = (to: PointerEvent) => set(before + (to.clientX - from) * (side === 'left' ? 1 : -1));
    const end = () => {
      bar.removeEventListener('pointermove', move);
      bar.removeEventListener('pointerup', end);
      bar.removeEventListener('pointercancel', end);
    };
    bar.addEventListener('pointermove', move);
    bar.addEventListener('pointerup', end);
    bar.addEventListener('pointercancel', end);
    event.preventDefault();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowLeft' ? -16 : event.key === 'ArrowRight' ? 16 : 0;
    if (step === 0) return;
    set(width.peek() + (side === 'left' ? step : -step));
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      class="split"
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={width.value}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    />
  );
}
