// What is wrong with the layout of a page, as a person would see it. Runs inside the page.

export function layoutProblems(): string[] {
  const problems: string[] = [];
  const slack = 1.5; // pixels: rounding
  const name = (element: Element): string => {
    const words = (element.getAttribute("aria-label") ?? element.textContent).trim().slice(0, 40);
    const kind = typeof element.className === "string" ? element.className : "";
    return `<${element.tagName.toLowerCase()} class="${kind}"> “${words}”`;
  };
  const isShown = (element: Element): boolean =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
    element.closest(".visually-hidden, .skip, [aria-hidden=true], [inert]") === null;
  const scrolls = (style: CSSStyleDeclaration): boolean =>
    /auto|scroll/.test(`${style.overflowX} ${style.overflowY}`);

  const page = document.scrollingElement;
  if (page && page.scrollWidth > page.clientWidth + slack)
    problems.push(`the page is ${page.scrollWidth} pixels wide in ${page.clientWidth}`);

  const modal = [...document.querySelectorAll("[role=dialog], [role=alertdialog]")].at(-1);
  const within = modal ?? document.body;
  if (modal) {
    const box = modal.getBoundingClientRect();
    if (
      box.left < -slack ||
      box.top < -slack ||
      box.right > innerWidth + slack ||
      box.bottom > innerHeight + slack
    )
      problems.push(`the dialog is larger than the window: ${JSON.stringify(box)}`);
  }

  // Text and controls are not cut off by what is around them, unless that scrolls or shows an ellipsis.
  const wanted =
    "button, a, input, select, textarea, h1, h2, h3, p, dt, dd, label, legend, th, td, li, strong";
  for (const element of within.querySelectorAll(wanted)) {
    if (!isShown(element)) continue;
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) continue;
    const own = getComputedStyle(element);
    if (
      own.overflowX !== "visible" &&
      !scrolls(own) &&
      own.textOverflow !== "ellipsis" &&
      element.scrollWidth > element.clientWidth + slack &&
      !element.matches("input, select")
    )
      problems.push(`${name(element)} cuts off its own text`);
    for (let around = element.parentElement; around; around = around.parentElement) {
      const style = getComputedStyle(around);
      if (scrolls(style) || style.position === "fixed") break;
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      if (style.textOverflow === "ellipsis") break;
      const outer = around.getBoundingClientRect();
      if (
        box.left < outer.left - slack ||
        box.right > outer.right + slack ||
        box.top < outer.top - slack ||
        box.bottom > outer.bottom + slack
      )
        problems.push(`${name(element)} is cut off by ${name(around)}`);
      break;
    }
    if (!element.closest(".toasts") && (box.left < -slack || box.right > innerWidth + slack)) {
      const scroller = element.parentElement?.closest("*");
      let inScroller = false;
      for (let around = scroller; around; around = around.parentElement)
        if (scrolls(getComputedStyle(around)) && around !== page) inScroller = true;
      if (!inScroller) problems.push(`${name(element)} is partly outside of the window`);
    }
  }

  // Nothing lies over a control that is in view.
  for (const control of within.querySelectorAll("button, a, input, select, textarea")) {
    if (!isShown(control) || (control as HTMLButtonElement).disabled) continue;
    const box = control.getBoundingClientRect();
    const x = box.left + box.width / 2;
    const y = box.top + box.height / 2;
    if (box.width < 2 || x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) continue;
    const top = document.elementFromPoint(x, y);
    if (!top || control.contains(top) || top.contains(control)) continue;
    // The label of an input may lie over it; what sticks to an edge covers what scrolls below it.
    if (top.closest("label")?.contains(control)) continue;
    const sticks = (element: Element): boolean => {
      for (let around: Element | null = element; around; around = around.parentElement)
        if (/sticky|fixed/.test(getComputedStyle(around).position)) return true;
      return false;
    };
    if (sticks(top) && !sticks(control)) continue;
    if (top.closest(".toasts, .dock")) continue;
    problems.push(`${name(control)} is covered by ${name(top)}`);
  }

  // The photo of the preview is inside its stage, whole.
  const stage = document.querySelector(".preview-stage");
  const photo = stage?.querySelector<HTMLImageElement>("img.full");
  if (stage && photo) {
    const outer = stage.getBoundingClientRect();
    const box = photo.getBoundingClientRect();
    if (outer.height < 80) problems.push(`the stage is only ${outer.height} pixels high`);
    if (
      box.left < outer.left - slack ||
      box.right > outer.right + slack ||
      box.top < outer.top - slack ||
      box.bottom > outer.bottom + slack ||
      outer.bottom > innerHeight + slack
    )
      problems.push(
        `the photo (${box.width} × ${box.height}) is larger than its stage (${outer.width} × ${outer.height})`,
      );
    const fit = getComputedStyle(photo).objectFit;
    if (!["scale-down", "contain"].includes(fit)) problems.push(`the photo is cropped: ${fit}`);
  }
  return [...new Set(problems)];
}
