import { useMemo, useRef, type MouseEvent, type PointerEvent } from "react";

const longMs = 450;
const mostMove = 10; // pixels; more is a scroll

// The end of a long press is a click on whatever is there by then, such as a bar that the press has opened.
const swallow = (event: Event): void => {
  event.stopPropagation();
  event.preventDefault();
  forget();
};
const forget = (): void => window.removeEventListener("click", swallow, { capture: true });

// A finger that stays. The click and the menu that browsers make of it are swallowed.
export function useLongPress(onLong: (target: Element) => void) {
  const state = useRef({ timer: 0, x: 0, y: 0, fired: false });
  return useMemo(() => {
    const stop = () => clearTimeout(state.current.timer);
    return {
      onPointerDown: (event: PointerEvent) => {
        stop();
        state.current.fired = false;
        if (event.pointerType !== "touch") return;
        const target = event.target as Element;
        state.current.x = event.clientX;
        state.current.y = event.clientY;
        state.current.timer = window.setTimeout(() => {
          state.current.fired = true;
          window.addEventListener("click", swallow, { capture: true });
          window.addEventListener("pointerdown", forget, { capture: true, once: true });
          onLong(target);
        }, longMs);
      },
      onPointerMove: ({ clientX, clientY }: PointerEvent) => {
        const { x, y } = state.current;
        if (Math.hypot(clientX - x, clientY - y) > mostMove) stop();
      },
      onPointerUp: stop,
      onPointerCancel: stop,
      onContextMenu: (event: MouseEvent) => {
        if (state.current.fired) event.preventDefault();
      },
    };
  }, [onLong]);
}
