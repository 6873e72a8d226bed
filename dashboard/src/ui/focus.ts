const mostFrames = 30;

// Focuses what a list is about to draw, and scrolls as little as needed to show it; what covers the top of the
// window is the element's scroll margin. A dialog that has just closed gives the focus back to where it
// was, hence not in the first frames.
export function focusWhenDrawn(find: () => HTMLElement | null | undefined): void {
  let frame = 0;
  const look = () => {
    frame += 1;
    const element = frame > 3 ? find() : undefined;
    if (element) {
      element.focus({ preventScroll: true });
      element.scrollIntoView({ block: "nearest" });
    } else if (frame < mostFrames) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
