const mostFrames = 60;

// Focuses what a list is about to draw, and scrolls as little as needed to show it; what covers the top of the
// window is the element's scroll margin. While a dialog closes, what is behind it takes no focus yet: hence
// it is tried until it has it.
export function focusWhenDrawn(find: () => HTMLElement | null | undefined): void {
  let frame = 0;
  const look = () => {
    frame += 1;
    const element = find();
    element?.focus({ preventScroll: true });
    if (element && document.activeElement === element) element.scrollIntoView({ block: "nearest" });
    else if (frame < mostFrames) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
