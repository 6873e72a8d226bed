// Zooming and moving a picture inside a frame, both centred at rest. Lengths are CSS pixels.

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Zoom {
  scale: number; // 1: the whole picture is in view
  x: number; // of the picture's centre from the frame's
  y: number;
}

export const whole: Zoom = { scale: 1, x: 0, y: 0 };

const leastMost = 4; // small pictures can be enlarged too
const pixelsPerPixel = 4;

// The size in which the whole picture is in view; it is never enlarged for that.
export function fitted(picture: Size, frame: Size): Size {
  const ratio = Math.min(1, frame.width / picture.width, frame.height / picture.height);
  return { width: picture.width * ratio, height: picture.height * ratio };
}

// The largest scale: each pixel of the picture is four wide, or the picture four times as wide as at rest.
export const mostScale = (picture: Size, frame: Size): number =>
  Math.max(leastMost, (pixelsPerPixel * picture.width) / fitted(picture, frame).width);

// The scale at which a pixel of the picture is one of the screen, where that is larger than at rest.
export const fullScale = (picture: Size, frame: Size): number =>
  Math.max(2, picture.width / fitted(picture, frame).width);

// No edge of the picture is moved into the frame while the picture is larger.
export function bounded({ scale, x, y }: Zoom, picture: Size, frame: Size): Zoom {
  const { width, height } = fitted(picture, frame);
  const limit = (at: number, length: number, space: number): number => {
    const most = Math.max(0, (length * scale - space) / 2);
    return most === 0 ? 0 : Math.min(most, Math.max(-most, at));
  };
  return { scale, x: limit(x, width, frame.width), y: limit(y, height, frame.height) };
}

// Zooms to `scale` so that what is at `at`, from the frame's centre, stays there.
export function zoomedTo(now: Zoom, scale: number, at: Point, picture: Size, frame: Size): Zoom {
  const to = Math.min(mostScale(picture, frame), Math.max(1, scale));
  const ratio = to / now.scale;
  return bounded(
    { scale: to, x: at.x - (at.x - now.x) * ratio, y: at.y - (at.y - now.y) * ratio },
    picture,
    frame,
  );
}
